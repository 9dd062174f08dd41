"""Splinter for question answering: ``transformers``' BERT without pooler under the QASS head.

Original: ``oriram/splinter finetuning/modeling.py: ModelWithQASSHead``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel
from transformers.modeling_utils import no_init_weights

from repro.backends import Arrays
from repro.backends.pytorch import device
from repro.backends.pytorch.head import QuestionAwareSpanSelectionHead, Taps, as_float32
from repro.checkpoint import read_checkpoint
from repro.errors import InputError
from repro.protocol import Rules

SEP, MASK, QUESTION = 102, 103, 104
MASKED_LOGIT = -10000.0
CONVERT = "repro convert SRC DST --to hub"


def encoder_config(config: dict[str, Any], dropout: float) -> BertConfig:
    """``transformers``' configuration of the encoder: exact gelu, eager attention, the given dropout everywhere."""
    # Not SplinterModel: its attention computes the softmax in float32, whatever the dtype of the model.
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
        type_vocab_size=config.get("type_vocab_size", 2),
        initializer_range=config.get("initializer_range", 0.02),
        layer_norm_eps=as_float32(config.get("layer_norm_eps", 1e-12)),
        pad_token_id=0,
        attn_implementation="eager",
    )


class SplinterQA(nn.Module):
    """Encoder and head as one module; its parameters carry the hub's names."""

    def __init__(self, config: dict[str, Any], arrays: Arrays, *, dtype: str = "float32", dropout: float = 0.0) -> None:
        super().__init__()
        with no_init_weights():  # every parameter is loaded below
            self.splinter = BertModel(encoder_config(config, dropout), add_pooling_layer=False)
            self.splinter_qass = QuestionAwareSpanSelectionHead(config["hidden_size"])
        self.to(getattr(torch, dtype))  # before loading: float32 weights become float64 exactly
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
        self.to(device.selected())

    def encode(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        taps: Taps | None = None,
    ) -> torch.Tensor:
        """Sequence output (B, T, D); no segments means segment 0 everywhere."""
        hidden = self.splinter.embeddings(input_ids, token_type_ids)  # (B, T, D)
        mask = self.splinter.get_extended_attention_mask(attention_mask, input_ids.shape)  # (B, 1, 1, T)
        if taps is not None:
            taps["embeddings"] = hidden
        for number, layer in enumerate(self.splinter.encoder.layer):
            hidden = layer(hidden, mask)[0]  # (B, T, D)
            if taps is not None:
                taps[f"encoder.layer.{number}"] = hidden
        if taps is not None:
            taps["sequence_output"] = hidden
        return hidden

    def head(
        self, sequence_output: torch.Tensor, positions: torch.Tensor, taps: Taps | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Unmasked start and end logits (B, Q, T) at the question positions (B, Q)."""
        return self.splinter_qass(sequence_output, positions, taps)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        taps: Taps | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Start and end logits (B, T) of the first question position."""
        attention_mask = attention_mask.masked_fill(input_ids == SEP, 0)  # (B, T)
        input_ids = input_ids.masked_fill(input_ids == MASK, QUESTION)  # (B, T)
        positions = (input_ids == QUESTION).int().argmax(-1, keepdim=True)  # (B, 1)

        sequence_output = self.encode(input_ids, attention_mask, token_type_ids, taps)  # (B, T, D)
        start, end = self.head(sequence_output, positions, taps)  # (B, 1, T)

        masked = (1 - attention_mask).to(start.dtype) * MASKED_LOGIT  # (B, T)
        start_logits = start.squeeze(1) + masked  # (B, T)
        end_logits = end.squeeze(1) + masked  # (B, T)
        if taps is not None:
            taps["start_logits"], taps["end_logits"] = start_logits, end_logits
        return start_logits, end_logits


def span_loss(start: torch.Tensor, end: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Mean of the start and the end cross entropy; positions beyond the window are ignored (all ignored: NaN)."""
    length = start.shape[1]
    start_loss = functional.cross_entropy(start, starts.clamp(0, length), ignore_index=length)
    end_loss = functional.cross_entropy(end, ends.clamp(0, length), ignore_index=length)
    return (start_loss + end_loss) / 2


def to_tensor(array: np.ndarray) -> torch.Tensor:
    """Tensor on the selected device; on the CPU it shares the array's memory."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device.selected())


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Contiguous copy, so that it never changes with the tensor."""
    return np.array(tensor.detach().cpu().numpy(), order="C", copy=True)


class Model:
    """The module behind numpy arrays under one set of rules."""

    def __init__(self, module: SplinterQA, rules: Rules) -> None:
        self.module, self.rules = module, rules

    def _logits(self, batch: Arrays, taps: Taps | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        return self.module(to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"]), segments, taps)

    def batch_loss(self, batch: Arrays) -> torch.Tensor:
        """Loss of a batch as a tensor with its graph, in whatever mode the module is."""
        start, end = self._logits(batch)
        return span_loss(start, end, to_tensor(batch["start_positions"]), to_tensor(batch["end_positions"]))

    def parameters(self) -> Arrays:
        """Copy of every parameter, hub names and orientation."""
        return {name: to_numpy(value) for name, value in self.module.named_parameters()}

    def forward(self, batch: Arrays, *, taps: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode; with ``taps`` what led to them, in order."""
        self.module.eval()
        found: Taps = {}
        with torch.no_grad():
            start, end = self._logits(batch, found if taps else None)
        return {name: to_numpy(value) for name, value in {**found, "start_logits": start, "end_logits": end}.items()}

    def head(self, sequence_output: np.ndarray, positions: np.ndarray) -> Arrays:
        """Taps of the head alone, from an encoder output (B, T, D) and question positions (B, 1); unmasked."""
        self.module.eval()
        found: Taps = {}
        with torch.no_grad():
            self.module.head(to_tensor(sequence_output), to_tensor(positions), found)
        return {name: to_numpy(value) for name, value in found.items()}

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss in evaluation mode, 0-d."""
        self.module.eval()
        with torch.no_grad():
            return to_numpy(self.batch_loss(batch))

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss and the gradient of every parameter in evaluation mode, hub names."""
        self.module.eval()
        self.module.zero_grad(set_to_none=True)
        loss = self.batch_loss(batch)
        loss.backward()
        found = {
            name: to_numpy(torch.zeros_like(value) if value.grad is None else value.grad)
            for name, value in self.module.named_parameters()
        }
        self.module.zero_grad(set_to_none=True)
        return to_numpy(loss), found


def load_model(checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
    """Model from ``checkpoint/{model.safetensors,config.json}`` in the hub layout.

    Args:
        dtype: ``float32`` or ``float64`` (the float32 weights, exactly).
        dropout: probability of every dropout of the encoder.

    Raises:
        InputError: a parameter is missing, unknown or of the wrong shape, or the layout is another one.
    """
    arrays, config, _, conversion = read_checkpoint(checkpoint)
    if conversion.layout != "hub":
        raise InputError(f"weights are in the {conversion.layout} layout", where=checkpoint, next_step=CONVERT)
    return Model(SplinterQA(config, arrays, dtype=dtype, dropout=dropout), rules)


def loss_from_logits(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The training loss of given logits (B, T) and positions (B,), 0-d."""
    return to_numpy(span_loss(*(to_tensor(array) for array in (start, end, starts, ends))))
