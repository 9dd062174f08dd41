"""The one literal table of parameter names: hub, original (``pytorch``) and Paddle; shapes, orientation.

Sources: hub: ``transformers`` ``SplinterForQuestionAnswering.state_dict()``; original:
``oriram/splinter`` ``finetuning/modeling.py: ModelWithQASSHead``; Paddle: ``paddlenlp``
``BertModel.state_dict()``, the head as in the original.
Everything else about names (the inverse maps, the shapes, the order) is derived from here.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Layout = Literal["pytorch", "hub", "paddle"]
LAYOUTS: tuple[Layout, ...] = ("pytorch", "hub", "paddle")
BACKEND_LAYOUTS: dict[str, Layout] = {"pytorch": "hub", "paddle": "paddle"}  # what each backend loads

Dimension = Literal["vocab_size", "max_position_embeddings", "type_vocab_size", "hidden_size", "intermediate_size"]
# Letters of the shape column and the configuration key that gives each its size.
DIMENSIONS: dict[str, Dimension] = {
    "V": "vocab_size",
    "P": "max_position_embeddings",
    "S": "type_vocab_size",
    "D": "hidden_size",
    "F": "intermediate_size",
}

# Paddle keeps the weight of a linear layer as (in, out), the others as (out, in).
LINEAR: tuple[Layout, ...] = ("paddle",)
# The bilinear matrices of the head are applied as ``x @ A`` in the original and in Paddle; the hub holds them
# as ``nn.Linear``, so ``x @ A.T``.
BILINEAR: tuple[Layout, ...] = ("pytorch", "paddle")
SAME: tuple[Layout, ...] = ()


class Prefix(NamedTuple):
    """Prefix of the names of one part of the model; ``{layer}`` is the number of the layer."""

    hub: str
    pytorch: str
    paddle: str


def _head(module: str = "") -> Prefix:
    return Prefix(f"splinter_qass.{module}", f"cls.span_predictions.{module}", f"cls.span_predictions.{module}")


class Row(NamedTuple):
    """One parameter, named below its part's prefix.

    Attributes:
        hub: name in the hub layout and, unless ``pytorch`` says otherwise, in the original.
        shape: of the hub layout, in letters of ``DIMENSIONS``.
        transposed: the layouts that hold its transpose.
    """

    hub: str
    paddle: str
    shape: str
    transposed: tuple[Layout, ...]
    pytorch: str | None = None


FULLY_CONNECTED = (
    Row("dense.weight", "dense.weight", "DD", LINEAR),
    Row("dense.bias", "dense.bias", "D", SAME),
    Row("LayerNorm.weight", "LayerNorm.weight", "D", SAME),
    Row("LayerNorm.bias", "LayerNorm.bias", "D", SAME),
)

# In the order of transformers' state dict.
TABLE: tuple[tuple[Prefix, tuple[Row, ...]], ...] = (
    (
        Prefix("splinter.embeddings.", "bert.embeddings.", "bert.embeddings."),
        (
            Row("word_embeddings.weight", "word_embeddings.weight", "VD", SAME),
            Row("position_embeddings.weight", "position_embeddings.weight", "PD", SAME),
            Row("token_type_embeddings.weight", "token_type_embeddings.weight", "SD", SAME),
            Row("LayerNorm.weight", "layer_norm.weight", "D", SAME),
            Row("LayerNorm.bias", "layer_norm.bias", "D", SAME),
        ),
    ),
    (
        Prefix("splinter.encoder.layer.{layer}.", "bert.encoder.layer.{layer}.", "bert.encoder.layers.{layer}."),
        (
            Row("attention.self.query.weight", "self_attn.q_proj.weight", "DD", LINEAR),
            Row("attention.self.query.bias", "self_attn.q_proj.bias", "D", SAME),
            Row("attention.self.key.weight", "self_attn.k_proj.weight", "DD", LINEAR),
            Row("attention.self.key.bias", "self_attn.k_proj.bias", "D", SAME),
            Row("attention.self.value.weight", "self_attn.v_proj.weight", "DD", LINEAR),
            Row("attention.self.value.bias", "self_attn.v_proj.bias", "D", SAME),
            Row("attention.output.dense.weight", "self_attn.out_proj.weight", "DD", LINEAR),
            Row("attention.output.dense.bias", "self_attn.out_proj.bias", "D", SAME),
            Row("attention.output.LayerNorm.weight", "norm1.weight", "D", SAME),
            Row("attention.output.LayerNorm.bias", "norm1.bias", "D", SAME),
            Row("intermediate.dense.weight", "linear1.weight", "FD", LINEAR),
            Row("intermediate.dense.bias", "linear1.bias", "F", SAME),
            Row("output.dense.weight", "linear2.weight", "DF", LINEAR),
            Row("output.dense.bias", "linear2.bias", "D", SAME),
            Row("output.LayerNorm.weight", "norm2.weight", "D", SAME),
            Row("output.LayerNorm.bias", "norm2.bias", "D", SAME),
        ),
    ),
    (_head("query_start_transform."), FULLY_CONNECTED),
    (_head("query_end_transform."), FULLY_CONNECTED),
    (_head("start_transform."), FULLY_CONNECTED),
    (_head("end_transform."), FULLY_CONNECTED),
    (
        _head(),
        (
            Row("start_classifier.weight", "start_classifier", "DD", BILINEAR, pytorch="start_classifier"),
            Row("end_classifier.weight", "end_classifier", "DD", BILINEAR, pytorch="end_classifier"),
        ),
    ),
)

# Tensors of other models and tasks around the same encoder: ignored, and named in the result.
DROPPED = {
    "pooler": re.compile(r"(?:bert\.|splinter\.)?pooler\.dense\.(?:weight|bias)"),
    "masked language model head": re.compile(r"cls\.predictions\..+"),
    "next sentence head": re.compile(r"cls\.seq_relationship\.(?:weight|bias)"),
    "position ids": re.compile(r"(?:bert\.|splinter\.)?embeddings\.position_ids"),
}

_LAYER_NUMBER = re.compile(r"(?<=encoder\.layer\.)\d+(?=\.)|(?<=encoder\.layers\.)\d+(?=\.)")


class Parameter(NamedTuple):
    """One parameter with full names; ``{layer}`` filled in, or left as a pattern in ``PATTERNS``."""

    hub: str
    pytorch: str
    paddle: str
    shape: str
    transposed: tuple[Layout, ...]

    @property
    def head(self) -> bool:
        """Whether it belongs to the QASS head (else to the encoder)."""
        return self.hub.startswith("splinter_qass.")

    def name(self, layout: Layout) -> str:
        """Its name in one layout."""
        return str(getattr(self, layout))


PATTERNS = tuple(
    Parameter(
        hub=prefix.hub + row.hub,
        pytorch=prefix.pytorch + (row.pytorch or row.hub),
        paddle=prefix.paddle + row.paddle,
        shape=row.shape,
        transposed=row.transposed,
    )
    for prefix, rows in TABLE
    for row in rows
)


def parameters(layers: int) -> list[Parameter]:
    """Every parameter of a model with ``layers`` encoder layers, in the order of ``transformers``."""
    before = [p for p in PATTERNS if not p.head and "{layer}" not in p.hub]
    repeated = [p for p in PATTERNS if "{layer}" in p.hub]
    head = [p for p in PATTERNS if p.head]
    filled = [
        p._replace(
            hub=p.hub.replace("{layer}", str(n)),
            pytorch=p.pytorch.replace("{layer}", str(n)),
            paddle=p.paddle.replace("{layer}", str(n)),
        )
        for n in range(layers)
        for p in repeated
    ]
    return before + filled + head


@lru_cache(maxsize=4096)  # asked for every parameter whenever one is read or written
def rename(name: str, source: Layout, target: Layout) -> tuple[str, bool]:
    """Name in another layout, and whether the array is transposed on the way.

    Raises:
        KeyError: the table does not know the name.
    """
    number = _LAYER_NUMBER.search(name)
    pattern = _LAYER_NUMBER.sub("{layer}", name, count=1)
    for parameter in PATTERNS:
        if parameter.name(source) == pattern:
            renamed = parameter.name(target)
            if number:
                renamed = renamed.replace("{layer}", number.group())
            return renamed, (source in parameter.transposed) != (target in parameter.transposed)
    raise KeyError(f"{name} is no parameter of layout {source}")
