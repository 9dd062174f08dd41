"""AdamW in float64 numpy, with both places where eps is found in practice."""

from dataclasses import dataclass, field

import numpy as np

BETA1, BETA2 = 0.9, 0.999
CLIP_EPS = 1e-6


def clip_factor(norm: float, limit: float, eps: float = CLIP_EPS) -> float:
    """Factor that brings gradients of global L2 norm ``norm`` down to ``limit``; 1 if they are shorter.

    The original clips with ``torch.nn.utils.clip_grad_norm_``, which adds 1e-6 to the norm.
    """
    return min(1.0, limit / (norm + eps))


@dataclass
class AdamW:
    """One parameter tensor under decoupled weight decay (Loshchilov and Hutter, 2019, algorithm 2).

    Attributes:
        eps_before_bias_correction: ``sqrt(v) + eps``, bias correction after (``transformers`` 2.9); otherwise
            ``sqrt(v / (1 - beta2^t)) + eps`` (``torch``, Paddle).
        bias_correction, decoupled, beta1, beta2: another value only to show what a wrong program would give.
            ``decoupled`` off adds the decay to the gradient, so that it goes through the moments (L2 regularisation).
    """

    parameter: np.ndarray
    epsilon: float
    weight_decay: float
    eps_before_bias_correction: bool
    bias_correction: bool = True
    decoupled: bool = True
    beta1: float = BETA1
    beta2: float = BETA2
    steps: int = 0
    exp_avg: np.ndarray = field(init=False)
    exp_avg_sq: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.parameter = self.parameter.astype(np.float64)
        self.exp_avg = np.zeros_like(self.parameter)
        self.exp_avg_sq = np.zeros_like(self.parameter)

    def step(self, gradient: np.ndarray, learning_rate: float) -> None:
        """One update from a gradient that is already clipped."""
        gradient, decay = gradient.astype(np.float64), self.weight_decay * self.parameter
        if not self.decoupled:
            gradient, decay = gradient + decay, np.zeros_like(decay)
        self.steps += 1
        self.exp_avg = self.beta1 * self.exp_avg + (1 - self.beta1) * gradient
        self.exp_avg_sq = self.beta2 * self.exp_avg_sq + (1 - self.beta2) * gradient**2
        first = 1 - self.beta1**self.steps if self.bias_correction else 1.0
        second = 1 - self.beta2**self.steps if self.bias_correction else 1.0
        if self.eps_before_bias_correction:
            direction = self.exp_avg / (np.sqrt(self.exp_avg_sq) + self.epsilon) * np.sqrt(second) / first
        else:
            direction = self.exp_avg / first / (np.sqrt(self.exp_avg_sq / second) + self.epsilon)
        self.parameter = self.parameter - learning_rate * (direction + decay)


def decays(name: str, layer_norms: bool) -> bool:
    """The original's no-decay rule: neither biases nor LayerNorm weights; optionally the encoder's LayerNorms do."""
    if name.endswith("bias"):
        return False
    return not name.endswith("LayerNorm.weight") or (layer_norms and name.startswith("splinter."))
