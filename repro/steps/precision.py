"""Box ``precision``: what verdicts rest on, measured with one framework: determinism, noise floor, error by operation.

Both frameworks' float32 taps of step 1 are taken from their dumps and put into this framework's float64 model, some
rows at a time, so that no more than one model and a few rows' values are held.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from repro.backends import Arrays, Model
from repro.dumps import read_dump
from repro.numerics.attribution import Error, Shares, Values, graft, walk
from repro.paths import RunPaths, atomic_json
from repro.profile import Profile
from repro.progress import track
from repro.steps.capture import inputs_digest, opened
from repro.steps.certificate import certificate
from repro.steps.context import CaptureContext
from repro.steps.noise import forward_noise, gradient_noise, sensitivity
from repro.steps.pair import SIDES, CompareContext, NotRunError, NotTrustedError
from repro.steps.s01_forward import CLASSIFIERS, FACTOR, LARGER, SCALED, attended, scaled_weights
from repro.steps.start_weights import iterate_start, start_arrays

HELD = 64 << 20  # bytes
FINAL = ("start_logits_unmasked", "end_logits_unmasked")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def peak_memory() -> int:
    """Bytes that this process has held at most; 0 where the kernel does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """Write ``precision/{backend}.json``.

    Raises:
        InputError: a file that it needs is missing or damaged.
    """
    start = time.monotonic()
    context, device = opened(run.root, profile.model_dump_json(), backend)
    framework, batch = context.framework, context.first_batch()
    found: dict[str, Any] = {
        "backend": backend,
        "device": device,
        "inputs": {str(step): inputs_digest(run, profile, step) for step in (1, 8)},
        "arithmetic": framework.arithmetic() | {name: os.environ.get(name, "unset") for name in THREAD_VARIABLES},
    }
    stages = track(("determinism", "noise floor", "error by operation"), total=3, title=f"precision of {backend}")
    for stage in stages:
        if stage == "determinism":
            model = context.model("float32")
            found["certificate"] = {"float32": certificate(model, batch)}
        elif stage == "noise floor":
            found["noise"] = forward_noise(framework, profile, model, batch)
            if 8 in profile.steps:
                noise, found["certificate"]["float32"]["backward"] = gradient_noise(model, batch)
                found["noise"] |= noise
            del model
        else:
            model = context.model("float64")
            first = {name: array[: profile.alignment.attribution_rows] for name, array in batch.items()}
            found["certificate"]["float64"] = certificate(model, first)
            found |= {"rows": len(first["input_ids"]), **_attribution(run, profile, context, model, first)}
            wide = read_dump(run.dump(backend, 1, "float64"))
            found["sensitivity"] = sensitivity(model, first, wide, iterate_start(run))
            context.release()  # its weights are others now
    found |= {"seconds": round(time.monotonic() - start, 1), "peak_memory": peak_memory()}
    atomic_json(run.precision(backend), found)


def _attribution(
    run: RunPaths, profile: Profile, context: CaptureContext, model: Model, batch: Arrays
) -> dict[str, Any]:
    """Errors of every operation of this framework, and every operation's share in the difference of the two."""
    pair = CompareContext(run, profile, 1)
    try:
        pair.open()
    except (NotRunError, NotTrustedError) as reason:
        return {"attribution": None, "reason": str(reason)}
    operations = {name: inputs for name, inputs in model.operations().items() if name in pair.side(context.backend)}
    if odd := [f"{side} lacks {name}" for side in SIDES for name in operations if name not in pair.side(side)]:
        return {"attribution": None, "reason": f"The dumps of step 1 do not fit each other: {odd[0]}."}
    errors: dict[str, Error] = {}
    scaled: dict[str, Error] = {}
    shares = Shares()
    classifiers = start_arrays(run, names=CLASSIFIERS)
    larger = scaled_weights(classifiers, float(pair.side(context.backend)[FACTOR]))
    for rows in _slices(len(batch["input_ids"]), pair.side(context.backend)):
        part = {name: array[rows] for name, array in batch.items()}
        seen = attended(part).astype(bool)
        narrow = {side: {name: pair.side(side)[name][rows] for name in operations} for side in SIDES}
        own = narrow[context.backend]
        wide = walk(operations, model.run, model.prepare(part), own, errors)

        def final(values: Values, seen: np.ndarray = seen) -> np.ndarray:
            return np.concatenate([values[name][:, 0][seen] for name in FINAL], dtype=np.float64)

        a, b = (graft(operations, model.run, wide, narrow[side], final) for side in SIDES)
        shares.add(a, b, *(final(narrow[side]) for side in SIDES))
        model.replace(larger)
        own |= {name: pair.side(context.backend)[f"{LARGER}{name}"][rows] for name in SCALED}
        walk({name: operations[name] for name in SCALED}, model.run, wide, own, scaled)
        model.replace(classifiers)
    return {
        "attribution": {
            "operations": {name: list(inputs) for name, inputs in operations.items()},
            "errors": {name: asdict(error) for name, error in errors.items()},
            "scaled": {name: asdict(error) for name, error in scaled.items()},
            "shares": asdict(shares),
        }
    }


def _slices(count: int, taps: Arrays) -> Iterator[slice]:
    """Rows that go through the float64 model together: as many as keep one pass's values within ``HELD``."""
    row = 2 * sum(array.nbytes for array in taps.values()) // count
    step = max(1, HELD // row)
    for first in range(0, count, step):
        yield slice(first, first + step)
