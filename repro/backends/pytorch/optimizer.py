"""Training steps: AdamW, clipping by global norm, linear warm-up and decay."""

import math
from collections.abc import Collection, Iterable
from functools import partial

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_
from transformers import get_linear_schedule_with_warmup

from repro.backends import protocol
from repro.backends.common.schedule import warmup_steps
from repro.backends.protocol import StepReport, UpdateReport
from repro.backends.pytorch import device
from repro.backends.pytorch.dropout import shared_dropout
from repro.backends.pytorch.model import Model, from_hub_array, hub_array
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
        decayed = [value for name, value in self._named.items() if decays(name, rules)]
        exempt = [value for name, value in self._named.items() if not decays(name, rules)]
        # transformers 2.9 decays after the update and torch before it; without decay there is no difference.
        self._optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": rules.weight_decay},
                {"params": exempt, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=BETAS,
            eps=settings.adam_epsilon,
            fused=True,
        )
        self._schedule = get_linear_schedule_with_warmup(
            self._optimizer, warmup_steps(settings, total_steps), total_steps
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
        for group in self._optimizer.param_groups:
            group["eps"] = epsilon

    def _update(self) -> UpdateReport:
        norm = clip_grad_norm_(self._parameters, self.settings.max_grad_norm)
        self._set_epsilon()
        learning_rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)
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
        return StepReport(float(loss.detach()), update.learning_rate, update.grad_norm)

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> UpdateReport:
        """One update from (hub name, gradient) of every parameter that the trainer updates."""
        for name, gradient in gradients:
            value = self._named[name]
            value.grad = from_hub_array(name, gradient).to(value.dtype).clone()
        return self._update()

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of the named ones; zeros before a step."""
        moments: Arrays = {}
        for name, value in self._named.items():
            if names is not None and name not in names:
                continue
            state = self._optimizer.state[value]
            for key in ("exp_avg", "exp_avg_sq"):
                moments[f"{name}.{key}"] = hub_array(name, state[key] if key in state else torch.zeros_like(value))
        return moments

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, as the optimizer holds it."""
        coefficients = {
            id(value): float(group["weight_decay"])
            for group in self._optimizer.param_groups
            for value in group["params"]
        }
        return {name: coefficients[id(value)] for name, value in self._named.items()}


def make_trainer(
    model: protocol.Model, *, rules: Rules, settings: Training, total_steps: int, names: Collection[str] | None = None
) -> Trainer:
    """Trainer of a model that ``load_model`` returned (``Backend.make_trainer``); TypeError for any other model."""
    if not isinstance(model, Model):
        raise TypeError(f"no model of this backend: {type(model).__name__}")
    return Trainer(model, rules=rules, settings=settings, total_steps=total_steps, names=names)


def learning_rates(*, settings: Training, total_steps: int) -> np.ndarray:
    """Learning rate of steps 0 … total_steps by ``transformers``' scheduler, float64 (total_steps + 1,)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=settings.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup_steps(settings, total_steps), total_steps)
    rates = []
    for _ in range(total_steps + 1):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return np.array(rates, dtype=np.float64)
