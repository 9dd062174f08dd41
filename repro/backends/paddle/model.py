"""Splinter for question answering: ``paddlenlp``'s BERT without pooler under the QASS head.

Original: ``oriram/splinter finetuning/modeling.py: ModelWithQASSHead``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddle.distributed.fleet.utils import recompute as recompute_in_backward
from paddle.nn import functional
from paddlenlp.transformers import BertConfig, BertModel
from paddlenlp.transformers.model_utils import no_init_weights

from repro.backends import Arrays
from repro.backends.paddle.head import QuestionAwareSpanSelectionHead
from repro.backends.paddle.operations import Operation, Values, compute
from repro.checkpoint import from_hub, hub_orientation, paddle_orientation, paddle_to_hub, read_checkpoint
from repro.errors import InputError
from repro.protocol import Rules

SEP, MASK, QUESTION = 102, 103, 104
MASKED_LOGIT = -10000.0
LOGITS = ("start_logits", "end_logits")
POSITIONS = ("start_positions", "end_positions")
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
        self.dtype, self.recompute = dtype, dropout == 0.0
        with default_dtype(dtype), no_init_weights():  # every parameter is loaded below
            self.bert = encoder(config, dropout)
            self.cls = nn.Layer()
            self.cls.span_predictions = QuestionAwareSpanSelectionHead(config["hidden_size"])
        own = from_hub(arrays, config, "paddle")
        if odd := {name for name, _ in self.named_parameters()} ^ set(own):
            raise RuntimeError(f"the layer and the name table differ: {sorted(odd)}")
        for name, value in self.named_parameters():
            value.set_value(own[name].astype(dtype))  # float32 weights become float64 exactly

    def prepare(
        self, input_ids: paddle.Tensor, attention_mask: paddle.Tensor, token_type_ids: paddle.Tensor | None = None
    ) -> Values:
        """What the operations start from; no segments means segment 0 everywhere.

        ``mask`` (B, H, T, T) is added to attention scores, ``masked`` (B, T) to logits;
        ``positions`` (B, 1) is the first question position.
        """
        attention_mask = attention_mask * (input_ids != SEP).astype("int64")  # (B, T)
        input_ids = input_ids + (input_ids == MASK).astype("int64") * (QUESTION - MASK)  # (B, T)
        if token_type_ids is None:
            token_type_ids = paddle.zeros_like(input_ids)  # (B, T)
        return {
            "input_ids": input_ids,
            "token_type_ids": token_type_ids,
            "mask": self.extended_attention_mask(attention_mask),
            "positions": (input_ids == QUESTION).astype("int64").argmax(-1, keepdim=True),
            "masked": (1 - attention_mask).astype(self.dtype) * MASKED_LOGIT,
        }

    def extended_attention_mask(self, attention_mask: paddle.Tensor) -> paddle.Tensor:
        """0 where a token may be attended to and ``paddlenlp``'s -10000 elsewhere, (B, H, T, T)."""
        heads, length = self.bert.config.num_attention_heads, attention_mask.shape[1]
        mask = (1 - attention_mask).unsqueeze([1, 2]) * int(MASKED_LOGIT)  # (B, 1, 1, T)
        # Written out in full: Paddle's CPU addition is six times slower where it has to broadcast.
        return mask.astype(self.dtype).expand([-1, heads, length, length])

    def encoder_operations(self, recompute: bool = False) -> list[Operation]:
        """From token ids and mask to ``sequence_output`` (B, T, D)."""
        found = [Operation("embeddings", ("input_ids", "token_type_ids"), self.bert.embeddings)]
        for number, layer in enumerate(self.bert.encoder.layers):
            function = recomputed(layer) if recompute else layer
            found.append(Operation(f"encoder.layer.{number}", (found[-1].name, "mask"), function))
        return [*found, Operation("sequence_output", (found[-1].name,), lambda hidden: hidden)]

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
        wanted: Sequence[str] = LOGITS,
    ) -> Values:
        """Values of the wanted operations, in the order of computation; start and end logits (B, T) by default."""
        operations = self.operations(self.recompute and paddle.is_grad_enabled())
        return compute(operations, self.prepare(input_ids, attention_mask, token_type_ids), wanted)


def recomputed(function: Callable[..., paddle.Tensor]) -> Callable[..., paddle.Tensor]:
    """What the backward pass needs of a layer is computed again rather than kept; the values are the same to the bit.

    Of the activations of 12 layers one layer's are held at a time. Not with dropout, whose masks would be drawn again.
    """
    return lambda *given: recompute_in_backward(function, *given)


def add_masked(logits: paddle.Tensor, masked: paddle.Tensor) -> paddle.Tensor:
    """Logits (B, T) of the one question, with -10000 added where a token cannot be an answer."""
    return logits.squeeze(1) + masked


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


class Model:
    """The layer behind numpy arrays under one set of rules."""

    def __init__(self, module: SplinterQA, rules: Rules) -> None:
        self.module, self.rules = module, rules

    def _values(self, batch: Arrays, wanted: Sequence[str]) -> Values:
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        return self.module(to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"]), segments, wanted)

    def batch_loss(self, batch: Arrays) -> paddle.Tensor:
        """Loss of a batch as a tensor with its graph, in whatever mode the layer is."""
        start, end = self._values(batch, LOGITS).values()
        return span_loss(start, end, to_tensor(batch["start_positions"]), to_tensor(batch["end_positions"]))

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        """Copy of every parameter, or of those named; hub names and orientation."""
        return {
            paddle_to_hub(name)[0]: hub_orientation(name, to_numpy(value))
            for name, value in self.module.named_parameters()
            if names is None or paddle_to_hub(name)[0] in names
        }

    def replace(self, arrays: Arrays) -> None:
        """Overwrite parameters, hub names and orientation, cast to the model's dtype."""
        own = {paddle_to_hub(name)[0]: value for name, value in self.module.named_parameters()}
        with paddle.no_grad():
            for hub, array in arrays.items():
                own[hub].set_value(paddle_orientation(hub, array).astype(self.module.dtype))

    def forward(self, batch: Arrays, *, taps: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode; with ``taps`` every operation before them."""
        self.module.eval()
        wanted = [operation.name for operation in self.module.operations()] if taps else LOGITS
        with paddle.no_grad():
            found = self._values(batch, wanted)
        return {name: to_numpy(found.pop(name)) for name in list(found)}  # each let go of when it is copied

    def operations(self) -> dict[str, tuple[str, ...]]:
        """Inputs of every operation by its name, in the order of computation, ``loss`` last."""
        return {operation.name: operation.inputs for operation in self._operations()}

    def _operations(self) -> list[Operation]:
        return [*self.module.operations(), Operation("loss", (*LOGITS, *POSITIONS), span_loss)]

    def _operation(self, name: str) -> Operation:
        return next(operation for operation in self._operations() if operation.name == name)

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        """What the operations start from, for ``run`` and ``pull``; tensors of the framework."""
        segments = to_tensor(batch["token_type_ids"]) if self.rules.segment_ids else None
        labels = {name: to_tensor(batch[name]) for name in POSITIONS if name in batch}
        return labels | self.module.prepare(to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"]), segments)

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        """One operation in evaluation mode on given values of its inputs, in the model's dtype."""
        self.module.eval()
        operation = self._operation(name)
        with paddle.no_grad():
            output = operation.function(*(self._argument(values[given]) for given in operation.inputs))
        # A transposed array stays one: products sum it in another order than its copy.
        return np.array(output.cpu().numpy(), order="K", copy=True)

    def pull(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        """Vector-Jacobian product of one operation: gradients of its real-valued inputs and of its parameters.

        Args:
            values: of its inputs, at which it is differentiated.
            upstream: gradient of the operation's output, of its shape.
        """
        self.module.eval()
        operation = self._operation(name)
        arguments = {given: self._argument(values[given]) for given in operation.inputs}
        inner = {given: value for given, value in arguments.items() if isinstance(values[given], np.ndarray)}
        for value in inner.values():
            value.stop_gradient = False
        weights = dict(self.module.named_parameters())
        output = operation.function(*arguments.values())
        wanted, given = [*inner.values(), *weights.values()], self._argument(upstream).reshape(output.shape)
        found = paddle.grad([output], wanted, [given], allow_unused=True)
        gradients = {n: to_numpy(g) for n, g in zip([*inner, *weights], found, strict=True) if g is not None}
        own = {n: g for n, g in gradients.items() if n in weights}
        return {n: gradients[n] for n in inner}, {paddle_to_hub(n)[0]: hub_orientation(n, g) for n, g in own.items()}

    def _argument(self, value: Any) -> paddle.Tensor:
        if not isinstance(value, np.ndarray):
            return value  # from ``prepare``
        return to_tensor(value).astype(self.module.dtype)

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss in evaluation mode, 0-d."""
        self.module.eval()
        with paddle.no_grad():
            return to_numpy(self.batch_loss(batch))

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss and the gradient of every parameter in evaluation mode, hub names."""
        self.module.eval()
        self._take_gradients()
        loss = self.batch_loss(batch)
        loss.backward()
        return to_numpy(loss), self._take_gradients()

    def _take_gradients(self) -> Arrays:
        """Gradient of every parameter, each let go of in the framework; zeros for a missing one."""
        found = {}
        for name, value in self.module.named_parameters():
            gradient = to_numpy(paddle.zeros_like(value) if value.grad is None else value.grad)
            found[paddle_to_hub(name)[0]] = hub_orientation(name, gradient)
            value.clear_gradient(set_to_zero=False)
        return found


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
