"""The configuration is checked before any tensor."""

import pytest

from repro.checkpoint import check_config, config_for
from repro.errors import InputError
from tests.checkpoint.tiny_checkpoints import TINY


def test_defaults_are_the_originals() -> None:
    config = check_config(TINY)
    assert config["layer_norm_eps"] == 1e-12 and config["initializer_range"] == 0.02
    assert check_config({**TINY, "layer_norm_eps": None, "sep_token_id": None})["sep_token_id"] == 102
    assert check_config({**TINY, "layer_norm_eps": 1e-5})["layer_norm_eps"] == 1e-5


def test_each_layout_names_its_model() -> None:
    assert config_for(TINY, "hub")["model_type"] == "splinter"
    assert config_for({**TINY, "initializer_style": "copying"}, "paddle")["initializer_style"] == "copying"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be a positive whole number, not 0"),
        ({"num_hidden_layers": 2.0}, "num_hidden_layers must be a positive whole number"),
        ({"hidden_size": True}, "hidden_size must be a positive whole number"),
        ({"num_attention_heads": 3}, "hidden_size 8 does not divide into 3 heads"),
        ({"hidden_act": "relu"}, "'relu' is not the exact gelu"),
    ],
)
def test_faults(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_config({**TINY, **change})


def test_missing_size_is_named() -> None:
    config = {key: value for key, value in TINY.items() if key != "type_vocab_size"}
    with pytest.raises(InputError, match="configuration lacks type_vocab_size"):
        check_config(config)
