"""Splinter for question answering: ``paddlenlp``'s BERT without pooler under the QASS head.

Original: ``oriram/splinter finetuning/modeling.py: ModelWithQASSHead``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional
from paddlenlp.transformers import BertConfig, BertModel
from paddlenlp.transformers.model_utils import no_init_weights

from repro.backends import Arrays
from repro.backends.paddle.head import QuestionAwareSpanSelectionHead, Taps
from repro.checkpoint import from_hub, hub_orientation, paddle_to_hub, read_checkpoint
from repro.errors import InputError
from repro.protocol import Rules

SEP, MASK, QUESTION = 102, 103, 104
MASKED_LOGIT = -10000.0
CONVERT = "repro convert SRC DST --to paddle"


def encoder_config(config: dict[str, Any], dropout: float) -> BertConfig:
    """``paddlenlp``'s configuration of the encoder: exact gelu, the given dropout everywhere."""
    return BertConfig(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        intermediate_size=config["intermediate_size"],
        hidden_act="gelu",
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        max_position_embeddings=config["max_position_embeddings"],
        type_vocab_size=config.get("type_vocab_size", 2),  # paddlenlp's default is 16
        initializer_range=config.get("initializer_range", 0.02),
        layer_norm_eps=config.get("layer_norm_eps", 1e-12),
        pad_token_id=0,
    )


@contextlib.contextmanager
def default_dtype(dtype: str) -> Iterator[None]:
    """Paddle creates parameters in its default dtype; restored afterwards."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)


def encoder(config: dict[str, Any], dropout: float) -> BertModel:
    """``paddlenlp``'s BERT with the configuration's LayerNorm epsilon and without its pooler."""
    settings = encoder_config(config, dropout)
    bert = BertModel(settings)
    del bert.pooler  # not in the checkpoint; it must not reach the optimizer
    for layer in bert.sublayers():
        if isinstance(layer, nn.LayerNorm):
            layer._epsilon = settings.layer_norm_eps  # the encoder's layers are built with 1e-5
    return bert


class SplinterQA(nn.Layer):
    """Encoder and head as one layer; its parameters carry the Paddle layout's names."""

    def __init__(self, config: dict[str, Any], arrays: Arrays, *, dtype: str = "float32", dropout: float = 0.0) -> None:
        super().__init__()
        with default_dtype(dtype), no_init_weights():  # every parameter is loaded below
            self.bert = encoder(config, dropout)
            self.cls = nn.Layer()
            self.cls.span_predictions = QuestionAwareSpanSelectionHead(config["hidden_size"])
        own = from_hub(arrays, config, "paddle")
        if odd := {name for name, _ in self.named_parameters()} ^ set(own):
            raise RuntimeError(f"the layer and the name table differ: {sorted(odd)}")
        for name, value in self.named_parameters():
            value.set_value(own[name].astype(dtype))  # float32 weights become float64 exactly

    def encode(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor,
        token_type_ids: paddle.Tensor | None = None,
        taps: Taps | None = None,
    ) -> paddle.Tensor:
        """Sequence output (B, T, D); no segments means segment 0 everywhere."""
        hidden = self.bert.embeddings(input_ids, token_type_ids)  # (B, T, D)
        mask = self.extended_attention_mask(attention_mask).astype(hidden.dtype)  # (B, H, T, T)
        if taps is not None:
            taps["embeddings"] = hidden
        for number, layer in enumerate(self.bert.encoder.layers):
            hidden = layer(hidden, mask)  # (B, T, D)
            if taps is not None:
                taps[f"encoder.layer.{number}"] = hidden
        if taps is not None:
            taps["sequence_output"] = hidden
        return hidden

    def extended_attention_mask(self, attention_mask: paddle.Tensor) -> paddle.Tensor:
        """0 where a token may be attended to and ``paddlenlp``'s -10000 elsewhere, (B, H, T, T)."""
        heads, length = self.bert.config.num_attention_heads, attention_mask.shape[1]
        mask = (1 - attention_mask).unsqueeze([1, 2]) * int(MASKED_LOGIT)  # (B, 1, 1, T)
        # Written out in full: Paddle's CPU addition is six times slower where it has to broadcast.
        return mask.astype("float32").expand([-1, heads, length, length])

    def head(
        self, sequence_output: paddle.Tensor, positions: paddle.Tensor, taps: Taps | None = None
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Unmasked start and end logits (B, Q, T) at the question positions (B, Q)."""
        return self.cls.span_predictions(sequence_output, positions, taps)

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor,
        token_type_ids: paddle.Tensor | None = None,
        taps: Taps | None = None,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Start and end logits (B, T) of the first question position."""
        attention_mask = attention_mask * (input_ids != SEP).astype("int64")  # (B, T)
        input_ids = input_ids + (input_ids == MASK).astype("int64") * (QUESTION - MASK)  # (B, T)
        positions = (input_ids == QUESTION).astype("int64").argmax(-1, keepdim=True)  # (B, 1)

        sequence_output = self.encode(input_ids, attention_mask, token_type_ids, taps)  # (B, T, D)
        start, end = self.head(sequence_output, positions, taps)  # (B, 1, T)

        masked = (1 - attention_mask).astype(start.dtype) * MASKED_LOGIT  # (B, T)
        start_logits = start.squeeze(1) + masked  # (B, T)
        end_logits = end.squeeze(1) + masked  # (B, T)
        if taps is not None:
            taps["start_logits"], taps["end_logits"] = start_logits, end_logits
        return start_logits, end_logits


def masked_cross_entropy(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """Mean cross entropy over the labels inside the window; NaN where there is none.

    ``cross_entropy``'s own mean gives 0 instead of NaN there, unlike the original, so it is taken here.
    """
    length = logits.shape[1]
    labels = labels.clip(0, length)
    total = functional.cross_entropy(logits, labels, ignore_index=length, reduction="sum")
    return total / (labels != length).astype(logits.dtype).sum()


def span_loss(start: paddle.Tensor, end: paddle.Tensor, starts: paddle.Tensor, ends: paddle.Tensor) -> paddle.Tensor:
    """Mean of the start and the end cross entropy; positions beyond the window are ignored (all ignored: NaN)."""
    start_loss = masked_cross_entropy(start, starts)
    end_loss = masked_cross_entropy(end, ends)
    return (start_loss + end_loss) / 2


def to_tensor(array: np.ndarray) -> paddle.Tensor:
    """Tensor on the selected device."""
    return paddle.to_tensor(np.ascontiguousarray(array))


def to_numpy(tensor: paddle.Tensor) -> np.ndarray:
    """Contiguous copy, so that it never changes with the tensor."""
    return np.array(tensor.detach().cpu().numpy(), order="C", copy=True)


def drop_gradients(module: nn.Layer) -> None:
    """Forget every gradient, rather than fill it with zeros as ``Layer.clear_gradients`` does."""
    for value in module.parameters():
        value.clear_gradient(set_to_zero=False)


class Model:
    """The layer behind numpy arrays under one set of rules."""

    def __init__(self, module: SplinterQA, rules: Rules) -> None:
        self.module, self.rules = module, rules

    def _logits(self, batch: Arrays, taps: Taps | None = None) -> tuple[paddle.Tensor, paddle.Tensor]:
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        return self.module(to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"]), segments, taps)

    def batch_loss(self, batch: Arrays) -> paddle.Tensor:
        """Loss of a batch as a tensor with its graph, in whatever mode the layer is."""
        start, end = self._logits(batch)
        return span_loss(start, end, to_tensor(batch["start_positions"]), to_tensor(batch["end_positions"]))

    def parameters(self) -> Arrays:
        """Copy of every parameter, hub names and orientation."""
        return {
            paddle_to_hub(name)[0]: hub_orientation(name, to_numpy(value))
            for name, value in self.module.named_parameters()
        }

    def forward(self, batch: Arrays, *, taps: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode; with ``taps`` what led to them, in order."""
        self.module.eval()
        found: Taps = {}
        with paddle.no_grad():
            start, end = self._logits(batch, found if taps else None)
        return {name: to_numpy(value) for name, value in {**found, "start_logits": start, "end_logits": end}.items()}

    def head(self, sequence_output: np.ndarray, positions: np.ndarray) -> Arrays:
        """Taps of the head alone, from an encoder output (B, T, D) and question positions (B, 1); unmasked."""
        self.module.eval()
        found: Taps = {}
        with paddle.no_grad():
            self.module.head(to_tensor(sequence_output), to_tensor(positions), found)
        return {name: to_numpy(value) for name, value in found.items()}

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss in evaluation mode, 0-d."""
        self.module.eval()
        with paddle.no_grad():
            return to_numpy(self.batch_loss(batch))

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss and the gradient of every parameter in evaluation mode, hub names."""
        self.module.eval()
        drop_gradients(self.module)
        loss = self.batch_loss(batch)
        loss.backward()
        found = {
            paddle_to_hub(name)[0]: hub_orientation(
                name, to_numpy(paddle.zeros_like(value) if value.grad is None else value.grad)
            )
            for name, value in self.module.named_parameters()
        }
        drop_gradients(self.module)
        return to_numpy(loss), found


def load_model(checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
    """Model from ``checkpoint/{model.safetensors,config.json}`` in the Paddle layout.

    Args:
        dtype: ``float32`` or ``float64`` (the float32 weights, exactly).
        dropout: probability of every dropout of the encoder.

    Raises:
        InputError: a parameter is missing, unknown or of the wrong shape, or the layout is another one.
    """
    arrays, config, _, conversion = read_checkpoint(checkpoint)
    if conversion.layout != "paddle":
        raise InputError(f"weights are in the {conversion.layout} layout", where=checkpoint, next_step=CONVERT)
    return Model(SplinterQA(config, arrays, dtype=dtype, dropout=dropout), rules)


def loss_from_logits(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The training loss of given logits (B, T) and positions (B,), 0-d."""
    return to_numpy(span_loss(*(to_tensor(array) for array in (start, end, starts, ends))))
