"""Question-aware span selection (QASS): which tokens start and end the answer that a question position asks for.

Paper: section 4.2; original: ``oriram/splinter finetuning/modeling.py: QuestionAwareSpanSelectionHead``.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from repro.backends.common.operations import Operation


def as_float32(epsilon: float) -> float:
    """The epsilon that float32 kernels work with. Paddle rounds it so in float64 models as well."""
    return float(np.float32(epsilon))


class FullyConnectedLayer(nn.Module):
    """Linear, exact gelu, LayerNorm with the framework's default epsilon of 1e-5."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=as_float32(1e-5))

    def operations(self, name: str, inputs: str) -> list[Operation]:
        """``{name}_dense``, ``{name}_gelu``, ``{name}_reps``, all of the shape of ``inputs``."""
        return [
            Operation(f"{name}_dense", (inputs,), self.dense),
            Operation(f"{name}_gelu", (f"{name}_dense",), functional.gelu),
            Operation(f"{name}_reps", (f"{name}_gelu",), self.LayerNorm),
        ]


def gather(inputs: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Rows (B, Q, D) of ``inputs`` (B, T, D) at the positions (B, Q)."""
    index = positions.unsqueeze(-1).expand(-1, -1, inputs.shape[-1])  # (B, Q, D)
    return torch.gather(inputs, 1, index)


def transpose(reps: torch.Tensor) -> torch.Tensor:
    """(B, T, D) as (B, D, T)."""
    return reps.transpose(1, 2)


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

    def operations(self) -> list[Operation]:
        """From ``sequence_output`` (B, T, D) and ``positions`` (B, Q) to unmasked start and end logits (B, Q, T)."""
        return [
            Operation("query_reps", ("sequence_output", "positions"), gather),  # (B, Q, D)
            *self.query_start_transform.operations("query_start", "query_reps"),  # (B, Q, D)
            *self.query_end_transform.operations("query_end", "query_reps"),  # (B, Q, D)
            *self.start_transform.operations("start", "sequence_output"),  # (B, T, D)
            *self.end_transform.operations("end", "sequence_output"),  # (B, T, D)
            Operation("start_temp", ("query_start_reps",), self.start_classifier),  # (B, Q, D)
            Operation("start_reps_transposed", ("start_reps",), transpose),  # (B, D, T)
            Operation("start_logits_unmasked", ("start_temp", "start_reps_transposed"), torch.matmul),  # (B, Q, T)
            Operation("end_temp", ("query_end_reps",), self.end_classifier),  # (B, Q, D)
            Operation("end_reps_transposed", ("end_reps",), transpose),  # (B, D, T)
            Operation("end_logits_unmasked", ("end_temp", "end_reps_transposed"), torch.matmul),  # (B, Q, T)
        ]
