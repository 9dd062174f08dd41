"""Faults planted in the PyTorch program, by name: context managers that restore everything.

``repro.selftest.faults`` says what each mimics. Mirror image of ``repro.backends.paddle.faults``.
"""

import math
from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional, utils

from repro.backends import pytorch as backend
from repro.backends.common.faults import (
    Function,
    Planted,
    Sites,
    common_faults,
    exchange_heads,
    scale,
    tf32,
    through,
    together,
    wrapped,
)
from repro.backends.common.pool import ModelPool
from repro.backends.protocol import UpdateReport
from repro.backends.pytorch import model, optimizer
from repro.backends.pytorch.model import Model
from repro.backends.pytorch.optimizer import Trainer


def set_epsilon(faulty: Model) -> None:
    """1e-5, the framework's default, in the LayerNorms of the encoder."""
    for layer in faulty.module.splinter.modules():
        if isinstance(layer, nn.LayerNorm):
            layer.eps = 1e-5


def use_tanh(gelu: Function) -> Function:
    """The approximation of gelu by tanh."""
    return lambda x: gelu(x, approximate="tanh")


def look_up_gelu(faulty: Model) -> None:
    """The encoder's layers, which have kept the function since they were built, take what now goes by its name."""
    for layer in faulty.module.splinter.encoder.layer:
        layer.intermediate.intermediate_act_fn.act = functional.gelu


def shift_positions(function: Function, ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
    """Positions count from 1."""
    return function(ids, segments, torch.arange(1, ids.shape[1] + 1).expand(ids.shape))


def halve(function: Function, *inputs: torch.Tensor) -> torch.Tensor:
    """The output goes through float16."""
    output = function(*inputs)
    return output.to(torch.float16).to(output.dtype)


def forget_correction(trainer: Trainer) -> None:
    """eps and rate that turn the optimizer's update into lr * m / (sqrt(v) + eps)."""
    first, second = (1 - beta ** (trainer.steps + 1) for beta in optimizer.BETAS)
    for group in trainer._optimizer.param_groups:
        group["eps"] = trainer.settings.adam_epsilon / math.sqrt(second)
        group["lr"] *= first / math.sqrt(second)  # until the schedule sets it again


def decay_gradients(original: Callable[[Trainer], UpdateReport]) -> Callable[[Trainer], UpdateReport]:
    """L2 regularisation: decay is added to the gradients, and the optimizer's decay is off."""

    def update(trainer: Trainer) -> UpdateReport:
        coefficients, groups = trainer.weight_decay(), trainer._optimizer.param_groups
        for name, value in trainer._named.items():
            if value.grad is not None:
                value.grad = value.grad + coefficients[name] * value.detach()
        before = [group["weight_decay"] for group in groups]
        for group in groups:
            group["weight_decay"] = 0.0
        report = original(trainer)
        for group, decay in zip(groups, before, strict=True):
            group["weight_decay"] = decay
        return report

    return update


def keep_gradients(trainer: Trainer) -> None:
    """Gradients of earlier steps are never reset."""
    trainer._optimizer.zero_grad = lambda **_: None


def drop_bias(layer: nn.Module, forward: Function, inputs: torch.Tensor) -> torch.Tensor:
    """The product without the bias."""
    return functional.linear(inputs, layer.weight)


def forget_gradients(module: nn.Module) -> None:
    """As before any backward pass."""
    module.zero_grad(set_to_none=True)


POOL = ModelPool(backend, forget_gradients)
SITES = Sites(backend)
FAULTS: dict[str, Callable[[], Planted]] = {
    **common_faults(SITES, model, optimizer, utils),
    "layer-norm-epsilon": lambda: SITES.loaded(set_epsilon),
    "gelu-tanh": lambda: together(wrapped(functional, "gelu", use_tanh), SITES.loaded(look_up_gelu)),
    "dropped-bias": lambda: SITES.called(lambda m: m.splinter.encoder.layer[0].intermediate.dense, drop_bias),
    "swapped-attention-heads": lambda: SITES.called(
        lambda m: m.splinter.encoder.layer[0].attention.self.value, exchange_heads
    ),
    "positions-shifted": lambda: SITES.operations(embeddings=through(shift_positions)),
    "attention-unscaled": lambda: SITES.called(lambda m: m.splinter.encoder.layer[0].attention.self.query, scale),
    "float16": lambda: SITES.operations(encoder__layer__0=through(halve)),
    "tf32": lambda: together(wrapped(functional, "linear", tf32), wrapped(torch, "matmul", tf32)),
    "l2-decay": lambda: wrapped(Trainer, "_update", decay_gradients),
    "no-bias-correction": lambda: patch.object(Trainer, "_set_epsilon", forget_correction),
    "gradients-left": lambda: SITES.trained(keep_gradients),
}
