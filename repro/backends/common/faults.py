"""Where a planted fault sits in a running backend, and the faults that need nothing of a framework.

Each function returns a context manager that restores everything but what it did to models, which ``ModelPool`` resets.
``repro.selftest.faults`` says what each mimics.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from repro.backends.common.operations import Operation
from repro.backends.common.schedule import warmup_steps
from repro.backends.protocol import Model
from repro.config.protocol import Rules
from repro.numerics.arrays import Arrays

Planted = AbstractContextManager[object]
Function = Callable[..., Any]  # of tensors
WEIGHT = "splinter.encoder.layer.0.attention.output.dense.weight"
BIT11 = 2.0**13 + 1  # factor that splits off the first 11 bits of a float32 (Veltkamp)
FACTORS = ("input", "x", "y", "weight")  # keyword arguments that are factors of a product


class Sites:
    """Where the faults of one backend sit: its loaded models, their operations and submodules, its trainers."""

    def __init__(self, backend: ModuleType) -> None:
        self.backend = backend

    def loaded(self, change: Callable[[Any], object], **overrides: Any) -> Planted:
        """Apply ``change`` to every loaded model; ``overrides`` replace arguments of ``load_model``."""
        return self._created("load_model", change, **overrides)

    def trained(self, change: Callable[[Any], object]) -> Planted:
        """Apply ``change`` to every new trainer."""
        return self._created("make_trainer", change)

    def _created(self, function: str, change: Callable[[Any], object], **overrides: Any) -> Planted:
        original = getattr(self.backend, function)

        def create(*positional: Any, **keywords: Any) -> Any:
            created = original(*positional, **{**keywords, **overrides})
            change(created)
            return created

        return patch.object(self.backend, function, create)

    def ruled(self, function: str, **changes: Any) -> Planted:
        """``load_model`` or ``make_trainer`` gets changed rules."""
        original = getattr(self.backend, function)

        def call(*positional: Any, rules: Rules, **keywords: Any) -> Any:
            return original(*positional, rules=replace(rules, **changes), **keywords)

        return patch.object(self.backend, function, call)

    def operations(self, **changes: Callable[[Operation], Operation]) -> Planted:
        """Change operations of every model; in a name ``__`` stands for a point."""
        by_name = {name.replace("__", "."): change for name, change in changes.items()}

        def changed(operation: Operation) -> Operation:
            return by_name[operation.name](operation) if operation.name in by_name else operation

        def plant(faulty: Any) -> None:
            original = faulty.module.operations
            faulty.module.operations = lambda *arguments: [changed(operation) for operation in original(*arguments)]

        return self.loaded(plant)

    def prepared(self, change: Function) -> Planted:
        """Change the attention mask (B, T) that every model gets."""

        def plant(faulty: Any) -> None:
            original = faulty.module.prepare
            faulty.module.prepare = lambda ids, mask, segments=None: original(ids, change(mask), segments)

        return self.loaded(plant)

    def called(self, layer: Callable[[Any], Any], change: Function) -> Planted:
        """A submodule of every model computes ``change(submodule, its forward, inputs)``."""

        def plant(faulty: Any) -> None:
            submodule = layer(faulty.module)
            original = submodule.forward
            submodule.forward = lambda inputs: change(submodule, original, inputs)

        return self.loaded(plant)


def through(change: Function) -> Callable[[Operation], Operation]:
    """The operation computes ``change(function, *inputs)``."""
    return lambda operation: operation._replace(function=lambda *inputs: change(operation.function, *inputs))


def reads(*inputs: str) -> Callable[[Operation], Operation]:
    """The operation reads other values."""
    return lambda operation: operation._replace(inputs=inputs)


def wrapped(owner: Any, name: str, wrapper: Callable[[Any], object]) -> Planted:
    """``wrapper(original)`` in the place of an attribute."""
    return patch.object(owner, name, wrapper(getattr(owner, name)))


@contextmanager
def together(*faults: Planted) -> Iterator[None]:
    """Several patches as one."""
    with ExitStack() as stack:
        for fault in faults:
            stack.enter_context(fault)
        yield


def transpose_weight(faulty: Model) -> None:
    """One square matrix, as after a conversion that forgets one name."""
    faulty.replace({WEIGHT: faulty.parameters()[WEIGHT].T.copy()})


def nudge_weight(faulty: Model) -> None:
    """One element, by 1 ulp of float32."""
    array = faulty.parameters()[WEIGHT].astype(np.float32)
    array[0, 0] = np.nextafter(array[0, 0], np.float32(np.inf))
    faulty.replace({WEIGHT: array})


def keep_training(faulty: Any) -> None:
    """``eval()`` has no effect."""
    faulty.module.eval = faulty.module.train


def decay_layer_norms(decays: Callable[[str, Rules], bool]) -> Callable[[str, Rules], bool]:
    """LayerNorm weights decay whatever the rules are."""
    return lambda name, rules: "LayerNorm.weight" in name or decays(name, rules)


def round_to_tf32(value: Any) -> Any:
    """A float32 tensor rounded to the 11 significant bits of TF32; any other as it is."""
    if not str(value.dtype).endswith(".float32"):
        return value
    large = value * BIT11
    return large - (large - value)


def tf32(original: Function) -> Function:
    """A product that rounds its two factors to TF32, in the forward and the backward pass."""

    def product(*positional: Any, **keywords: Any) -> Any:
        factors = [round_to_tf32(value) for value in positional[:2]]
        by_name = {key: round_to_tf32(value) if key in FACTORS else value for key, value in keywords.items()}
        return original(*factors, *positional[2:], **by_name)

    return product


def without_sep(original: Function) -> Function:
    """No token is ``[SEP]``."""
    return lambda config: original(config)._replace(sep=-1)


def unmarked(original: Function) -> Function:
    """``[MASK]`` stands for the question as it is."""
    return lambda config: original(config)._replace(question=original(config).mask)


def sum_loss(original: Function) -> Function:
    """The sum over the batch in place of the mean."""
    return lambda start, *others: original(start, *others) * start.shape[0]


def count_outside(original: Function) -> Function:
    """An answer beyond the window counts as one at its last token."""
    return lambda start, end, *labels: original(start, end, *(label.clip(0, start.shape[1] - 1) for label in labels))


def clip_by_value(original: Function, clip_values: Function) -> Function:
    """Every element is clipped by itself, by the framework's ``clip_grad_value_``."""

    def clip(parameters: Sequence[Any], limit: float) -> Any:
        norm = original(parameters, math.inf)
        clip_values(parameters, limit)
        return norm

    return clip


def clip_exactly(original: Function) -> Function:
    """To the limit itself: the divisor is the norm without the original's 1e-6."""

    def clip(parameters: Sequence[Any], limit: float) -> Any:
        norm = original(parameters, math.inf)
        factor = limit / max(limit, float(norm))
        for value in parameters:
            if value.grad is not None:
                value.grad = value.grad * factor
        return norm

    return clip


def widen(arrays: Arrays) -> Arrays:
    """Every matrix with a deviation 10 % larger than declared."""
    return {name: array * array.dtype.type(1.1) if array.ndim == 2 else array for name, array in arrays.items()}


def scale(layer: Any, forward: Function, inputs: Any) -> Any:
    """Queries times sqrt(D / H), which cancels the scaling of attention scores (H = 2)."""
    output = forward(inputs)
    return output * math.sqrt(output.shape[-1] // 2)


def exchange_heads(layer: Any, forward: Function, inputs: Any) -> Any:
    """Swap the values of the two attention heads."""
    output = forward(inputs)
    return output.roll(output.shape[-1] // 2, -1)


def common_faults(
    sites: Sites, model: ModuleType, optimizer: ModuleType, utils: ModuleType
) -> dict[str, Callable[[], Planted]]:
    """Faults that are planted alike in both backends, by name.

    Args:
        model, optimizer: the modules of the backend.
        utils: the framework's ``nn.utils``.
    """
    swapped = {
        "start_logits": reads("end_logits_unmasked", "masked"),
        "end_logits": reads("start_logits_unmasked", "masked"),
    }
    skip = through(lambda layer, hidden, mask: hidden)
    repeat = through(lambda layer, hidden, mask: layer(layer(hidden, mask), mask))
    off_by_one = through(lambda gather, hidden, positions: gather(hidden, positions + 1))
    return {
        "transposed-weight": lambda: sites.loaded(transpose_weight),
        "weight-one-ulp": lambda: sites.loaded(nudge_weight),
        "swapped-start-end": lambda: sites.operations(**swapped),
        "mask-off-by-one": lambda: sites.prepared(lambda mask: mask.maximum(mask.roll(1, 1))),
        "segment-ids": lambda: sites.ruled("load_model", segment_ids=True),
        "sep-left-in": lambda: wrapped(model, "special_ids", without_sep),
        "question-not-marked": lambda: wrapped(model, "special_ids", unmarked),
        "question-off-by-one": lambda: sites.operations(query_reps=off_by_one),
        "layer-skipped": lambda: sites.operations(encoder__layer__1=skip),
        "layer-twice": lambda: sites.operations(encoder__layer__1=repeat),
        "dropout-on": lambda: sites.loaded(keep_training, dropout=0.1),
        "loss-summed": lambda: wrapped(model, "span_loss", sum_loss),
        "outside-counted": lambda: wrapped(model, "span_loss", count_outside),
        "decayed-layer-norms": lambda: wrapped(optimizer, "decays", decay_layer_norms),
        "eps-after-correction": lambda: sites.ruled("make_trainer", eps_before_bias_correction=False),
        "beta2": lambda: patch.object(optimizer, "BETAS", (0.9, 0.98)),
        "clipped-by-value": lambda: wrapped(
            optimizer, "clip_grad_norm_", lambda original: clip_by_value(original, utils.clip_grad_value_)
        ),
        "clipped-exactly": lambda: wrapped(optimizer, "clip_grad_norm_", clip_exactly),
        "schedule-ahead": lambda: sites.trained(lambda trainer: trainer._schedule.step()),
        "warmup-off-by-one": lambda: patch.object(
            optimizer, "warmup_steps", lambda settings, total_steps: warmup_steps(settings, total_steps) + 1
        ),
        "wide-initialiser": lambda: wrapped(
            sites.backend, "initialise", lambda draw: lambda *arguments: widen(draw(*arguments))
        ),
    }
