"""Conversion between layouts: bit-exact, strict, and every planted fault is seen."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.checkpoint import (
    LAYOUTS,
    detect_layout,
    from_hub,
    hub_shapes,
    names,
    other_orientation,
    paddle_to_hub,
    seeded_head,
    to_hub,
)
from repro.errors import InputError
from tests.checkpoint.tiny_checkpoints import TINY, numbered, original_from_hub, paddle_from_hub

HUB = numbered(hub_shapes(TINY))


def assert_identical(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    """Same names, shapes, dtypes and bytes."""
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.shape == right[name].shape, name
        assert array.dtype == right[name].dtype, name
        assert array.tobytes() == right[name].tobytes(), name


def check_table() -> None:
    """The table's conversions against layouts worked out another way."""
    assert_identical(from_hub(HUB, TINY, "pytorch"), original_from_hub(HUB))
    assert_identical(from_hub(HUB, TINY, "paddle"), paddle_from_hub(HUB))


ENCODER_KEY = "splinter.encoder.layer.{layer}.attention.self.key.bias"
START, END = names.PATTERNS[-2:]


@pytest.mark.parametrize(
    "changes",
    [
        {"splinter.encoder.layer.{layer}.attention.self.query.weight": {"transposed": ()}},
        {"splinter_qass.start_classifier.weight": {"transposed": ("paddle",)}},
        {"splinter_qass.end_transform.dense.weight": {"transposed": ()}},
        {ENCODER_KEY: {"paddle": "bert.encoder.layers.{layer}.self_attn.kproj.bias"}},
        {START.hub: {"paddle": END.paddle}, END.hub: {"paddle": START.paddle}},
    ],
)
def test_the_table_agrees_with_the_programs_and_planted_faults_in_it_are_seen(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, dict[str, Any]]
) -> None:
    check_table()
    faulty = tuple(pattern._replace(**changes.get(pattern.hub, {})) for pattern in names.PATTERNS)
    assert faulty != names.PATTERNS
    monkeypatch.setattr(names, "PATTERNS", faulty)
    with pytest.raises(AssertionError):
        check_table()


sizes = st.integers(1, 9)
shapes = st.fixed_dictionaries(
    {
        "vocab_size": sizes,
        "num_hidden_layers": st.integers(1, 12),
        "num_attention_heads": st.integers(1, 3),
        "intermediate_size": sizes,
        "max_position_embeddings": sizes,
        "type_vocab_size": sizes,
    }
)


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(1, 4), st.sampled_from(["float16", "float32", "float64"]), st.integers(0, 2**32 - 1))
def test_round_trip_keeps_every_bit(shape: dict[str, int], head_size: int, dtype: str, seed: int) -> None:
    """Original -> hub -> Paddle -> original, for any geometry and any bit pattern, NaN payloads included."""
    config = {**shape, "hidden_size": shape["num_attention_heads"] * head_size}
    generator = np.random.default_rng(seed)
    hub = {
        name: np.frombuffer(generator.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)
        for name, shape in hub_shapes(config).items()
    }
    original = original_from_hub(hub)
    first = to_hub(original, config)
    assert (first.layout, first.dropped, first.head_seed) == ("pytorch", (), None)
    second = to_hub(from_hub(first.arrays, config, "paddle"), config)
    assert second.layout == "paddle"
    assert_identical(from_hub(second.arrays, config, "pytorch"), original)


def test_canonical_order_and_count_and_no_new_head_where_there_is_one() -> None:
    conversion = to_hub(dict(reversed(HUB.items())), TINY, head_seed=7)
    assert list(conversion.arrays) == list(hub_shapes(TINY)) and conversion.head_seed is None
    assert len(hub_shapes(TINY)) == 5 + 16 * 2 + 18


@pytest.mark.parametrize("names", [[], ["roberta.encoder.layer.0.output.dense.bias"], ["start_classifier"]])
def test_unknown_layout_is_refused(names: list[str]) -> None:
    with pytest.raises(InputError, match="not those of a BERT or Splinter model"):
        detect_layout(names)
    with pytest.raises(InputError, match="no layout 'tensorflow'"):
        from_hub(HUB, TINY, "tensorflow")  # type: ignore[arg-type]


def test_older_spellings_are_read() -> None:
    """``new_cls`` (fine-tuned from a new head) and the names that TensorFlow's LayerNorm had."""
    old = {
        name.replace("cls.", "new_cls.").replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): array
        for name, array in original_from_hub(HUB).items()
    }
    assert_identical(to_hub(old, TINY).arrays, HUB)


def test_dropped_keys_are_named() -> None:
    extra = {
        "bert.pooler.dense.weight": np.zeros((8, 8), "f"),
        "bert.pooler.dense.bias": np.zeros(8, "f"),
        "bert.embeddings.position_ids": np.arange(10)[None],
        "cls.predictions.transform.LayerNorm.weight": np.zeros(8, "f"),
        "cls.seq_relationship.bias": np.zeros(2, "f"),
    }
    conversion = to_hub(original_from_hub(HUB) | extra, TINY)
    assert set(conversion.dropped) == set(extra)
    assert_identical(conversion.arrays, HUB)
    assert all(name in conversion.describe() for name in extra)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_extra_and_misshapen_tensors_are_named(layout: names.Layout) -> None:
    arrays = from_hub(HUB, TINY, layout)
    assert detect_layout(arrays) == layout
    missing = list(arrays)[20]
    with pytest.raises(InputError, match="lacks 1 of 55 tensors") as caught:
        to_hub({name: array for name, array in arrays.items() if name != missing}, TINY)
    assert missing in caught.value.what and caught.value.exit_code == 2
    extra = list(arrays)[5].replace(".0.", ".2.")
    with pytest.raises(InputError, match="holds 1 tensors that no rule covers") as caught:
        to_hub(arrays | {extra: np.zeros(3, "f")}, TINY)
    assert extra in caught.value.what
    name = next(name for name in arrays if "intermediate.dense.weight" in name or "linear1.weight" in name)
    with pytest.raises(InputError, match="wrong shape") as caught:
        to_hub(arrays | {name: arrays[name].T}, TINY)
    expected = (8, 12) if layout == "paddle" else (12, 8)
    assert all(text in caught.value.what for text in (name, str(expected), str(expected[::-1]), "intermediate_size"))


def test_missing_and_extra_are_both_listed() -> None:
    key = "splinter.encoder.layer.0.attention.self.key.weight"
    arrays = {name.replace(key, key.replace(".key.", ".keys.")): array for name, array in HUB.items()}
    with pytest.raises(InputError, match=r"self\.key\.weight; and holds 1 that do not belong: .*self\.keys\.weight"):
        to_hub(arrays, TINY)


def test_missing_part_of_the_head_is_no_new_head() -> None:
    arrays = {name: array for name, array in HUB.items() if "end_classifier" not in name}
    with pytest.raises(InputError, match=r"lacks 1 of 55 tensors: splinter_qass\.end_classifier\.weight"):
        to_hub(arrays, TINY, head_seed=1)


def test_same_parameter_twice_and_wrong_type() -> None:
    arrays = original_from_hub(HUB)
    arrays["new_cls.span_predictions.start_classifier"] = arrays["cls.span_predictions.start_classifier"]
    with pytest.raises(InputError, match="one and the same parameter"):
        to_hub(arrays, TINY)
    with pytest.raises(InputError, match="wrong type"):
        to_hub(HUB | {"splinter_qass.end_classifier.weight": np.zeros((8, 8), "int64")}, TINY)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_encoder_alone_gets_a_seeded_head(layout: names.Layout, prefix: str) -> None:
    """The same head in every layout; a layout's prefix may be left out, but not the hub's."""
    arrays = {n: a for n, a in from_hub(HUB, TINY, layout).items() if "span_predictions" not in n and "qass" not in n}
    if layout != "hub":
        arrays = {prefix + name.removeprefix("bert."): array for name, array in arrays.items()}
        arrays[f"{prefix}pooler.dense.bias"] = np.zeros(8, "f")
    with pytest.raises(InputError, match="encoder alone"):
        to_hub(arrays, TINY)
    conversion = to_hub(arrays, TINY, head_seed=7)
    assert conversion.head_seed == 7 and "seed 7" in conversion.describe()
    assert conversion.dropped == (() if layout == "hub" else (f"{prefix}pooler.dense.bias",))
    encoder = {name: array for name, array in HUB.items() if name.startswith("splinter.")}
    assert_identical(conversion.arrays, encoder | seeded_head(TINY, 7))


def test_gradients_change_orientation_like_weights() -> None:
    for name, array in paddle_from_hub(HUB).items():
        hub_name = paddle_to_hub(name)
        assert other_orientation(hub_name, array).tobytes() == HUB[hub_name].tobytes()
        assert other_orientation(hub_name, HUB[hub_name]).tobytes() == np.ascontiguousarray(array).tobytes()
    name = "splinter.encoder.layer.11.intermediate.dense.weight"
    assert paddle_to_hub("bert.encoder.layers.11.linear1.weight") == name
    for unknown in ("bert.pooler.dense.weight", "bert.encoder.layers.linear1.weight", "linear1.weight"):
        with pytest.raises(KeyError, match="is no parameter of layout paddle"):
            paddle_to_hub(unknown)
