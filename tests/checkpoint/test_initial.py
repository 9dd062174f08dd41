"""Seeded start weights: the same everywhere, and distributed as declared."""

import numpy as np
import pytest

from repro.checkpoint import hub_shapes, seeded_head, seeded_weights
from repro.errors import InputError
from tests.checkpoint.tiny_checkpoints import TINY

LARGER = {**TINY, "vocab_size": 400, "hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 112}


def _bytes(arrays: dict[str, np.ndarray]) -> list[bytes]:
    return [array.tobytes() for array in arrays.values()]


@pytest.mark.parametrize("style", ["bert", "copying"])
def test_names_shapes_and_type(style: str) -> None:
    weights = seeded_weights(TINY, 0, style)  # type: ignore[arg-type]
    assert [(name, array.shape) for name, array in weights.items()] == list(hub_shapes(TINY).items())
    assert {array.dtype for array in weights.values()} == {np.dtype("float32")}


def test_seed_decides() -> None:
    assert _bytes(seeded_weights(TINY, 5)) == _bytes(seeded_weights(TINY, 5)) != _bytes(seeded_weights(TINY, 6))
    assert _bytes(seeded_head(TINY, 5)) != _bytes(seeded_head(TINY, 6))


def test_bert_style() -> None:
    for name, array in seeded_weights({**LARGER, "initializer_range": 0.05}, 1).items():
        if name.endswith("LayerNorm.weight"):
            assert (array == 1).all()
        elif array.ndim == 1:
            assert (array == 0).all()
        else:
            margin = 5 * 0.05 / np.sqrt(array.size)
            assert abs(array.mean()) < margin and abs(array.std() - 0.05) < margin


def test_copying_style() -> None:
    weights = seeded_weights({**LARGER, "initializer_style": "copying"}, 1)
    layer = "splinter.encoder.layer.1.attention.self."
    query = weights[f"{layer}query.weight"]
    assert (query == weights[f"{layer}key.weight"]).all() and abs(query.std() - 1.5 / 8) < 0.01
    assert abs(weights[f"{layer}value.weight"].std() - 0.1) < 0.01
    assert abs(weights["splinter_qass.start_classifier.weight"].std() - 0.02) < 0.002
    positions = weights["splinter.embeddings.position_embeddings.weight"]
    words = weights["splinter.embeddings.word_embeddings.weight"]
    assert positions.std() / words.std() == pytest.approx(1.4, rel=0.1)
    assert positions[0, 0] == 0  # sine of position 0
    assert len({row.tobytes() for row in positions}) == 112


def test_head_is_drawn_on_its_own() -> None:
    head = seeded_head(TINY, 3)
    assert head.keys() == {name for name in hub_shapes(TINY) if name.startswith("splinter_qass.")}


def test_unknown_style() -> None:
    with pytest.raises(InputError, match="no initializer style 'xavier'"):
        seeded_weights({**TINY, "initializer_style": "xavier"}, 0)
