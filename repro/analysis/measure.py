"""Stage ``measure``: determinism, noise floor and error by operation of one framework, which verdicts rest on.

The float32 activations of both frameworks come from the dumps of step 1. They are patched into this framework's float64
model a few rows at a time, so that no more than one model and the values of a few rows are in memory.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from repro.analysis.activations import CLASSIFIERS, FACTOR, LARGER, SCALED, attended, scaled_weights
from repro.analysis.chunking import row_slices
from repro.analysis.determinism import check_determinism
from repro.analysis.noise_floor import forward_noise, gradient_noise, gradient_sensitivity, sensitivity
from repro.backends import Model
from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS, Profile
from repro.context.capture import OPTIMIZER_FIELDS, CaptureContext, inputs_digest, opened
from repro.context.dumps import NotRunError, NotTrustedError, StepDumps
from repro.context.start_weights import iterate_start, start_arrays
from repro.data.batches import take
from repro.machine.memory import forget_peak, peak_memory
from repro.numerics.arrays import Arrays
from repro.numerics.error_propagation import Values, add_moves, patch_activations, propagate_errors
from repro.progress import track
from repro.results.capture import Cost
from repro.results.precision import Attribution, OperationError, PrecisionMeasurement, Shares

FIELDS: dict[int, tuple[str, ...]] = {1: (), 8: OPTIMIZER_FIELDS}  # of the steps whose verdicts rest on this
Part = Callable[[PrecisionMeasurement], PrecisionMeasurement]
FINAL = ("start_logits_unmasked", "end_logits_unmasked")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """Write ``precision/{backend}.json``, a ``PrecisionMeasurement``.

    Raises:
        InputError: a file that it needs is missing or damaged.
    """
    context, device = opened(run.root, profile.model_dump_json(), backend)
    measurement = Measurement(run, profile, context)
    parts: dict[str, Part] = {"forward pass": measurement.forward}
    if 8 in profile.steps:
        parts["backward pass"] = measurement.backward
    parts["float64"] = measurement.float64
    result = PrecisionMeasurement(
        backend=context.backend,
        device=device,
        inputs={str(step): inputs_digest(run, profile, step, fields) for step, fields in FIELDS.items()},
        arithmetic=context.framework.arithmetic() | {name: os.environ.get(name, "unset") for name in THREADS},
        determinism={},
        noise={},
        sensitivity={},
        rows=len(measurement.rows["input_ids"]),
    )
    for part in track(parts, total=len(parts), title=f"precision of {backend}"):
        forget_peak()
        start = time.monotonic()
        result = parts[part](result)
        cost = Cost(seconds=round(time.monotonic() - start, 1), peak_memory=peak_memory())
        result = result.replace(cost={**result.cost, part: cost})
    result.write(run.precision(backend))


def finite(value: Any) -> Any:
    """The same without numbers that are not finite: they measure nothing, and the step reports its tensor anyway."""
    if not isinstance(value, dict):
        return value
    return {key: finite(item) for key, item in value.items() if _is_finite(item)}


def _is_finite(item: Any) -> bool:
    return all(map(_is_finite, item)) if isinstance(item, tuple) else not isinstance(item, float) or math.isfinite(item)


class Measurement:
    """One framework on the first batch. Each public method adds one part to the result, with one model in memory."""

    def __init__(self, run: RunPaths, profile: Profile, context: CaptureContext) -> None:
        self.run, self.profile, self.context = run, profile, context
        self.batch = context.first_batch()
        self.rows = take(self.batch, slice(profile.alignment.attribution_rows))
        self.weights = partial(iterate_start, run)

    def forward(self, result: PrecisionMeasurement) -> PrecisionMeasurement:
        """Float32: determinism and noise floor of the activations."""
        model = self.context.model("float32")
        check = check_determinism(model, self.batch)
        noise = forward_noise(self.context.framework, self.profile, model, self.batch, self.weights)
        return result.replace(determinism={"float32": check}, noise=finite(noise))

    def backward(self, result: PrecisionMeasurement) -> PrecisionMeasurement:
        """Float32: the same of the gradients."""
        noise, twice = gradient_noise(self.context.model("float32"), self.batch, self.weights)
        check = result.determinism["float32"].replace(backward=twice)
        return result.replace(determinism={"float32": check}, gradient_noise=finite(noise))

    def float64(self, result: PrecisionMeasurement) -> PrecisionMeasurement:
        """Float64: determinism, errors and shares by operation, sensitivity."""
        model = self.context.model("float64")
        check = check_determinism(model, self.rows)
        attribution, reason = self._attribute(model)
        moves = {"sensitivity": finite(sensitivity(model, self.rows, self.weights))}
        if 8 in self.profile.steps:
            moves["gradient_sensitivity"] = finite(gradient_sensitivity(model, self.batch, self.weights))
        determinism = {**result.determinism, "float64": check}
        return result.replace(determinism=determinism, attribution=attribution, reason=reason, **moves)

    def _attribute(self, model: Model) -> tuple[Attribution | None, str]:
        """Every operation's error in this framework and share in the difference of the two; or why there are none."""
        backend = self.context.backend
        dumps = StepDumps(self.run, self.profile, 1)
        try:
            dumps.open()
        except (NotRunError, NotTrustedError) as error:
            return None, str(error)
        sides: dict[str, Arrays] = {side: dumps.side(side) for side in BACKENDS}
        operations = {name: inputs for name, inputs in model.operations().items() if name in sides[backend]}
        lacking = [f"{side} lacks {name}" for side in BACKENDS for name in operations if name not in sides[side]]
        if lacking:
            return None, f"The dumps of step 1 do not fit each other: {lacking[0]}."
        errors: dict[str, OperationError] = {}
        scaled: dict[str, OperationError] = {}
        shares = Shares()
        classifiers = start_arrays(self.run, names=CLASSIFIERS)
        larger = scaled_weights(classifiers, float(sides[backend][FACTOR]))
        for rows in row_slices(self.rows):
            part = take(self.rows, rows)
            f32 = {side: {name: arrays[name][rows] for name in operations} for side, arrays in sides.items()}
            final = partial(final_logits, mask=attended(part))
            f64 = propagate_errors(operations, model.run, model.prepare(part), f32[backend], errors)
            a, b = (patch_activations(operations, model.run, f64, f32[side], final) for side in BACKENDS)
            add_moves(shares, a, b, *(final(f32[side]) for side in BACKENDS))
            model.replace(larger)
            activations = f32[backend] | {name: sides[backend][f"{LARGER}{name}"][rows] for name in SCALED}
            propagate_errors({name: operations[name] for name in SCALED}, model.run, f64, activations, scaled)
            model.replace(classifiers)
        measured = {"operations": operations, "shares": asdict(shares)}
        measured |= {"errors": {name: asdict(error) for name, error in errors.items()}}
        measured |= {"scaled": {name: asdict(error) for name, error in scaled.items()}}
        return Attribution.model_validate(finite(measured)), ""


def final_logits(values: Values, mask: np.ndarray) -> np.ndarray:
    """Start, then end logits of all positions that can be an answer, float64 (2 positions,).

    Args:
        mask: (B, T), 1 where a token can be an answer.
    """
    return np.concatenate([values[name][:, 0][mask == 1] for name in FINAL], dtype=np.float64)
