"""Training steps: AdamW, clipping by global norm, linear warm-up and decay."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import torch
from transformers import get_linear_schedule_with_warmup

from repro.backends import Arrays
from repro.backends.pytorch.dropout import shared_dropout
from repro.backends.pytorch.model import Model, to_numpy, to_tensor
from repro.data.dropout import DropoutStream
from repro.profile import Training
from repro.protocol import Rules

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


def warmup_steps(settings: Training, total_steps: int) -> int:
    """Length of the warm-up, rounded down as in the original."""
    return int(settings.warmup_ratio * total_steps)


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
        everything = model.module.named_parameters()
        self._named = {n: value for n, value in everything if names is None or n in names}
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

    def _update(self) -> dict[str, float]:
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self.settings.max_grad_norm)
        self._set_epsilon()
        learning_rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        return {"learning_rate": learning_rate, "grad_norm": float(norm)}

    def step(self, batch: Arrays, dropout: DropoutStream | None = None) -> dict[str, float]:
        """One training step: ``loss``, ``learning_rate`` used, ``grad_norm`` before clipping."""
        if not self.model.module.training:
            self.model.module.train()
        with shared_dropout(dropout):
            loss = self.model.batch_loss(batch)
        loss.backward()
        result = self._update()
        return {"loss": float(loss.detach()), **result}

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> dict[str, float]:
        """One update from a given gradient of every parameter: ``learning_rate``, ``grad_norm``, ``clip_factor``."""
        for name, gradient in gradients:
            value = self._named[name]
            value.grad = to_tensor(gradient).to(value.dtype).clone()
        result = self._update()
        factor = min(1.0, self.settings.max_grad_norm / (result["grad_norm"] + 1e-6))
        return {**result, "clip_factor": factor}

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of those named; 0 before the first step."""
        found: Arrays = {}
        for name, value in self._named.items():
            if names is not None and name not in names:
                continue
            state = self._optimizer.state[value]
            for key in ("exp_avg", "exp_avg_sq"):
                found[f"{name}.{key}"] = to_numpy(state[key] if key in state else torch.zeros_like(value))
        return found

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, as the optimizer holds it."""
        names = {id(value): name for name, value in self._named.items()}
        found = {
            names[id(value)]: float(group["weight_decay"])
            for group in self._optimizer.param_groups
            for value in group["params"]
        }
        return {name: found[name] for name in self._named}


def make_trainer(
    model: Any, *, rules: Rules, settings: Training, total_steps: int, names: Collection[str] | None = None
) -> Trainer:
    """Trainer of a model that ``load_model`` returned.

    Args:
        total_steps: length of the schedule.
        names: hub names of the parameters that it updates, the only ones that it takes gradients of; all by default.
    """
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
