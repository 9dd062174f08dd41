"""Question-aware span selection (QASS): which tokens start and end the answer that a question position asks for.

Paper: section 4.2; original: ``oriram/splinter finetuning/modeling.py: QuestionAwareSpanSelectionHead``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

Taps = dict[str, torch.Tensor]


def as_float32(epsilon: float) -> float:
    """The epsilon that float32 kernels work with. Paddle rounds it so in float64 models as well."""
    return float(np.float32(epsilon))


class FullyConnectedLayer(nn.Module):
    """Linear, exact gelu, LayerNorm with the framework's own epsilon of 1e-5."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=as_float32(1e-5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(functional.gelu(self.dense(inputs)))


class QuestionAwareSpanSelectionHead(nn.Module):
    """Bilinear scores of every token against the representation at each question position."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query_start_transform = FullyConnectedLayer(size)
        self.query_end_transform = FullyConnectedLayer(size)
        self.start_transform = FullyConnectedLayer(size)
        self.end_transform = FullyConnectedLayer(size)
        # The original's plain matrices, stored transposed: x @ matrix = Linear(x).
        self.start_classifier = nn.Linear(size, size, bias=False)
        self.end_classifier = nn.Linear(size, size, bias=False)

    def forward(
        self, inputs: torch.Tensor, positions: torch.Tensor, taps: Taps | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Unmasked start and end logits (B, Q, T) from an encoder output (B, T, D) and positions (B, Q)."""
        index = positions.unsqueeze(-1).expand(-1, -1, inputs.shape[-1])  # (B, Q, D)
        gathered = torch.gather(inputs, 1, index)  # (B, Q, D)

        query_start_reps = self.query_start_transform(gathered)  # (B, Q, D)
        query_end_reps = self.query_end_transform(gathered)  # (B, Q, D)
        start_reps = self.start_transform(inputs)  # (B, T, D)
        end_reps = self.end_transform(inputs)  # (B, T, D)

        start_temp = self.start_classifier(query_start_reps)  # (B, Q, D)
        start_reps_transposed = start_reps.transpose(1, 2)  # (B, D, T)
        start_logits = torch.matmul(start_temp, start_reps_transposed)  # (B, Q, T)

        end_temp = self.end_classifier(query_end_reps)  # (B, Q, D)
        end_reps_transposed = end_reps.transpose(1, 2)  # (B, D, T)
        end_logits = torch.matmul(end_temp, end_reps_transposed)  # (B, Q, T)

        if taps is not None:
            taps["query_start_reps"], taps["query_end_reps"] = query_start_reps, query_end_reps
            taps["start_reps"], taps["end_reps"] = start_reps, end_reps
            taps["start_temp"], taps["start_reps_transposed"] = start_temp, start_reps_transposed
            taps["start_logits_unmasked"] = start_logits
            taps["end_temp"], taps["end_reps_transposed"] = end_temp, end_reps_transposed
            taps["end_logits_unmasked"] = end_logits
        return start_logits, end_logits
