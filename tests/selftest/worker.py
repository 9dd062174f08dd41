"""Process of one framework: a few faults captured, then every fault planted and removed.

``python -m tests.selftest.worker BACKEND FOLDER``: the captures go to ``FOLDER/run``; ``FOLDER/{BACKEND}.json`` holds
what the framework computes before (``""``) and after each fault, as hashes.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from repro.backends import load_and_freeze
from repro.context.capture import CaptureContext
from repro.selftest import SelftestPaths, capture_clean, capture_fault
from repro.selftest.capture import make_case
from repro.selftest.faults import TABLE, planted
from repro.selftest.prepare import profile_of

FAULTS = ("layer-norm-epsilon", "tf32", "warmup-off-by-one", "labels-shifted", "stale-settings", "stale-file")


def computed(context: CaptureContext) -> str:
    """Hash of gradients, trained weights, learning rates, batches and fresh weights."""
    framework: Any = context.framework
    settings, batch = context.profile.training, context.first_batch()
    model = framework.load_model(context.run.checkpoint(context.backend), rules=context.rules, dtype="float32")
    loss, gradients = model.gradients(batch)
    trainer = framework.make_trainer(model, rules=context.rules, settings=settings, total_steps=20)
    for part in framework.batches(batch, [[0, 1], [2, 3]]):
        trainer.step(part)
    fresh = framework.initialise(context.config(), 1)
    rates = framework.learning_rates(settings=settings, total_steps=20)
    orders = np.array([row for epoch in context.batch_order()[:3] for order in epoch for row in order])
    digest = hashlib.sha256()
    for array in (loss, rates, orders, *gradients.values(), *model.parameters().values(), *fresh.values()):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def main(backend: str, folder: Path) -> None:
    paths, framework = SelftestPaths(folder / "run"), load_and_freeze(backend)
    capture_clean(paths, backend, 0)
    for name in FAULTS:
        capture_fault(paths, backend, name)
    context = CaptureContext(paths.clean(0), profile_of(0), backend, framework=framework)
    hashes, inside = {"": computed(context)}, {}
    other = SelftestPaths(folder / backend / "run")
    (other.root / "clean").mkdir(parents=True)
    (other.root / "clean" / "0").symlink_to(paths.clean(0).root)
    for fault in TABLE:
        if fault.name.startswith("stale"):
            continue
        with planted(fault, make_case(other, fault, backend)):
            inside[fault.name] = computed(context)
        hashes[fault.name] = computed(context)
    (folder / f"{backend}.json").write_text(json.dumps({"after": hashes, "inside": inside}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
