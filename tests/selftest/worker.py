"""Process of one framework: a few faults captured, then every fault planted and removed.

``main(BACKEND, FOLDER)``: the captures go to ``FOLDER/run``; ``FOLDER/{BACKEND}.json`` holds
what the framework computes before (``""``) and inside each fault and after every fifth (after each with
``REPRO_MUTATIONS``), as hashes, and ``beyond``: the steps outside the reach of a fault whose dumps it changed all the
same.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from repro.alignment.capture import capture_step
from repro.alignment.step10_initialisation import capture as step10
from repro.backends import load
from repro.config.profile import BACKENDS
from repro.context.capture import CaptureContext
from repro.numerics.distribution import Distribution, Fit, fit
from repro.selftest import SelftestPaths, capture_clean, capture_fault
from repro.selftest.capture import reused_models
from repro.selftest.case import Case, make_case
from repro.selftest.faults import TABLE, Fault, planted
from repro.selftest.file_faults import FILE_FAULTS
from repro.selftest.prepare import profile_of

FAULTS = ("layer-norm-epsilon", "tf32", "warmup-off-by-one", "labels-shifted", "nan", "stale-settings", "stale-file")
COSTLY = {5, 7, 10}  # steps: many optimizers or fresh models
DTYPES = ("float32", "float64")
AFTER = 1 if "REPRO_MUTATIONS" in os.environ else 5


known: dict[tuple[object, ...], Fit] = {}


def fitted_once(values: np.ndarray, declared: Distribution) -> Fit:
    """The fit of a drawn tensor: what no fault has changed is tested once, not once for each fault."""
    key = declared, values.dtype.str, values.shape, values.tobytes()
    if key not in known:
        known[key] = fit(values, declared)
    return known[key]


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


def beyond(fault: Fault, case: Case) -> list[int]:
    """Capture the steps that the fault cannot reach; those whose dumps are not the clean run's, bit for bit.

    Costly steps are captured for every fault in one of the frameworks, in turn; in both with ``REPRO_MUTATIONS``.
    """
    steps = []
    here = TABLE.index(fault) + BACKENDS.index(case.backend)
    for step in set(case.profile.steps) - {*fault.reach}:
        if step in COSTLY and (here + step) % 2 and "REPRO_MUTATIONS" not in os.environ:
            continue
        capture_step(case.run, case.profile, case.backend, step)
        dumps = [(run.dump(case.backend, step, dtype), dtype) for run in (case.run, case.clean) for dtype in DTYPES]
        contents = {
            dtype: {path.read_bytes() for path, of in dumps if of == dtype and path.exists()} for dtype in DTYPES
        }
        steps += [step] if any(len(content) > 1 for content in contents.values()) else []
    return steps


def main(backend: str, folder: Path) -> None:
    vars(step10)["fit"] = fitted_once
    paths, framework = SelftestPaths(folder / "run"), load(backend)
    capture_clean(paths, backend, 0)
    for name in FAULTS:
        capture_fault(paths, backend, name)
    context = CaptureContext(paths.clean(0), profile_of(0), backend, framework=framework)
    other = SelftestPaths(folder / backend / "run")
    (other.root / "clean").mkdir(parents=True)
    (other.root / "clean" / "0").symlink_to(paths.clean(0).root)
    with reused_models(paths.clean(0), profile_of(0), backend):
        after, inside, outside = {"": computed(context)}, {}, {}
        faults = [fault for fault in TABLE if fault.name not in FILE_FAULTS]
        for number, fault in enumerate(faults, 1):
            case = make_case(other, fault.name, backend)
            with planted(fault, case):
                inside[fault.name], outside[fault.name] = computed(context), beyond(fault, case)
            if number % AFTER == 0 or number == len(faults):  # what is left of one stays
                after[fault.name] = computed(context)
    (folder / f"{backend}.json").write_text(json.dumps({"after": after, "inside": inside, "beyond": outside}))
