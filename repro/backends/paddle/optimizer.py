"""Training steps: AdamW, clipping by global norm, linear warm-up and decay."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import paddle
from paddlenlp.transformers import LinearDecayWithWarmup

from repro.backends import Arrays
from repro.backends.paddle.dropout import shared_dropout
from repro.backends.paddle.model import Model, to_numpy, to_tensor
from repro.checkpoint import hub_orientation, hub_to_paddle, paddle_orientation, paddle_to_hub
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
        self._named = {n: value for n, value in everything if names is None or paddle_to_hub(n)[0] in names}
        self._parameters = list(self._named.values())
        self._decayed = {value.name for name, value in self._named.items() if decays(paddle_to_hub(name)[0], rules)}
        self._schedule = LinearDecayWithWarmup(settings.learning_rate, total_steps, warmup_steps(settings, total_steps))
        self._optimizer = paddle.optimizer.AdamW(
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
        self._optimizer._epsilon = epsilon  # handed to the kernel at every step

    def _update(self) -> dict[str, float]:
        # The other clip of Paddle, ClipGradByGlobalNorm, divides by the norm itself, without the original's 1e-6.
        norm = paddle.nn.utils.clip_grad_norm_(self._parameters, self.settings.max_grad_norm)
        self._set_epsilon()
        learning_rate = self._schedule.get_lr()
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.clear_grad(set_to_zero=False)
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
        return {"loss": float(loss), **result}

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> dict[str, float]:
        """One update from a given gradient of every parameter: ``learning_rate``, ``grad_norm``, ``clip_factor``."""
        for name, gradient in gradients:
            value = self._named[hub_to_paddle(name)[0]]
            value.grad = to_tensor(paddle_orientation(name, gradient)).astype(value.dtype)
        result = self._update()
        factor = min(1.0, self.settings.max_grad_norm / (result["grad_norm"] + 1e-6))
        return {**result, "clip_factor": factor}

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of those named; 0 before the first step."""
        found: Arrays = {}
        state = self._optimizer.state_dict()
        for name, value in self._named.items():
            hub = paddle_to_hub(name)[0]
            if names is not None and hub not in names:
                continue
            for key, own in (("exp_avg", "moment1"), ("exp_avg_sq", "moment2")):
                # Before the first step there is none; later a missing one is an error and not a zero.
                array = to_numpy(state[f"{value.name}_{own}_0"] if self.steps else paddle.zeros_like(value))
                found[f"{hub}.{key}"] = hub_orientation(name, array)
        return found

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, as the optimizer holds it."""
        coefficient, reached = self._optimizer._weight_decay, self._optimizer._apply_decay_param_fun
        return {
            paddle_to_hub(name)[0]: float(coefficient) if reached(value.name) else 0.0
            for name, value in self._named.items()
        }


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
    """Learning rate of steps 0 … total_steps by ``paddlenlp``'s scheduler, float64 (total_steps + 1,)."""
    schedule = LinearDecayWithWarmup(settings.learning_rate, total_steps, warmup_steps(settings, total_steps))
    rates = []
    for _ in range(total_steps + 1):
        rates.append(schedule.get_lr())
        schedule.step()
    return np.array(rates, dtype=np.float64)
