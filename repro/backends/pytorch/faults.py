"""Faults planted in the PyTorch program, by name: each is a context manager that leaves everything as it was.

What they mimic stands in ``repro.selftest.faults``. Mirror image of ``repro.backends.paddle.faults``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from repro.backends import Arrays
from repro.backends import pytorch as backend
from repro.backends.pytorch import model, optimizer
from repro.backends.pytorch.operations import Operation

Planted = AbstractContextManager[Any]
LAYER = "splinter.encoder.layer.0."
BIT11 = 2.0**13 + 1  # times a float32: what splits off its first 11 bits (Veltkamp)
FACTORS = ("input", "x", "y", "weight")  # of a product, where they are given by name


# Where the faults sit: the loaded model, its operations, its submodules, the trainer.


def loaded(change: Callable[[Any], object], **named: Any) -> Planted:
    """``change`` is done to every model that is loaded; ``named`` overrides arguments of ``load_model``."""
    original = backend.load_model

    def load_model(*arguments: Any, **others: Any) -> Any:
        found = original(*arguments, **{**others, **named})
        change(found)
        return found

    return patch.object(backend, "load_model", load_model)


def ruled(function: str, **changed: Any) -> Planted:
    """``load_model`` or ``make_trainer`` works by other rules than it is given."""
    original = getattr(backend, function)

    def call(*arguments: Any, rules: Any, **others: Any) -> Any:
        return original(*arguments, rules=replace(rules, **changed), **others)

    return patch.object(backend, function, call)


def operations(**changes: Callable[[Operation], Operation]) -> Planted:
    """Operations of every model are changed; in a name ``__`` stands for a point."""
    wanted = {name.replace("__", "."): change for name, change in changes.items()}

    def change(found: Any) -> None:
        original = found.module.operations
        found.module.operations = lambda *given: [wanted.get(o.name, lambda own: own)(o) for o in original(*given)]

    return loaded(change)


def through(change: Callable[..., torch.Tensor]) -> Callable[[Operation], Operation]:
    """An operation whose function is called by ``change(function, *inputs)``."""
    return lambda operation: operation._replace(function=lambda *inputs: change(operation.function, *inputs))


def reads(*inputs: str) -> Callable[[Operation], Operation]:
    """An operation that works on other values."""
    return lambda operation: operation._replace(inputs=inputs)


def prepared(change: Callable[[torch.Tensor], torch.Tensor]) -> Planted:
    """Every model is handed a changed attention mask (B, T)."""

    def plant(found: Any) -> None:
        original = found.module.prepare
        found.module.prepare = lambda ids, mask, segments=None: original(ids, change(mask), segments)

    return loaded(plant)


def called(layer: Callable[[Any], nn.Module], change: Callable[..., torch.Tensor]) -> Planted:
    """A submodule of every model is called by ``change(submodule, its forward, inputs)``."""

    def plant(found: Any) -> None:
        own = layer(found.module)
        original = own.forward
        own.forward = lambda inputs: change(own, original, inputs)

    return loaded(plant)


def trained(change: Callable[[Any], object]) -> Planted:
    """``change`` is done to every trainer that is made."""
    original = backend.make_trainer

    def make_trainer(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        change(found)
        return found

    return patch.object(backend, "make_trainer", make_trainer)


@contextmanager
def together(*faults: Planted) -> Iterator[None]:
    """Several patches as one."""
    with ExitStack() as stack:
        for fault in faults:
            stack.enter_context(fault)
        yield


# The faults that take more than a line.


def set_epsilon(found: Any) -> None:
    """1e-5, which is the framework's own default, in the LayerNorms of the encoder."""
    for layer in found.module.splinter.modules():
        if isinstance(layer, nn.LayerNorm):
            layer.eps = 1e-5


def transpose_weight(found: Any) -> None:
    """One square matrix, as a conversion leaves it that forgets one name."""
    name = f"{LAYER}attention.output.dense.weight"
    found.replace({name: found.parameters()[name].T.copy()})


def nudge_weight(found: Any) -> None:
    """One element, by one unit in the last place of float32."""
    name = f"{LAYER}attention.output.dense.weight"
    array = found.parameters()[name].astype(np.float32)
    array[0, 0] = np.nextafter(array[0, 0], np.float32(np.inf))
    found.replace({name: array})


def shift_positions(function: Any, ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
    """Positions count from 1."""
    return function(ids, segments, torch.arange(1, ids.shape[1] + 1).expand(ids.shape))


def keep_training(found: Any) -> None:
    """``eval()`` is never called."""
    found.module.eval = found.module.train


def halve(function: Any, *inputs: torch.Tensor) -> torch.Tensor:
    """The output goes through float16."""
    found = function(*inputs)
    return found.to(torch.float16).to(found.dtype)


def round_to_tf32(value: torch.Tensor) -> torch.Tensor:
    """A float32 tensor rounded to 11 bits (10 of them written), as TF32 holds it; any other as it is."""
    if value.dtype != torch.float32:
        return value
    large = value * BIT11
    return large - (large - value)


def tf32(owner: Any, name: str) -> Planted:
    """A product that rounds its two factors, forwards and backwards, to TF32."""
    original = getattr(owner, name)

    def product(*given: Any, **named: Any) -> torch.Tensor:
        factors = [round_to_tf32(value) for value in given[:2]]
        by_name = {key: round_to_tf32(value) if key in FACTORS else value for key, value in named.items()}
        return original(*factors, *given[2:], **by_name)

    return patch.object(owner, name, product)


def sum_loss(original: Any) -> Callable[..., torch.Tensor]:
    """The sum over the batch in place of the mean."""
    return lambda start, *others: original(start, *others) * start.shape[0]


def count_outside(original: Any) -> Callable[..., torch.Tensor]:
    """An answer beyond the window counts as one at its last token."""
    return lambda start, end, *labels: original(start, end, *(label.clip(0, start.shape[1] - 1) for label in labels))


def clip_by_value(original: Any) -> Callable[..., torch.Tensor]:
    """Every element is clipped by itself."""

    def clip(parameters: Any, limit: float) -> torch.Tensor:
        norm = original(parameters, math.inf)
        torch.nn.utils.clip_grad_value_(parameters, limit)
        return norm

    return clip


def clip_exactly(original: Any) -> Callable[..., torch.Tensor]:
    """To the limit itself: the norm is divided by without the original's 1e-6."""

    def clip(parameters: Any, limit: float) -> torch.Tensor:
        norm = original(parameters, math.inf)
        factor = limit / max(limit, float(norm))
        for value in parameters:
            if value.grad is not None:
                value.grad = value.grad * factor
        return norm

    return clip


def forget_correction(trainer: Any) -> None:
    """eps and rate that turn the optimizer's update into lr * m / (sqrt(v) + eps)."""
    first, second = (1 - beta ** (trainer.steps + 1) for beta in optimizer.BETAS)
    for group in trainer._optimizer.param_groups:
        group["eps"] = trainer.settings.adam_epsilon / math.sqrt(second)
        group["lr"] *= first / math.sqrt(second)  # until the schedule sets it again


def decay_gradients(original: Any) -> Callable[[Any], Any]:
    """L2 regularisation: decay is added to the gradients, and the optimizer's own is off."""

    def update(trainer: Any) -> Any:
        coefficients, groups = trainer.weight_decay(), trainer._optimizer.param_groups
        for name, value in trainer._named.items():
            if value.grad is not None:
                value.grad = value.grad + coefficients[name] * value.detach()
        before = [group["weight_decay"] for group in groups]
        for group in groups:
            group["weight_decay"] = 0.0
        found = original(trainer)
        for group, decay in zip(groups, before, strict=True):
            group["weight_decay"] = decay
        return found

    return update


def keep_gradients(trainer: Any) -> None:
    """Gradients of earlier steps are never set to zero."""
    trainer._optimizer.zero_grad = lambda **_: None


def widen(arrays: Arrays) -> Arrays:
    """Every matrix 10 % wider than declared."""
    return {name: array * array.dtype.type(1.1) if array.ndim == 2 else array for name, array in arrays.items()}


def scale(layer: Any, forward: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Queries times sqrt(D / H), which takes the scaling of attention scores away (H = 2)."""
    found = forward(inputs)
    return found * math.sqrt(found.shape[-1] // 2)


def exchange_heads(layer: Any, forward: Any, inputs: torch.Tensor) -> torch.Tensor:
    """The values of the two attention heads change places."""
    found = forward(inputs)
    return torch.roll(found, found.shape[-1] // 2, -1)


def drop_bias(layer: Any, forward: Any, inputs: torch.Tensor) -> torch.Tensor:
    """The product alone."""
    return functional.linear(inputs, layer.weight)


FAULTS: dict[str, Callable[[], Planted]] = {
    "layer-norm-epsilon": lambda: loaded(set_epsilon),
    "gelu-tanh": lambda: patch.object(functional, "gelu", lambda x, gelu=functional.gelu: gelu(x, approximate="tanh")),
    "transposed-weight": lambda: loaded(transpose_weight),
    "weight-one-ulp": lambda: loaded(nudge_weight),
    "dropped-bias": lambda: called(lambda m: m.splinter.encoder.layer[0].intermediate.dense, drop_bias),
    "swapped-start-end": lambda: operations(
        start_logits=reads("end_logits_unmasked", "masked"), end_logits=reads("start_logits_unmasked", "masked")
    ),
    "swapped-attention-heads": lambda: called(
        lambda m: m.splinter.encoder.layer[0].attention.self.value, exchange_heads
    ),
    "mask-off-by-one": lambda: prepared(lambda mask: torch.maximum(mask, torch.roll(mask, 1, 1))),
    "segment-ids": lambda: ruled("load_model", segment_ids=True),
    "sep-left-in": lambda: patch.object(model, "SEP", -1),
    "question-not-marked": lambda: patch.object(model, "QUESTION", model.MASK),
    "positions-shifted": lambda: operations(embeddings=through(shift_positions)),
    "question-off-by-one": lambda: operations(query_reps=through(lambda gather, x, at: gather(x, at + 1))),
    "attention-unscaled": lambda: called(lambda m: m.splinter.encoder.layer[0].attention.self.query, scale),
    "layer-skipped": lambda: operations(encoder__layer__1=through(lambda _, hidden, mask: hidden)),
    "layer-twice": lambda: operations(encoder__layer__1=through(lambda layer, x, mask: layer(layer(x, mask), mask))),
    "dropout-on": lambda: loaded(keep_training, dropout=0.1),
    "float16": lambda: operations(encoder__layer__0=through(halve)),
    "tf32": lambda: together(tf32(functional, "linear"), tf32(torch, "matmul")),
    "loss-summed": lambda: patch.object(model, "span_loss", sum_loss(model.span_loss)),
    "outside-counted": lambda: patch.object(model, "span_loss", count_outside(model.span_loss)),
    "decayed-layer-norms": lambda: patch.object(
        optimizer, "decays", lambda name, rules, own=optimizer.decays: "LayerNorm.weight" in name or own(name, rules)
    ),
    "l2-decay": lambda: patch.object(optimizer.Trainer, "_update", decay_gradients(optimizer.Trainer._update)),
    "no-bias-correction": lambda: patch.object(optimizer.Trainer, "_set_epsilon", forget_correction),
    "eps-after-correction": lambda: ruled("make_trainer", eps_before_bias_correction=False),
    "beta2": lambda: patch.object(optimizer, "BETAS", (0.9, 0.98)),
    "clipped-by-value": lambda: patch.object(
        torch.nn.utils, "clip_grad_norm_", clip_by_value(torch.nn.utils.clip_grad_norm_)
    ),
    "clipped-exactly": lambda: patch.object(
        torch.nn.utils, "clip_grad_norm_", clip_exactly(torch.nn.utils.clip_grad_norm_)
    ),
    "schedule-ahead": lambda: trained(lambda trainer: trainer._schedule.step()),
    "gradients-left": lambda: trained(keep_gradients),
    "warmup-off-by-one": lambda: patch.object(
        optimizer, "warmup_steps", lambda settings, end, own=optimizer.warmup_steps: own(settings, end) + 1
    ),
    "wide-initialiser": lambda: patch.object(
        backend, "initialise", lambda *of, own=backend.initialise: widen(own(*of))
    ),
}
