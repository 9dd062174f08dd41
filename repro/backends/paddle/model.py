"""Splinter for question answering: ``paddlenlp``'s BERT without pooler under the QASS head.

Original: ``oriram/splinter finetuning/modeling.py: ModelWithQASSHead``.
"""

import contextlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.distributed.fleet.utils import recompute as recompute_in_backward
from paddle.nn import functional
from paddlenlp.transformers import BertConfig, BertModel
from paddlenlp.transformers.model_utils import no_init_weights

from repro.backends.common.limits import activation_bytes
from repro.backends.common.names import LOGITS, POSITIONS, special_ids
from repro.backends.common.operations import Operation, compute, inputs_by_name
from repro.backends.paddle import device
from repro.backends.paddle.head import QuestionAwareSpanSelectionHead
from repro.checkpoint import ModelConfig, from_hub, other_orientation, paddle_to_hub, read_checkpoint
from repro.config.protocol import Rules
from repro.data.batches import Part, whole
from repro.errors import InputError
from repro.numerics.arrays import Arrays

Values = dict[str, paddle.Tensor]
MASKED_LOGIT = -10000.0
CONVERT = "repro convert SRC DST --to paddle"


def encoder_config(config: ModelConfig, dropout: float) -> BertConfig:
    """``paddlenlp``'s configuration of the encoder: exact gelu, one dropout probability."""
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
        type_vocab_size=config["type_vocab_size"],  # paddlenlp's default is 16
        initializer_range=config["initializer_range"],
        layer_norm_eps=config["layer_norm_eps"],
        pad_token_id=config["pad_token_id"],
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


def encoder(config: ModelConfig, dropout: float) -> BertModel:
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

    def __init__(self, config: ModelConfig, arrays: Arrays, *, dtype: str = "float32", dropout: float = 0.0) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        # Bytes of activations to keep: all with dropout, since the backward pass would draw the masks again.
        self.budget = math.inf if dropout else device.selected_limits().activations
        with default_dtype(dtype), no_init_weights():  # every parameter is loaded below
            self.bert = encoder(config, dropout)
            self.cls = nn.Layer()
            self.cls.span_predictions = QuestionAwareSpanSelectionHead(config["hidden_size"])
        converted = from_hub(arrays, config, "paddle")
        if unmatched := {name for name, _ in self.named_parameters()} ^ set(converted):
            raise RuntimeError(f"the layer and the name table differ: {sorted(unmatched)}")
        for name, value in self.named_parameters():
            overwrite(value, converted[name].astype(dtype))  # float32 weights become float64 exactly
        self._hub_parameters = {paddle_to_hub(name): value for name, value in self.named_parameters()}

    def hub_parameters(self) -> Values:
        """Every parameter by its hub name."""
        return self._hub_parameters

    def activation_bytes(self, shapes: Iterable[tuple[int, ...]]) -> int:
        """About what the backward pass keeps of inputs of these shapes (rows, width)."""
        return activation_bytes(self.config, shapes, np.dtype(self.dtype).itemsize)

    def eval(self) -> None:
        """Evaluation mode; to walk through all sublayers takes longer than some of their operations."""
        if self.training:
            super().eval()

    def prepare(
        self, input_ids: paddle.Tensor, attention_mask: paddle.Tensor, token_type_ids: paddle.Tensor | None = None
    ) -> Values:
        """What the operations start from; no segments means segment 0 everywhere.

        ``mask`` (B, H, T, T) is added to attention scores, ``masked`` (B, T) to logits;
        ``positions`` (B, 1) is the first question position.
        """
        ids = special_ids(self.config)
        attention_mask = attention_mask * (input_ids != ids.sep).astype("int64")  # (B, T)
        input_ids = input_ids + (input_ids == ids.mask).astype("int64") * (ids.question - ids.mask)  # (B, T)
        if token_type_ids is None:
            token_type_ids = paddle.zeros_like(input_ids)  # (B, T)
        return {
            "input_ids": input_ids,
            "token_type_ids": token_type_ids,
            "mask": self.extended_attention_mask(attention_mask),
            "positions": (input_ids == ids.question).astype("int64").argmax(-1, keepdim=True),
            "masked": (1 - attention_mask).astype(self.dtype) * MASKED_LOGIT,
        }

    def extended_attention_mask(self, attention_mask: paddle.Tensor) -> paddle.Tensor:
        """0 where a token may be attended to and ``paddlenlp``'s -10000 elsewhere, (B, H, T, T)."""
        heads, length = self.bert.config.num_attention_heads, attention_mask.shape[1]
        mask = (1 - attention_mask).unsqueeze([1, 2]) * int(MASKED_LOGIT)  # (B, 1, 1, T)
        # In full: Paddle's addition on the CPU is six times slower where it broadcasts.
        return mask.astype(self.dtype).expand([-1, heads, length, length])

    def encoder_operations(self, recompute: bool = False) -> list[Operation]:
        """From token ids and mask to ``sequence_output`` (B, T, D)."""
        operations = [Operation("embeddings", ("input_ids", "token_type_ids"), self.bert.embeddings)]
        for number, layer in enumerate(self.bert.encoder.layers):
            function = recomputed(layer) if recompute else layer
            operations.append(Operation(f"encoder.layer.{number}", (operations[-1].name, "mask"), function))
        return [*operations, Operation("sequence_output", (operations[-1].name,), lambda hidden: hidden)]

    def operations(self, recompute: bool = False) -> list[Operation]:
        """From ``prepare`` to ``start_logits``, ``end_logits`` (B, T)."""
        return [
            *self.encoder_operations(recompute),
            *self.cls.span_predictions.operations(),
            Operation("start_logits", ("start_logits_unmasked", "masked"), add_masked),
            Operation("end_logits", ("end_logits_unmasked", "masked"), add_masked),
        ]

    def forward(
        self,
        input_ids: paddle.Tensor,
        attention_mask: paddle.Tensor,
        token_type_ids: paddle.Tensor | None = None,
        names: Collection[str] = LOGITS,
        recompute: bool = False,
    ) -> Values:
        """Values of the named operations, in the order of computation; start and end logits (B, T) by default."""
        with device.products():
            return compute(self.operations(recompute), self.prepare(input_ids, attention_mask, token_type_ids), names)


def recomputed(function: Callable[..., paddle.Tensor]) -> Callable[..., paddle.Tensor]:
    """The backward pass recomputes the activations inside a layer instead of keeping them; values are equal to the bit.

    So only one layer's activations are in memory at a time. Not for dropout, whose masks would be drawn again.
    """
    return lambda *inputs: recompute_in_backward(function, *inputs)


def add_masked(logits: paddle.Tensor, masked: paddle.Tensor) -> paddle.Tensor:
    """Logits (B, T) of the one question, with -10000 added where a token cannot be an answer."""
    return logits.squeeze(1) + masked


def masked_cross_entropy(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """Mean cross entropy over the labels inside the window; NaN where there is none.

    The mean of Paddle's ``cross_entropy`` is 0 there and not NaN as in the original, so it is computed here.
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
    return np.array(tensor.numpy(), order="C", copy=True)


def overwrite(tensor: paddle.Tensor, array: np.ndarray) -> None:
    """Copy an array of the tensor's shape and dtype into it.

    What ``set_value`` does in the end, in fifteen times as long: its decorators bind the arguments to signatures.
    """
    if array.shape != tuple(tensor.shape):
        raise ValueError(f"{tensor.name} is {tensor.shape}, the array {array.shape}")
    tensor.get_tensor().set(array, paddle.framework._current_expected_place())


def hub_array(name: str, tensor: paddle.Tensor) -> np.ndarray:
    """Copy of a parameter, its gradient or its moment in hub orientation."""
    return other_orientation(name, to_numpy(tensor))


def from_hub_array(name: str, array: np.ndarray) -> paddle.Tensor:
    """A tensor as the layer holds it, from hub orientation."""
    return to_tensor(other_orientation(name, array))


class Model:
    """The layer behind numpy arrays under one set of rules."""

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
    ) -> paddle.Tensor:
        """Loss of a batch as a tensor with its graph, in the current mode of the layer.

        Args:
            parts: of the batch, computed one after the other. Columns beyond a part get the logit of a masked token,
                whose probability is 0, so that the loss is one mean over the whole batch.
            dropout: the context in which a part is computed, from the numbers of its rows.
        """
        shapes = [part.batch["input_ids"].shape for part in parts]
        recompute = paddle.is_grad_enabled() and self.module.activation_bytes(shapes) > self.module.budget
        width, logits = batch["input_ids"].shape[1], []
        for part in parts:
            with dropout(part.rows):
                values = paddle.stack([*self._compute(part.batch, recompute=recompute).values()])  # (2, rows, columns)
            logits.append(functional.pad(values, [0, width - values.shape[2]], value=MASKED_LOGIT, data_format="NCL"))
        start, end = paddle.concat(logits, 1)
        rows = np.concatenate([part.rows for part in parts])
        return span_loss(start, end, *(to_tensor(batch[name][rows]) for name in POSITIONS))

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        """Copy of every parameter, or of the named ones; hub names and orientation."""
        parameters = self.module.hub_parameters()
        return {name: hub_array(name, parameters[name]) for name in parameters if names is None or name in names}

    def replace(self, arrays: Arrays) -> None:
        """Overwrite parameters, hub names and orientation, cast to the model's dtype."""
        parameters = self.module.hub_parameters()
        with paddle.no_grad():
            for name, array in arrays.items():
                overwrite(parameters[name], other_orientation(name, array).astype(self.module.dtype))

    def forward(self, batch: Arrays, *, activations: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode; with ``activations`` all operations before."""
        self.module.eval()
        names = [operation.name for operation in self.module.operations()] if activations else LOGITS
        with paddle.no_grad():
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
        with paddle.no_grad():
            output = operation.function(*(self._argument(values[key]) for key in operation.inputs))
        # A transposed array stays transposed: a product sums its copy in another order.
        return np.array(output.numpy(), order="K", copy=True)

    def vjp(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        """Vector-Jacobian product of one operation: gradients of its real-valued inputs and of its parameters."""
        self.module.eval()
        operation = self._operations[name]
        arguments = {key: self._argument(values[key]) for key in operation.inputs}
        inner = {key: value for key, value in arguments.items() if isinstance(values[key], np.ndarray)}
        for value in inner.values():
            value.stop_gradient = False
        weights = self.module.hub_parameters()
        output = operation.function(*arguments.values())
        sources, upstreams = [*inner.values(), *weights.values()], self._argument(upstream).reshape(output.shape)
        gradients = paddle.grad([output], sources, [upstreams], allow_unused=True)
        by_name = {key: value for key, value in zip([*inner, *weights], gradients, strict=True) if value is not None}
        of_weights = {name: hub_array(name, value) for name, value in by_name.items() if name in weights}
        return {key: to_numpy(by_name[key]) for key in inner}, of_weights

    def _argument(self, value: np.ndarray | paddle.Tensor) -> paddle.Tensor:
        if not isinstance(value, np.ndarray):
            return value  # from ``prepare``
        return to_tensor(value).astype(self.module.dtype)

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss in evaluation mode, 0-d."""
        self.module.eval()
        with paddle.no_grad():
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
            gradients[name] = hub_array(name, paddle.zeros_like(value) if value.grad is None else value.grad)
            value.clear_gradient(set_to_zero=False)
        return gradients


def load_model(checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
    """Model from a checkpoint in the Paddle layout (``Backend.load_model``); ``dropout`` is that of the encoder."""
    arrays, config, _, conversion = read_checkpoint(checkpoint)
    if conversion.layout != "paddle":
        raise InputError(f"weights are in the {conversion.layout} layout", where=checkpoint, next_step=CONVERT)
    return Model(SplinterQA(config, arrays, dtype=dtype, dropout=dropout), rules)


def loss_from_logits(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The training loss (0-d) from logits (B, T) and int64 positions (B,)."""
    return to_numpy(span_loss(*(to_tensor(array) for array in (start, end, starts, ends))))
