"""Training steps: AdamW, clipping by global norm, linear warm-up and decay."""

import math
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import numpy as np
import paddle
from paddle._C_ops import full, multiply_  # what Paddle's own functions end in, after ten times as long on arguments
from paddlenlp.transformers import LinearDecayWithWarmup

from repro.backends import protocol
from repro.backends.common.schedule import warmup_steps
from repro.backends.paddle import device
from repro.backends.paddle.dropout import shared_dropout
from repro.backends.paddle.model import Model, from_hub_array, hub_array
from repro.backends.protocol import StepReport, UpdateReport
from repro.config.profile import Training
from repro.config.protocol import Rules
from repro.data.batches import split
from repro.data.dropout import DropoutMasks
from repro.numerics.arrays import Arrays

BETAS = (0.9, 0.999)
ENCODER_NORM = "splinter."  # prefix of the LayerNorms that the Paddle program's no-decay rule misses


def decays(name: str, rules: Rules) -> bool:
    """Whether weight decay reaches a parameter (hub name): not biases, not LayerNorm weights.

    With ``rules.decay_layer_norms`` the encoder's LayerNorm weights decay, the head's still do not.
    """
    if name.endswith("bias"):
        return False
    if name.endswith("LayerNorm.weight"):
        return rules.decay_layer_norms and name.startswith(ENCODER_NORM)
    return True


def clip_grad_norm_(parameters: Collection[paddle.Tensor], max_norm: float) -> paddle.Tensor:
    """Scale gradients in place to a global norm of at most ``max_norm``, by the formula of ``torch.nn.utils``.

    Paddle has two of its own. ``ClipGradByGlobalNorm`` divides by the norm without the original's 1e-6. The one in
    ``paddle.nn.utils`` adds up squares one by one in float32: on the CPU that takes thirty times as long, and loses
    2.5 % of the norm of 22 million normal numbers.

    Returns:
        The norm before, 0-d.
    """
    with paddle.no_grad():
        gradients = [value.grad for value in parameters if value.grad is not None]
        norm = paddle.linalg.norm(paddle.stack([paddle.linalg.norm(gradient) for gradient in gradients]))
        factor = (max_norm / (norm + 1e-6)).clip(max=1.0)
        for gradient in gradients:
            multiply_(gradient, factor)
    return norm


class AdamW(paddle.optimizer.AdamW):
    """Paddle's. Its moments are made without names in a program that nobody runs, which took most of a first step."""

    def _add_accumulator(
        self,
        name: str,
        param: paddle.Tensor,
        dtype: Any = None,
        fill_value: float = 0.0,
        shape: list[int] | None = None,
        device: str | None = None,
        **_: Any,
    ) -> None:
        place = paddle.CPUPlace() if device == "cpu" else param.place
        self._accumulators[name][param.name] = full(shape or param.shape, fill_value, dtype or param.dtype, place)


class Trainer:
    """One optimizer over one model. The first step has learning rate 0, every step past the end as well."""

    def __init__(
        self,
        model: Model,
        *,
        rules: Rules,
        settings: Training,
        total_steps: int,
        names: Collection[str] | None = None,
    ) -> None:
        self.model, self.rules, self.settings = model, rules, settings
        self.steps = 0
        parameters = model.module.hub_parameters()
        self._named = {name: value for name, value in parameters.items() if names is None or name in names}
        self._parameters = list(self._named.values())
        self._decayed = {value.name for name, value in self._named.items() if decays(name, rules)}
        self._schedule = LinearDecayWithWarmup(settings.learning_rate, total_steps, warmup_steps(settings, total_steps))
        self._optimizer = AdamW(
            learning_rate=self._schedule,
            beta1=BETAS[0],
            beta2=BETAS[1],
            epsilon=settings.adam_epsilon,
            parameters=self._parameters,
            weight_decay=rules.weight_decay,
            apply_decay_param_fun=self._decayed.__contains__,
        )

    def _set_epsilon(self) -> None:
        """Choose eps of this step t so that AdamW adds it where the rules say.

        AdamW divides by sqrt(v) / sqrt(1 - b2^t) + eps. The original's transformers 2.9 computes
        m * sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + eps), which is
        m / (1 - b1^t) / (sqrt(v) / sqrt(1 - b2^t) + eps / sqrt(1 - b2^t)): the same with eps / sqrt(1 - b2^t).
        """
        epsilon = self.settings.adam_epsilon
        if self.rules.eps_before_bias_correction:
            epsilon /= math.sqrt(1 - BETAS[1] ** (self.steps + 1))
        self._optimizer._epsilon = epsilon  # the kernel gets it at every step

    def _update(self) -> UpdateReport:
        norm = clip_grad_norm_(self._parameters, self.settings.max_grad_norm)
        self._set_epsilon()
        learning_rate = self._schedule.get_lr()
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.clear_grad(set_to_zero=False)
        self.steps += 1
        before = float(norm)  # once everything is on its way: a GPU waits for nobody until then
        return UpdateReport(learning_rate, before, min(1.0, self.settings.max_grad_norm / (before + 1e-6)))

    def step(self, batch: Arrays, dropout: DropoutMasks | None = None) -> StepReport:
        """One training step; with ``dropout`` by the masks of this step, else by the framework's."""
        if not self.model.module.training:
            self.model.module.train()
        parts = split(batch, device.selected_limits().part_tokens)
        loss = self.model.batch_loss(batch, parts, partial(shared_dropout, dropout, self.steps))
        loss.backward()
        update = self._update()
        return StepReport(float(loss), update.learning_rate, update.grad_norm)

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> UpdateReport:
        """One update from (hub name, gradient) of every parameter that the trainer updates."""
        for name, gradient in gradients:
            value = self._named[name]
            value.grad = from_hub_array(name, gradient).astype(value.dtype)
        return self._update()

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of the named ones; zeros before a step."""
        moments: Arrays = {}
        state = self._optimizer._accumulators  # its public keys count the optimizers that a parameter has had
        for name, value in self._named.items():
            if names is not None and name not in names:
                continue
            for key, moment in (("exp_avg", "moment1"), ("exp_avg_sq", "moment2")):
                # Before the first step there is none; later a missing one is an error and not a zero.
                array = state[moment][value.name] if self.steps else paddle.zeros_like(value)
                moments[f"{name}.{key}"] = hub_array(name, array)
        return moments

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, as the optimizer holds it."""
        coefficient, reached = self._optimizer._weight_decay, self._optimizer._apply_decay_param_fun
        return {name: float(coefficient) if reached(value.name) else 0.0 for name, value in self._named.items()}


def make_trainer(
    model: protocol.Model, *, rules: Rules, settings: Training, total_steps: int, names: Collection[str] | None = None
) -> Trainer:
    """Trainer of a model that ``load_model`` returned (``Backend.make_trainer``); TypeError for any other model."""
    if not isinstance(model, Model):
        raise TypeError(f"no model of this backend: {type(model).__name__}")
    return Trainer(model, rules=rules, settings=settings, total_steps=total_steps, names=names)


def learning_rates(*, settings: Training, total_steps: int) -> np.ndarray:
    """Learning rate of steps 0 … total_steps by ``paddlenlp``'s scheduler, float64 (total_steps + 1,)."""
    schedule = LinearDecayWithWarmup(settings.learning_rate, total_steps, warmup_steps(settings, total_steps))
    rates = []
    for _ in range(total_steps + 1):
        rates.append(schedule.get_lr())
        schedule.step()
    return np.array(rates, dtype=np.float64)
