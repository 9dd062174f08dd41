"""The part of ``config.json`` that decides the shapes, checked before any tensor is read."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from repro.checkpoint.names import DIMENSIONS, Layout, Parameter
from repro.errors import InputError


class ModelConfig(TypedDict):
    """A checked BERT configuration with its defaults. It may hold further keys, which are kept in their order."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    hidden_act: str
    layer_norm_eps: float
    initializer_range: float
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    pad_token_id: int
    initializer_style: NotRequired[str]


SIZES = (*DIMENSIONS.values(), "num_hidden_layers", "num_attention_heads")
# What the original's configuration says, for files that leave a key out (Paddle's has no epsilon).
DEFAULTS: dict[str, object] = {
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pad_token_id": 0,
}
_IDENTITY: dict[Layout, dict[str, object]] = {
    "pytorch": {"model_type": "bert", "architectures": ["ModelWithQASSHead"]},
    "hub": {"model_type": "splinter", "architectures": ["SplinterForQuestionAnswering"], "question_token_id": 104},
    "paddle": {"model_type": "bert", "architectures": ["ModelWithQASSHead"]},
}


def check_config(config: Mapping[str, object], where: object = None) -> ModelConfig:
    """Copy of a BERT configuration with defaults filled in.

    Raises:
        InputError: a size is missing or not a positive whole number, the heads do not divide the hidden size,
            or the activation is not the exact gelu.
    """
    missing = [key for key in SIZES if key not in config]
    if missing:
        raise InputError(
            f"configuration lacks {', '.join(missing)}",
            where=where,
            next_step="complete config.json: these keys decide the shapes of the weights",
        )
    wrong = [key for key in SIZES if type(size := config[key]) is not int or size < 1]
    if wrong:
        raise InputError(f"{wrong[0]} must be a positive whole number, not {config[wrong[0]]!r}", where=where)
    full = cast(ModelConfig, {**DEFAULTS, **config})
    if full["hidden_size"] % full["num_attention_heads"]:
        heads = full["num_attention_heads"]
        raise InputError(f"hidden_size {full['hidden_size']} does not divide into {heads} heads", where=where)
    if full["hidden_act"] != "gelu":
        raise InputError(f"activation {full['hidden_act']!r} is not the exact gelu of the model", where=where)
    return full


def config_for(config: Mapping[str, object], layout: Layout) -> dict[str, object]:
    """Configuration as it is written beside weights of one layout (it names the model class that reads them)."""
    return {**check_config(config), **_IDENTITY[layout]}


def shape_of(parameter: Parameter, config: ModelConfig, layout: Layout = "hub") -> tuple[int, ...]:
    """Shape of a parameter in one layout."""
    shape = tuple(config[DIMENSIONS[letter]] for letter in parameter.shape)
    return shape[::-1] if layout in parameter.transposed else shape


def shape_in_words(parameter: Parameter, layout: Layout) -> str:
    """``(vocab_size, hidden_size)`` for messages."""
    letters = parameter.shape[::-1] if layout in parameter.transposed else parameter.shape
    return "(" + ", ".join(DIMENSIONS[letter] for letter in letters) + ")"
