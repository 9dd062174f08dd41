"""Process of one framework, started by ``conftest.py``: a few faults captured, then every fault planted and removed.

``worker.py BACKEND FOLDER``: the captures go to ``FOLDER/run``, ``FOLDER/{BACKEND}.json`` holds what the framework
computes before (``""``) and after each fault, as hashes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from repro.backends import load  # noqa: E402
from repro.selftest import SelftestPaths, capture_all  # noqa: E402
from repro.selftest.capture import make_case  # noqa: E402
from repro.selftest.faults import TABLE, planted  # noqa: E402
from repro.selftest.layout import receipt  # noqa: E402
from repro.selftest.prepare import profile_of  # noqa: E402
from repro.steps.context import CaptureContext  # noqa: E402

FAULTS = ("layer-norm-epsilon", "tf32", "warmup-off-by-one", "labels-shifted", "stale-file")


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
    found = hashlib.sha256()
    for array in (loss, rates, orders, *gradients.values(), *model.parameters().values(), *fresh.values()):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def main(backend: str, folder: Path) -> None:
    paths = SelftestPaths(folder / "run")
    capture_all(paths.root, backend, FAULTS, clean=1)
    first = receipt(paths.fault("tf32", backend), backend).stat().st_mtime_ns
    capture_all(paths.root, backend, FAULTS, clean=1)  # everything is finished
    again = receipt(paths.fault("tf32", backend), backend).stat().st_mtime_ns
    context = CaptureContext(paths.clean(0), profile_of(0), backend, framework=load(backend))
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
    (folder / f"{backend}.json").write_text(json.dumps({"after": hashes, "inside": inside, "redone": first != again}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
