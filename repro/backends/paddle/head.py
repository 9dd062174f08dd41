"""Question-aware span selection (QASS): which tokens start and end the answer that a question position asks for.

Paper: section 4.2; original: ``ncpaddle/splinter-paddlepaddle finetuning/modeling.py: QuestionAwareSpanSelectionHead``.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional
from paddle.nn.initializer import KaimingUniform

Taps = dict[str, paddle.Tensor]


class FullyConnectedLayer(nn.Layer):
    """Linear, exact gelu, LayerNorm with the framework's own epsilon of 1e-5."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size, weight_attr=KaimingUniform(), bias_attr=KaimingUniform())
        self.LayerNorm = nn.LayerNorm(size, epsilon=1e-5)

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        return self.LayerNorm(functional.gelu(self.dense(inputs)))


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

    def forward(
        self, inputs: paddle.Tensor, positions: paddle.Tensor, taps: Taps | None = None
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Unmasked start and end logits (B, Q, T) from an encoder output (B, T, D) and positions (B, Q)."""
        index = positions.unsqueeze(-1).expand([-1, -1, inputs.shape[-1]])  # (B, Q, D)
        gathered = paddle.take_along_axis(inputs, index, 1)  # (B, Q, D)

        query_start_reps = self.query_start_transform(gathered)  # (B, Q, D)
        query_end_reps = self.query_end_transform(gathered)  # (B, Q, D)
        start_reps = self.start_transform(inputs)  # (B, T, D)
        end_reps = self.end_transform(inputs)  # (B, T, D)

        start_temp = paddle.matmul(query_start_reps, self.start_classifier)  # (B, Q, D)
        start_reps_transposed = paddle.transpose(start_reps, [0, 2, 1])  # (B, D, T)
        start_logits = paddle.matmul(start_temp, start_reps_transposed)  # (B, Q, T)

        end_temp = paddle.matmul(query_end_reps, self.end_classifier)  # (B, Q, D)
        end_reps_transposed = paddle.transpose(end_reps, [0, 2, 1])  # (B, D, T)
        end_logits = paddle.matmul(end_temp, end_reps_transposed)  # (B, Q, T)

        if taps is not None:
            taps["query_start_reps"], taps["query_end_reps"] = query_start_reps, query_end_reps
            taps["start_reps"], taps["end_reps"] = start_reps, end_reps
            taps["start_temp"], taps["start_reps_transposed"] = start_temp, start_reps_transposed
            taps["start_logits_unmasked"] = start_logits
            taps["end_temp"], taps["end_reps_transposed"] = end_temp, end_reps_transposed
            taps["end_logits_unmasked"] = end_logits
        return start_logits, end_logits
