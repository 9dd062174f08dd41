"""The part of ``config.json`` that decides the shapes, checked before any tensor is read."""

import math
from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from repro.checkpoint.names import DIMENSIONS, Layout, Parameter
from repro.errors import InputError
from repro.results.inputs import TokenIds


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
    unk_token_id: int
    cls_token_id: int
    sep_token_id: int
    mask_token_id: int
    question_token_id: int
    initializer_style: NotRequired[str]


SIZES = (*DIMENSIONS.values(), "num_hidden_layers", "num_attention_heads")
LARGEST = 1 << 24  # of any size: far above every model, and small enough to count with
MOST_LAYERS = 1024
RATES = {"hidden_dropout_prob": 1.0, "attention_probs_dropout_prob": 1.0, "initializer_range": math.inf}
STYLES = ("bert", "copying")  # of seeded weights
EXACT_GELU = ("gelu", "gelu_python")  # two implementations of one function
# What the original's configuration says, for files that leave a key out (Paddle's has no epsilon).
DEFAULTS: dict[str, object] = {
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    **{f"{name}_token_id": index for name, index in TokenIds().model_dump().items()},
}
_IDENTITY: dict[Layout, dict[str, object]] = {
    "pytorch": {"model_type": "bert", "architectures": ["ModelWithQASSHead"]},
    "hub": {"model_type": "splinter", "architectures": ["SplinterForQuestionAnswering"]},
    "paddle": {"model_type": "bert", "architectures": ["ModelWithQASSHead"]},
}


def check_config(config: Mapping[str, object], where: object = None) -> ModelConfig:
    """Copy of a BERT configuration with defaults filled in, also for ``null``.

    Raises:
        InputError: a value is missing, of a wrong kind or out of range, the heads do not divide the hidden size, or the
            model is another one: its activation is not the exact gelu, its positions are not absolute, it is a decoder.
    """
    missing = [key for key in SIZES if key not in config]
    if missing:
        raise InputError(
            f"configuration lacks {', '.join(missing)}",
            where=where,
            next_step="complete config.json: these keys decide the shapes of the weights",
        )
    for key in SIZES:
        if type(size := config[key]) is not int or size < 1:
            what = f"{key} must be a positive whole number, not {config[key]!r}"
            raise InputError(what, where=where, next_step=f'write it without quotes or point: "{key}": 12')
        if size > (MOST_LAYERS if key == "num_hidden_layers" else LARGEST):
            raise InputError(f"{key} is {size}, more than any model has", where=where)
    stated = {key: value for key, value in config.items() if value is not None or key not in DEFAULTS}
    full = cast(ModelConfig, {**DEFAULTS, **stated})
    _check_values(full, where)
    if full["hidden_size"] % full["num_attention_heads"]:
        heads = full["num_attention_heads"]
        what = f"hidden_size {full['hidden_size']} does not divide into {heads} heads"
        raise InputError(what, where=where, next_step="correct hidden_size or num_attention_heads")
    if full["hidden_act"] not in EXACT_GELU:
        raise InputError(f"activation {full['hidden_act']!r} is not the exact gelu of the model", where=where)
    if (positions := config.get("position_embedding_type", "absolute")) != "absolute":
        raise InputError(f"position_embedding_type is {positions!r}, the model's are absolute", where=where)
    for key in ("is_decoder", "add_cross_attention"):
        if config.get(key):
            what = f"{key} is {config[key]!r}: this model attends to both sides"
            raise InputError(what, where=where, next_step="take an encoder's checkpoint")
    full["hidden_act"] = EXACT_GELU[0]
    return full


def _check_values(config: ModelConfig, where: object) -> None:
    """Refuse a value that is no number of its range, no id, or no style of ``repro.checkpoint.initial``."""
    content = cast(Mapping[str, object], config)
    if (style := content.get("initializer_style", STYLES[0])) not in STYLES:
        what = f"no initializer style {style!r}"
        raise InputError(what, where=where, next_step=f"choose one of: {', '.join(STYLES)}")
    for key, limit in {**RATES, "layer_norm_eps": math.inf}.items():
        value = content[key]
        if type(value) not in (int, float) or not 0 <= cast(float, value) < limit:
            raise InputError(f"{key} must be a number from 0 to below {limit:g}, not {value!r}", where=where)
    for key in (f"{name}_token_id" for name in TokenIds.model_fields):
        if type(index := content[key]) is not int or not 0 <= index <= LARGEST:
            raise InputError(f"{key} must be a token's number, not {content[key]!r}", where=where)


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
