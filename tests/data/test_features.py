"""Features equal ``transformers``', and the published dumps element for element."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.data.features import MODEL_ARRAYS, Features, make_features
from repro.data.mrqa import Example, read_examples
from repro.dumps import read_dump
from repro.errors import InputError
from tests.data.oracle import differing, expected_features
from tests.data.samples import evaluation_examples, lengths, training_examples
from tests.draws import draws

PAPER = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
SHORT = {"max_seq_length": 24, "doc_stride": 7, "max_query_length": 6}
LONG_TEXT = tuple(f"the king was born in 18 . river {letter}" for letter in "abcdefgh")
LONG = Example("q", "who was king ? [MASK].", tuple(" ".join(LONG_TEXT).split()), "18", 5, 5)


@settings(max_examples=draws(60), deadline=None)
@given(examples=st.lists(training_examples(), min_size=1, max_size=3), sizes=lengths)
def test_training_features_equal_transformers(tokenizer: Any, examples: list[Example], sizes: dict[str, int]) -> None:
    ours = make_features(examples, tokenizer, training=True, **sizes)
    assert differing(ours, expected_features(examples, tokenizer, training=True, **sizes)) == []


@settings(max_examples=75, deadline=None)
@given(examples=evaluation_examples(), sizes=lengths)
def test_evaluation_features_equal_transformers(tokenizer: Any, examples: list[Example], sizes: dict[str, int]) -> None:
    ours = make_features(examples, tokenizer, training=False, **sizes)
    assert differing(ours, expected_features(examples, tokenizer, training=False, **sizes)) == []


def test_comparison_catches_planted_faults(tokenizer: Any) -> None:
    expected = expected_features([LONG], tokenizer, training=True, **SHORT)
    good = make_features([LONG], tokenizer, training=True, **SHORT)
    assert differing(good, expected) == []
    shifted = good.start_positions.copy()
    shifted[np.flatnonzero(shifted)[0]] += 1
    other_stride = SHORT | {"doc_stride": SHORT["doc_stride"] - 1}
    faults = [
        ("input_ids", make_features([LONG], tokenizer, training=True, **other_stride)),
        ("start_positions", replace(good, start_positions=shifted)),
        ("input_ids", good.take([1, 0, *range(2, len(good))])),
        ("token_type_ids", replace(good, token_type_ids=np.zeros_like(good.token_type_ids))),
        ("input_ids", replace(good, input_ids=good.input_ids.astype(np.int32))),
    ]
    for name, faulty in faults:
        assert name in differing(faulty, expected)


def test_windows_cover_the_context_once_in_the_best_window(tokenizer: Any) -> None:
    features = make_features([LONG], tokenizer, training=False, **SHORT)
    assert len(features) > 3
    assert features.max_context.sum() == len(tokenizer.tokenize(" ".join(LONG.doc_tokens)))


def test_windows_without_the_answer_point_to_the_first_token(tokenizer: Any) -> None:
    features = make_features([LONG], tokenizer, training=True, **SHORT)
    held = features.start_positions > 0
    assert held.any() and not held.all()
    assert not features.end_positions[~held].any()
    starts = features.input_ids[np.flatnonzero(held), features.start_positions[held]]
    assert set(tokenizer.convert_ids_to_tokens(starts.tolist())) == {"18"}


def test_examples_without_their_answer_are_named_and_give_no_row(tokenizer: Any) -> None:
    wrong = replace(LONG, answer_text="elsewhere")
    features = make_features([wrong, LONG, wrong], tokenizer, training=True, **SHORT)
    assert features.skipped.tolist() == [0, 2]
    assert set(features.example_index.tolist()) == {1}
    assert make_features([wrong], tokenizer, training=True, **SHORT).input_ids.shape == (0, SHORT["max_seq_length"])


def test_tokenizer_is_asked_once_for_a_word(tokenizer: Any) -> None:
    asked: list[str] = []

    class Counting:
        def tokenize(self, text: str) -> list[str]:
            asked.append(text)
            return list(tokenizer.tokenize(text))

        convert_tokens_to_ids = staticmethod(tokenizer.convert_tokens_to_ids)

    make_features([LONG, LONG], Counting(), training=False, **SHORT)
    assert asked.count("king") == 1 and asked.count(LONG.question_text) == 2


@pytest.mark.parametrize(
    "sizes", [{"doc_stride": 16}, {"doc_stride": 0}, {"max_query_length": 21}, {"max_query_length": 0}]
)
def test_lengths_that_do_not_fit_are_refused(tokenizer: Any, sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="does not fit"):
        make_features([LONG], tokenizer, training=True, **(SHORT | sizes))


def test_evaluation_examples_are_no_training_examples(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="no answer position"):
        make_features([replace(LONG, answer_text=None)], tokenizer, training=True, **SHORT)


def test_saved_features_come_back_alike(tokenizer: Any, tmp_path: Path) -> None:
    features = make_features([LONG], tokenizer, training=True, **SHORT)
    features.save(tmp_path / "features.npz")
    assert differing(Features.load(tmp_path / "features.npz"), features) == []
    assert list(features.arrays()) == list(MODEL_ARRAYS)


@pytest.mark.parametrize("fault", ["missing", "cut off", "other arrays", "pickled"])
def test_damaged_features_file_is_refused(tokenizer: Any, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "features.npz"
    make_features([LONG], tokenizer, training=True, **SHORT).save(path)
    if fault == "missing":
        path.unlink()
    elif fault == "cut off":
        path.write_bytes(path.read_bytes()[:-200])
    elif fault == "other arrays":
        np.savez(path, input_ids=np.zeros(3))
    else:
        np.savez(path, input_ids=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="features"):
        Features.load(path)


@pytest.mark.needs_shared
@pytest.mark.parametrize("backend", ["torch", "paddle"])
def test_first_evaluation_batches_equal_published_dump(shared: Path, published_tokenizer: Any, backend: str) -> None:
    """The dump's six batches are rows 0 to 95 in order; ``start_pos`` are their row numbers."""
    examples = read_examples(shared / "squad-few-shot" / "dev_qass_50.jsonl", training=False)[:120]
    ours = make_features(examples, published_tokenizer, training=False, **PAPER).take(range(96))
    folder = shared / "published/align_works/2_check_devdata_testdata/log_reprod"
    dump = read_dump(folder / f"test_data_{backend}.npy")
    for key in ("input_ids", "attention_mask", "token_type_ids"):
        assert np.array_equal(dump[f"{key}_list2"].reshape(96, 384), getattr(ours, key)), key
    assert dump["start_pos_list2"].ravel().tolist() == list(range(96))
    assert not dump["end_pos_list2"].any()


@pytest.mark.needs_shared
def test_real_training_file_equals_transformers(shared: Path, published_tokenizer: Any) -> None:
    file = shared / "squad-few-shot" / "squad-train-seed-43-num-examples-128_qass.jsonl"
    examples = read_examples(file, training=True)
    ours = make_features(examples, published_tokenizer, training=True, **PAPER)
    assert differing(ours, expected_features(examples, published_tokenizer, training=True, **PAPER)) == []
