"""Faults planted in the Paddle program, by name: context managers that restore everything.

``repro.selftest.faults`` says what each mimics. Mirror image of ``repro.backends.pytorch.faults``.
"""

import math
from collections.abc import Callable
from unittest.mock import patch

import paddle
from paddle import nn
from paddle.nn import functional, utils

from repro.backends import paddle as backend
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
from repro.backends.paddle import model, optimizer
from repro.backends.paddle.model import Model
from repro.backends.paddle.optimizer import Trainer
from repro.backends.protocol import UpdateReport


def set_epsilon(faulty: Model) -> None:
    """1e-5, the framework's default, in the LayerNorms of the encoder."""
    for layer in faulty.module.bert.sublayers():
        if isinstance(layer, nn.LayerNorm):
            layer._epsilon = 1e-5


def use_tanh(gelu: Function) -> Function:
    """The approximation of gelu by tanh."""
    return lambda x: gelu(x, approximate=True)


def look_up_gelu(faulty: Model) -> None:
    """The encoder's layers, which have kept the function since they were built, take what now goes by its name."""
    for layer in faulty.module.bert.encoder.layers:
        layer.activation = functional.gelu


def shift_positions(function: Function, ids: paddle.Tensor, segments: paddle.Tensor) -> paddle.Tensor:
    """Positions count from 1."""
    return function(ids, segments, paddle.arange(1, ids.shape[1] + 1).expand(ids.shape))


def halve(function: Function, *inputs: paddle.Tensor) -> paddle.Tensor:
    """The output goes through float16."""
    output = function(*inputs)
    return output.astype("float16").astype(output.dtype)


def forget_correction(trainer: Trainer) -> None:
    """eps and rate that turn the optimizer's update into lr * m / (sqrt(v) + eps)."""
    first, second = (1 - beta ** (trainer.steps + 1) for beta in optimizer.BETAS)
    trainer._optimizer._epsilon = trainer.settings.adam_epsilon / math.sqrt(second)
    trainer._schedule.last_lr *= first / math.sqrt(second)  # until the schedule sets it again


def decay_gradients(original: Callable[[Trainer], UpdateReport]) -> Callable[[Trainer], UpdateReport]:
    """L2 regularisation: decay is added to the gradients, and the optimizer's decay is off."""

    def update(trainer: Trainer) -> UpdateReport:
        coefficients, adamw = trainer.weight_decay(), trainer._optimizer
        for name, value in trainer._named.items():
            if value.grad is not None:
                value.grad = value.grad + coefficients[name] * value.detach()
        before, adamw._weight_decay = adamw._weight_decay, 0.0
        report = original(trainer)
        adamw._weight_decay = before
        return report

    return update


def keep_gradients(trainer: Trainer) -> None:
    """Gradients of earlier steps are never reset."""
    trainer._optimizer.clear_grad = lambda **_: None


def drop_bias(layer: nn.Layer, forward: Function, inputs: paddle.Tensor) -> paddle.Tensor:
    """The product without the bias."""
    return functional.linear(inputs, layer.weight)


def forget_gradients(module: nn.Layer) -> None:
    """As before any backward pass."""
    for value in module.parameters():
        value.clear_gradient(set_to_zero=False)


POOL = ModelPool(backend, forget_gradients)
SITES = Sites(backend)
FAULTS: dict[str, Callable[[], Planted]] = {
    **common_faults(SITES, model, optimizer, utils),
    "layer-norm-epsilon": lambda: SITES.loaded(set_epsilon),
    "gelu-tanh": lambda: together(wrapped(functional, "gelu", use_tanh), SITES.loaded(look_up_gelu)),
    "dropped-bias": lambda: SITES.called(lambda m: m.bert.encoder.layers[0].linear1, drop_bias),
    "swapped-attention-heads": lambda: SITES.called(
        lambda m: m.bert.encoder.layers[0].self_attn.v_proj, exchange_heads
    ),
    "positions-shifted": lambda: SITES.operations(embeddings=through(shift_positions)),
    "attention-unscaled": lambda: SITES.called(lambda m: m.bert.encoder.layers[0].self_attn.q_proj, scale),
    "float16": lambda: SITES.operations(encoder__layer__0=through(halve)),
    "tf32": lambda: together(
        wrapped(functional, "linear", tf32), wrapped(paddle, "matmul", tf32), wrapped(paddle.tensor, "matmul", tf32)
    ),
    "l2-decay": lambda: wrapped(Trainer, "_update", decay_gradients),
    "no-bias-correction": lambda: patch.object(Trainer, "_set_epsilon", forget_correction),
    "gradients-left": lambda: SITES.trained(keep_gradients),
}
