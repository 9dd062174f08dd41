"""Splinter for question answering: ``transformers``' BERT without pooler under the QASS head.

Original: ``oriram/splinter finetuning/modeling.py: ModelWithQASSHead``.
"""

import contextlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import BertConfig, BertModel
from transformers.modeling_utils import no_init_weights

from repro.backends.common.limits import activation_bytes
from repro.backends.common.names import LOGITS, POSITIONS, special_ids
from repro.backends.common.operations import Operation, compute, inputs_by_name
from repro.backends.pytorch import device
from repro.backends.pytorch.head import QuestionAwareSpanSelectionHead, as_float32
from repro.checkpoint import ModelConfig, read_checkpoint
from repro.config.protocol import Rules
from repro.data.batches import Part, whole
from repro.errors import InputError
from repro.numerics.arrays import Arrays

Values = dict[str, torch.Tensor]
MASKED_LOGIT = -10000.0
CONVERT = "repro convert SRC DST --to hub"


def encoder_config(config: ModelConfig, dropout: float) -> BertConfig:
    """``transformers``' configuration of the encoder: exact gelu, eager attention, one dropout probability."""
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
        type_vocab_size=config["type_vocab_size"],
        initializer_range=config["initializer_range"],
        layer_norm_eps=as_float32(config["layer_norm_eps"]),
        pad_token_id=config["pad_token_id"],
        attn_implementation="eager",
    )


class SplinterQA(nn.Module):
    """Encoder and head as one module; its parameters carry the hub's names."""

    def __init__(self, config: ModelConfig, arrays: Arrays, *, dtype: str = "float32", dropout: float = 0.0) -> None:
        super().__init__()
        self.config, self.dtype = config, getattr(torch, dtype)
        # Bytes of activations to keep: all with dropout, since the backward pass would draw the masks again.
        self.budget = math.inf if dropout else device.selected_limits().activations
        with no_init_weights():  # every parameter is loaded below
            self.splinter = BertModel(encoder_config(config, dropout), add_pooling_layer=False)
            self.splinter_qass = QuestionAwareSpanSelectionHead(config["hidden_size"])
        self.to(self.dtype)  # before loading: float32 weights become float64 exactly
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
        self.to(device.selected())
        self._hub_parameters = dict(self.named_parameters())

    def hub_parameters(self) -> Values:
        """Every parameter by its hub name."""
        return self._hub_parameters

    def activation_bytes(self, shapes: Iterable[tuple[int, ...]]) -> int:
        """About what the backward pass keeps of inputs of these shapes (rows, width)."""
        return activation_bytes(self.config, shapes, self.dtype.itemsize)

    def eval(self) -> Self:
        """Evaluation mode; to walk through all submodules takes longer than some of their operations."""
        return super().eval() if self.training else self

    def prepare(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> Values:
        """What the operations start from; no segments means segment 0 everywhere.

        ``mask`` (B, 1, 1, T) is added to attention scores, ``masked`` (B, T) to logits;
        ``positions`` (B, 1) is the first question position.
        """
        ids = special_ids(self.config)
        attention_mask = attention_mask.masked_fill(input_ids == ids.sep, 0)  # (B, T)
        input_ids = input_ids.masked_fill(input_ids == ids.mask, ids.question)  # (B, T)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)  # (B, T)
        return {
            "input_ids": input_ids,
            "token_type_ids": token_type_ids,
            "mask": self.extended_attention_mask(attention_mask),
            "positions": (input_ids == ids.question).int().argmax(-1, keepdim=True),
            "masked": (1 - attention_mask).to(self.dtype) * MASKED_LOGIT,
        }

    def extended_attention_mask(self, attention_mask: torch.Tensor) -> torch.Tensor:
        """0 where a token may be attended to and the lowest number elsewhere, (B, 1, 1, T)."""
        return self.splinter.get_extended_attention_mask(attention_mask, attention_mask.shape)

    def encoder_operations(self, recompute: bool = False) -> list[Operation]:
        """From token ids and mask to ``sequence_output`` (B, T, D)."""
        operations = [Operation("embeddings", ("input_ids", "token_type_ids"), self.splinter.embeddings)]
        for number, layer in enumerate(self.splinter.encoder.layer):
            function = recomputed(first(layer)) if recompute else first(layer)
            operations.append(Operation(f"encoder.layer.{number}", (operations[-1].name, "mask"), function))
        return [*operations, Operation("sequence_output", (operations[-1].name,), lambda hidden: hidden)]

    def operations(self, recompute: bool = False) -> list[Operation]:
        """From ``prepare`` to ``start_logits``, ``end_logits`` (B, T)."""
        return [
            *self.encoder_operations(recompute),
            *self.splinter_qass.operations(),
            Operation("start_logits", ("start_logits_unmasked", "masked"), add_masked),
            Operation("end_logits", ("end_logits_unmasked", "masked"), add_masked),
        ]

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        names: Collection[str] = LOGITS,
        recompute: bool = False,
    ) -> Values:
        """Values of the named operations, in the order of computation; start and end logits (B, T) by default."""
        with device.products():
            return compute(self.operations(recompute), self.prepare(input_ids, attention_mask, token_type_ids), names)


def first(layer: nn.Module) -> Callable[..., torch.Tensor]:
    """Only the first output of the layer, the hidden states."""
    return lambda *inputs: layer(*inputs)[0]


def recomputed(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The backward pass recomputes the activations inside a layer instead of keeping them; values are equal to the bit.

    So only one layer's activations are in memory at a time. Not for dropout, whose masks would be drawn again.
    """
    return lambda *inputs: checkpoint(function, *inputs, use_reentrant=False)


def add_masked(logits: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """Logits (B, T) of the one question, with -10000 added where a token cannot be an answer."""
    return logits.squeeze(1) + masked


def span_loss(start: torch.Tensor, end: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Mean of the start and the end cross entropy; positions beyond the window are ignored (all ignored: NaN)."""
    length = start.shape[1]
    start_loss = functional.cross_entropy(start, starts.clamp(0, length), ignore_index=length)
    end_loss = functional.cross_entropy(end, ends.clamp(0, length), ignore_index=length)
    return (start_loss + end_loss) / 2


def to_tensor(array: np.ndarray) -> torch.Tensor:
    """Tensor on the selected device; on the CPU it shares the array's memory.

    A GPU is not waited for: CUDA takes a copy of such memory before it returns.
    """
    return torch.from_numpy(np.ascontiguousarray(array)).to(device.selected(), non_blocking=True)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Contiguous copy, so that it never changes with the tensor."""
    return np.array(tensor.detach().cpu().numpy(), order="C", copy=True)


def hub_array(name: str, tensor: torch.Tensor) -> np.ndarray:
    """Copy of a parameter, its gradient or its moment in hub orientation, which is the module's."""
    return to_numpy(tensor)


def from_hub_array(name: str, array: np.ndarray) -> torch.Tensor:
    """A tensor as the module holds it, from hub orientation."""
    return to_tensor(array)


class Model:
    """The module behind numpy arrays under one set of rules."""

    def __init__(self, module: SplinterQA, rules: Rules) -> None:
        self.module, self.rules = module, rules

    def _compute(self, batch: Arrays, names: Collection[str] = LOGITS, recompute: bool = False) -> Values:
        """Values of the named operations for a batch, in the current mode of the module."""
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        ids, mask = to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"])
        values: Values = self.module(ids, mask, segments, names, recompute)
        return values

    def batch_loss(
        self,
        batch: Arrays,
        parts: Sequence[Part],
        dropout: Callable[[np.ndarray], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> torch.Tensor:
        """Loss of a batch as a tensor with its graph, in the current mode of the module.

        Args:
            parts: of the batch, computed one after the other. Columns beyond a part get the logit of a masked token,
                whose probability is 0, so that the loss is one mean over the whole batch.
            dropout: the context in which a part is computed, from the numbers of its rows.
        """
        shapes = [part.batch["input_ids"].shape for part in parts]
        recompute = torch.is_grad_enabled() and self.module.activation_bytes(shapes) > self.module.budget
        width, logits = batch["input_ids"].shape[1], []
        for part in parts:
            with dropout(part.rows):
                values = torch.stack([*self._compute(part.batch, recompute=recompute).values()])  # (2, rows, columns)
            logits.append(functional.pad(values, (0, width - values.shape[2]), value=MASKED_LOGIT))
        start, end = torch.cat(logits, 1)
        rows = np.concatenate([part.rows for part in parts])
        return span_loss(start, end, *(to_tensor(batch[name][rows]) for name in POSITIONS))

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        """Copy of every parameter, or of the named ones; hub names and orientation."""
        parameters = self.module.hub_parameters()
        return {name: hub_array(name, parameters[name]) for name in parameters if names is None or name in names}

    def replace(self, arrays: Arrays) -> None:
        """Overwrite parameters, hub names and orientation, cast to the model's dtype."""
        parameters = self.module.hub_parameters()
        with torch.no_grad():
            for name, array in arrays.items():
                parameters[name].copy_(from_hub_array(name, array))

    def forward(self, batch: Arrays, *, activations: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode; with ``activations`` all operations before."""
        self.module.eval()
        names = [operation.name for operation in self.module.operations()] if activations else LOGITS
        with torch.no_grad():
            values = self._compute(batch, names)
        return {name: to_numpy(values.pop(name)) for name in list(values)}  # frees each tensor once it is copied

    def operations(self) -> dict[str, tuple[str, ...]]:
        """Inputs of every operation by its name, in the order of computation, ``loss`` last."""
        return inputs_by_name(self._operations.values())

    @cached_property
    def _operations(self) -> dict[str, Operation]:
        operations = [*self.module.operations(), Operation("loss", (*LOGITS, *POSITIONS), span_loss)]
        return {operation.name: operation for operation in operations}

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        """What the operations start from, for ``run`` and ``vjp``."""
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        labels = {name: to_tensor(batch[name]) for name in POSITIONS if name in batch}
        return labels | self.module.prepare(to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"]), segments)

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        """One operation in evaluation mode at the values of its inputs, in the model's dtype."""
        self.module.eval()
        operation = self._operations[name]
        with torch.no_grad():
            output = operation.function(*(self._argument(values[key]) for key in operation.inputs))
        # A transposed array stays transposed: a product sums its copy in another order.
        return np.array(output.cpu().numpy(), order="K", copy=True)

    def vjp(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        """Vector-Jacobian product of one operation: gradients of its real-valued inputs and of its parameters."""
        self.module.eval()
        operation = self._operations[name]
        arguments = {key: self._argument(values[key]) for key in operation.inputs}
        inner = {key: value for key, value in arguments.items() if isinstance(values[key], np.ndarray)}
        for value in inner.values():
            value.requires_grad_()
        weights = self.module.hub_parameters()
        output = operation.function(*arguments.values())
        sources, upstreams = [*inner.values(), *weights.values()], self._argument(upstream).reshape(output.shape)
        gradients = torch.autograd.grad(output, sources, upstreams, allow_unused=True)
        by_name = {key: value for key, value in zip([*inner, *weights], gradients, strict=True) if value is not None}
        of_weights = {name: hub_array(name, value) for name, value in by_name.items() if name in weights}
        return {key: to_numpy(by_name[key]) for key in inner}, of_weights

    def _argument(self, value: np.ndarray | torch.Tensor) -> torch.Tensor:
        if not isinstance(value, np.ndarray):
            return value  # from ``prepare``
        return torch.from_numpy(value).to(device.selected(), self.module.dtype)

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss in evaluation mode, 0-d."""
        self.module.eval()
        with torch.no_grad():
            return to_numpy(self.batch_loss(batch, whole(batch)))

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss and the gradient of every parameter in evaluation mode, hub names."""
        self.module.eval()
        self._take_gradients()
        loss = self.batch_loss(batch, whole(batch))
        loss.backward()
        return to_numpy(loss), self._take_gradients()

    def _take_gradients(self) -> Arrays:
        """Gradient of every parameter, which the framework then forgets; zeros where there is none."""
        gradients = {}
        for name, value in self.module.hub_parameters().items():
            gradients[name] = hub_array(name, torch.zeros_like(value) if value.grad is None else value.grad)
            value.grad = None
        return gradients


def load_model(checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
    """Model from a checkpoint in the hub layout (``Backend.load_model``); ``dropout`` is that of the encoder."""
    arrays, config, _, conversion = read_checkpoint(checkpoint)
    if conversion.layout != "hub":
        raise InputError(f"weights are in the {conversion.layout} layout", where=checkpoint, next_step=CONVERT)
    return Model(SplinterQA(config, arrays, dtype=dtype, dropout=dropout), rules)


def loss_from_logits(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The training loss (0-d) from logits (B, T) and int64 positions (B,)."""
    return to_numpy(span_loss(*(to_tensor(array) for array in (start, end, starts, ends))))
