"""Box ``precision``: what verdicts rest on, measured with one framework: determinism, noise floor, error by operation.

Both frameworks' float32 taps of step 1 are taken from their dumps and put into this framework's float64 model, some
rows at a time, so that no more than one model and a few rows' values are held.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from repro.backends import Arrays, Model
from repro.numerics.attribution import Error, Shares, Values, graft, walk
from repro.paths import RunPaths, atomic_json
from repro.profile import Profile
from repro.progress import track
from repro.steps.capture import inputs_digest, opened
from repro.steps.certificate import certificate
from repro.steps.context import CaptureContext
from repro.steps.memory import forget_peak, peak_memory
from repro.steps.noise import forward_noise, gradient_noise, gradient_sensitivity, sensitivity
from repro.steps.pair import SIDES, CompareContext, NotRunError, NotTrustedError
from repro.steps.rows import row_slices, take
from repro.steps.s01_forward import CLASSIFIERS, FACTOR, LARGER, SCALED, attended, scaled_weights
from repro.steps.start_weights import iterate_start, start_arrays

FINAL = ("start_logits_unmasked", "end_logits_unmasked")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """Write ``precision/{backend}.json``.

    Raises:
        InputError: a file that it needs is missing or damaged.
    """
    context, device = opened(run.root, profile.model_dump_json(), backend)
    own = Measurement(run, profile, context)
    stages: dict[str, Callable[[], dict[str, Any]]] = {"forward pass": own.forward}
    if 8 in profile.steps:
        stages["backward pass"] = own.backward
    stages["float64"] = own.wide
    found: dict[str, Any] = {
        "backend": backend,
        "device": device,
        "inputs": {str(step): inputs_digest(run, profile, step) for step in (1, 8)},
        "arithmetic": context.framework.arithmetic() | {name: os.environ.get(name, "unset") for name in THREADS},
        "cost": {},
    }
    for stage in track(stages, total=len(stages), title=f"precision of {backend}"):
        forget_peak()
        start = time.monotonic()
        found |= stages[stage]()
        found["cost"][stage] = {"seconds": round(time.monotonic() - start, 1), "peak_memory": peak_memory()}
    atomic_json(run.precision(backend), finite(found))


def finite(value: Any) -> Any:
    """The same without numbers that are not finite: they measure nothing, and the step itself says so of its tensor."""
    if isinstance(value, dict):
        kept = {key: finite(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not isinstance(item, float) or math.isfinite(item)}
    return value


@dataclass
class Measurement:
    """One framework on the first batch; each method is a stage and holds one model."""

    run: RunPaths
    profile: Profile
    context: CaptureContext

    @cached_property
    def batch(self) -> Arrays:
        return self.context.first_batch()

    def _weights(self) -> Iterable[tuple[str, np.ndarray]]:
        return iterate_start(self.run)

    def forward(self) -> dict[str, Any]:
        """Float32: the same twice, and the noise floor."""
        model = self.context.model("float32")
        twice = certificate(model, self.batch)
        noise = forward_noise(self.context.framework, self.profile, model, self.batch, self._weights)
        return {"certificate": twice, "noise": noise}

    def backward(self) -> dict[str, Any]:
        """Float32: the same for the gradients."""
        noise, twice = gradient_noise(self.context.model("float32"), self.batch, self._weights)
        return {"gradient_certificate": twice, "gradient_noise": noise}

    def wide(self) -> dict[str, Any]:
        """Float64: the same twice, errors and shares by operation, sensitivity."""
        model = self.context.model("float64")
        rows = take(self.batch, slice(self.profile.alignment.attribution_rows))
        found = {"rows": len(rows["input_ids"]), "certificate64": certificate(model, rows)}
        found |= self._attribution(model, rows) | {"sensitivity": sensitivity(model, rows, self._weights)}
        if 8 in self.profile.steps:
            found["gradient_sensitivity"] = gradient_sensitivity(model, self.batch, self._weights)
        return found

    def _attribution(self, model: Model, batch: Arrays) -> dict[str, Any]:
        """Errors of every operation of this framework, and every operation's share in the difference of the two."""
        side = self.context.backend
        pair = CompareContext(self.run, self.profile, 1)
        try:
            pair.open()
        except (NotRunError, NotTrustedError) as reason:
            return {"attribution": None, "reason": str(reason)}
        operations = {name: inputs for name, inputs in model.operations().items() if name in pair.side(side)}
        if odd := [f"{other} lacks {name}" for other in SIDES for name in operations if name not in pair.side(other)]:
            return {"attribution": None, "reason": f"The dumps of step 1 do not fit each other: {odd[0]}."}
        errors: dict[str, Error] = {}
        scaled: dict[str, Error] = {}
        shares = Shares()
        classifiers = start_arrays(self.run, names=CLASSIFIERS)
        larger = scaled_weights(classifiers, float(pair.side(side)[FACTOR]))
        for rows in row_slices(batch):
            part = take(batch, rows)
            narrow = {other: {name: pair.side(other)[name][rows] for name in operations} for other in SIDES}
            own, final = narrow[side], partial(final_logits, mask=attended(part))
            wide = walk(operations, model.run, model.prepare(part), own, errors)
            a, b = (graft(operations, model.run, wide, narrow[other], final) for other in SIDES)
            shares.add(a, b, *(final(narrow[other]) for other in SIDES))
            model.replace(larger)
            own |= {name: pair.side(side)[f"{LARGER}{name}"][rows] for name in SCALED}
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


def final_logits(values: Values, mask: np.ndarray) -> np.ndarray:
    """Start, then end logits of all positions that can be an answer, float64 (2 positions,)."""
    return np.concatenate([values[name][:, 0][mask == 1] for name in FINAL], dtype=np.float64)
