"""Conversion between layouts: bit-exact, strict, and every planted fault is seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.checkpoint import (
    LAYOUTS,
    detect_layout,
    from_hub,
    hub_orientation,
    hub_shapes,
    hub_to_paddle,
    names,
    paddle_orientation,
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


def test_table_agrees_with_the_programs() -> None:
    check_table()


def _planted(monkeypatch: pytest.MonkeyPatch, hub_name: str, **change: object) -> None:
    patterns = tuple(p._replace(**change) if p.hub == hub_name else p for p in names.PATTERNS)
    assert patterns != names.PATTERNS
    monkeypatch.setattr(names, "PATTERNS", patterns)


@pytest.mark.parametrize(
    ("hub_name", "change"),
    [
        ("splinter.encoder.layer.{layer}.attention.self.query.weight", {"transposed": ()}),
        ("splinter_qass.start_classifier.weight", {"transposed": ("paddle",)}),
        ("splinter_qass.end_transform.dense.weight", {"transposed": ()}),
        (
            "splinter.encoder.layer.{layer}.attention.self.key.bias",
            {"paddle": "bert.encoder.layers.{layer}.self_attn.kproj.bias"},
        ),
    ],
)
def test_planted_fault_in_the_table_is_seen(
    monkeypatch: pytest.MonkeyPatch, hub_name: str, change: dict[str, object]
) -> None:
    _planted(monkeypatch, hub_name, **change)
    with pytest.raises(AssertionError):
        check_table()


def test_swapped_start_and_end_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = names.PATTERNS[-2:]
    swapped = (start._replace(paddle=end.paddle), end._replace(paddle=start.paddle))
    monkeypatch.setattr(names, "PATTERNS", names.PATTERNS[:-2] + swapped)
    with pytest.raises(AssertionError):
        check_table()


sizes = st.integers(1, 9)
configs = st.builds(
    lambda heads, width, layers, vocab, forward, positions, types: {
        "vocab_size": vocab,
        "hidden_size": heads * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": forward,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
    },
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 12),
    sizes,
    sizes,
    sizes,
    sizes,
)


@settings(max_examples=40, deadline=None)
@given(configs, st.sampled_from(["float16", "float32", "float64"]), st.integers(0, 2**32 - 1))
def test_round_trip_keeps_every_bit(config: dict[str, int], dtype: str, seed: int) -> None:
    """Original -> hub -> Paddle -> original, for any geometry and any bit pattern, NaN payloads included."""
    generator = np.random.default_rng(seed)
    hub = {
        name: np.frombuffer(generator.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)
        for name, shape in hub_shapes(config).items()
    }
    original = original_from_hub(hub)
    first = to_hub(original, config)
    assert (first.layout, first.dropped, first.new_head) == ("pytorch", (), False)
    second = to_hub(from_hub(first.arrays, config, "paddle"), config)
    assert second.layout == "paddle"
    assert_identical(from_hub(second.arrays, config, "pytorch"), original)


def test_canonical_order_and_count() -> None:
    assert list(to_hub(dict(reversed(HUB.items())), TINY).arrays) == list(hub_shapes(TINY))
    assert len(hub_shapes(TINY)) == 5 + 16 * 2 + 18


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_detected(layout: names.Layout) -> None:
    assert detect_layout(from_hub(HUB, TINY, layout)) == layout


@pytest.mark.parametrize("found", [[], ["roberta.encoder.layer.0.output.dense.bias"], ["start_classifier"]])
def test_unknown_layout_is_refused(found: list[str]) -> None:
    with pytest.raises(InputError, match="not those of a BERT or Splinter model"):
        detect_layout(found)


def test_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="no layout 'tensorflow'"):
        from_hub(HUB, TINY, "tensorflow")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no layout 'tensorflow'"):
        to_hub(HUB, TINY, "tensorflow")  # type: ignore[arg-type]


def test_older_spellings_are_read() -> None:
    """``new_cls`` (fine-tuned from a new head) and the names that TensorFlow's LayerNorm had."""
    old = {
        name.replace("cls.", "new_cls.")
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): array
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
def test_missing_key(layout: names.Layout) -> None:
    arrays = from_hub(HUB, TINY, layout)
    name = list(arrays)[20]
    del arrays[name]
    with pytest.raises(InputError, match="lacks 1 of 55 tensors") as caught:
        to_hub(arrays, TINY)
    assert name in caught.value.what and caught.value.exit_code == 2


def test_missing_part_of_the_head_is_no_new_head() -> None:
    arrays = {name: array for name, array in HUB.items() if "end_classifier" not in name}
    with pytest.raises(InputError, match=r"lacks 1 of 55 tensors: splinter_qass\.end_classifier\.weight"):
        to_hub(arrays, TINY, head_seed=1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_extra_key(layout: names.Layout) -> None:
    arrays = from_hub(HUB, TINY, layout)
    name = list(arrays)[5].replace(".0.", ".2.")
    arrays[name] = np.zeros(3, "f")
    with pytest.raises(InputError, match="holds 1 tensors that no rule covers") as caught:
        to_hub(arrays, TINY)
    assert name in caught.value.what


def test_missing_and_extra_are_both_listed() -> None:
    arrays = dict(HUB)
    arrays["splinter.encoder.layer.0.attention.self.keys.weight"] = arrays.pop(
        "splinter.encoder.layer.0.attention.self.key.weight"
    )
    with pytest.raises(InputError, match=r"self\.key\.weight; and holds 1 that do not belong: .*self\.keys\.weight"):
        to_hub(arrays, TINY)


def test_same_parameter_twice() -> None:
    arrays = original_from_hub(HUB)
    arrays["new_cls.span_predictions.start_classifier"] = arrays["cls.span_predictions.start_classifier"]
    with pytest.raises(InputError, match="one and the same parameter"):
        to_hub(arrays, TINY)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_wrong_shape(layout: names.Layout) -> None:
    arrays = from_hub(HUB, TINY, layout)
    name = next(name for name in arrays if "intermediate.dense.weight" in name or "linear1.weight" in name)
    arrays[name] = arrays[name].T
    with pytest.raises(InputError, match="wrong shape") as caught:
        to_hub(arrays, TINY)
    expected = (8, 12) if layout == "paddle" else (12, 8)
    assert name in caught.value.what and str(expected) in caught.value.what
    assert str(expected[::-1]) in caught.value.what and "intermediate_size" in caught.value.what


def test_wrong_type() -> None:
    with pytest.raises(InputError, match="wrong type"):
        to_hub(HUB | {"splinter_qass.end_classifier.weight": np.zeros((8, 8), "int64")}, TINY)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_encoder_alone_gets_a_seeded_head(prefix: str) -> None:
    bert = {name: array for name, array in original_from_hub(HUB).items() if name.startswith("bert.")}
    encoder = {prefix + name.removeprefix("bert."): array for name, array in bert.items()}
    encoder[f"{prefix}pooler.dense.bias"] = np.zeros(8, "f")
    with pytest.raises(InputError, match="encoder alone"):
        to_hub(encoder, TINY)
    conversion = to_hub(encoder, TINY, head_seed=7)
    assert conversion.new_head and conversion.head_seed == 7 and conversion.dropped == (f"{prefix}pooler.dense.bias",)
    assert "seed 7" in conversion.describe()
    head = seeded_head(TINY, 7)
    assert_identical(conversion.arrays, {n: a for n, a in HUB.items() if n.startswith("splinter.")} | head)


def test_encoder_alone_of_every_layout_gets_the_same_head() -> None:
    heads = []
    for layout in LAYOUTS:
        arrays = from_hub(HUB, TINY, layout)
        encoder = {
            name: array for name, array in arrays.items() if "span_predictions" not in name and "qass" not in name
        }
        heads.append(to_hub(encoder, TINY, head_seed=3).arrays)
    assert_identical(heads[0], heads[1])
    assert_identical(heads[0], heads[2])


def test_no_new_head_where_there_is_one() -> None:
    conversion = to_hub(HUB, TINY, head_seed=7)
    assert not conversion.new_head and conversion.head_seed is None


def test_gradients_change_orientation_like_weights() -> None:
    for name, array in paddle_from_hub(HUB).items():
        hub_name, _ = paddle_to_hub(name)
        assert hub_to_paddle(hub_name)[0] == name
        assert hub_orientation(name, array).tobytes() == HUB[hub_name].tobytes()
        assert paddle_orientation(hub_name, HUB[hub_name]).tobytes() == np.ascontiguousarray(array).tobytes()
    assert paddle_to_hub("bert.encoder.layers.11.linear1.weight") == (
        "splinter.encoder.layer.11.intermediate.dense.weight",
        True,
    )


@pytest.mark.parametrize("name", ["bert.pooler.dense.weight", "bert.encoder.layers.linear1.weight", "linear1.weight"])
def test_name_that_is_no_parameter(name: str) -> None:
    with pytest.raises(KeyError, match="is no parameter of layout paddle"):
        paddle_to_hub(name)
