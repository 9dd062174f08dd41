"""Question-aware span selection (QASS): which tokens start and end the answer that a question position asks for.

Paper: section 4.2; original: ``ncpaddle/splinter-paddlepaddle finetuning/modeling.py: QuestionAwareSpanSelectionHead``.
"""

from collections.abc import Callable

import paddle
from paddle import nn
from paddle.nn import functional
from paddle.nn.initializer import KaimingUniform

from repro.backends.common.operations import Operation


class FullyConnectedLayer(nn.Layer):
    """Linear, exact gelu, LayerNorm with the framework's default epsilon of 1e-5."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size, weight_attr=KaimingUniform(), bias_attr=KaimingUniform())
        self.LayerNorm = nn.LayerNorm(size, epsilon=1e-5)

    def operations(self, name: str, inputs: str) -> list[Operation]:
        """``{name}_dense``, ``{name}_gelu``, ``{name}_reps``, all of the shape of ``inputs``."""
        return [
            Operation(f"{name}_dense", (inputs,), self.dense),
            Operation(f"{name}_gelu", (f"{name}_dense",), functional.gelu),
            Operation(f"{name}_reps", (f"{name}_gelu",), self.LayerNorm),
        ]


def gather(inputs: paddle.Tensor, positions: paddle.Tensor) -> paddle.Tensor:
    """Rows (B, Q, D) of ``inputs`` (B, T, D) at the positions (B, Q)."""
    index = positions.unsqueeze(-1).expand([-1, -1, inputs.shape[-1]])  # (B, Q, D)
    return paddle.take_along_axis(inputs, index, 1)


def times(matrix: paddle.Tensor) -> Callable[[paddle.Tensor], paddle.Tensor]:
    """x -> x @ matrix."""
    return lambda reps: paddle.matmul(reps, matrix)


def transpose(reps: paddle.Tensor) -> paddle.Tensor:
    """(B, T, D) as (B, D, T)."""
    return paddle.transpose(reps, [0, 2, 1])


class QuestionAwareSpanSelectionHead(nn.Layer):
    """Bilinear scores of every token against the representation at each question position."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query_start_transform = FullyConnectedLayer(size)
        self.query_end_transform = FullyConnectedLayer(size)
        self.start_transform = FullyConnectedLayer(size)
        self.end_transform = FullyConnectedLayer(size)
        # The original's plain matrices, as they are: x @ matrix.
        self.start_classifier = self.create_parameter([size, size])
        self.end_classifier = self.create_parameter([size, size])

    def operations(self) -> list[Operation]:
        """From ``sequence_output`` (B, T, D) and ``positions`` (B, Q) to unmasked start and end logits (B, Q, T)."""
        return [
            Operation("query_reps", ("sequence_output", "positions"), gather),  # (B, Q, D)
            *self.query_start_transform.operations("query_start", "query_reps"),  # (B, Q, D)
            *self.query_end_transform.operations("query_end", "query_reps"),  # (B, Q, D)
            *self.start_transform.operations("start", "sequence_output"),  # (B, T, D)
            *self.end_transform.operations("end", "sequence_output"),  # (B, T, D)
            Operation("start_temp", ("query_start_reps",), times(self.start_classifier)),  # (B, Q, D)
            Operation("start_reps_transposed", ("start_reps",), transpose),  # (B, D, T)
            Operation("start_logits_unmasked", ("start_temp", "start_reps_transposed"), paddle.matmul),  # (B, Q, T)
            Operation("end_temp", ("query_end_reps",), times(self.end_classifier)),  # (B, Q, D)
            Operation("end_reps_transposed", ("end_reps",), transpose),  # (B, D, T)
            Operation("end_logits_unmasked", ("end_temp", "end_reps_transposed"), paddle.matmul),  # (B, Q, T)
        ]
