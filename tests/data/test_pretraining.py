"""Pretraining data: recipe, batches, start weights."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from repro.data.corpus.vocabulary import SPECIAL_IDS
from repro.data.pretraining import (
    IGNORED,
    SEP,
    Pieces,
    Recipe,
    Start,
    batch_numbers,
    masked_batch,
    passages,
    read_recipe,
    whole_sentences,
)
from repro.errors import InputError
from repro.paths import CHECKPOINTS

MINI = CHECKPOINTS / "mini"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read_recipe(MINI / "recipe.yaml")


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces((MINI / "vocab.txt").read_text(encoding="utf-8").splitlines())


def check(batch: dict[str, np.ndarray], length: int) -> None:
    """What a batch must fulfil; raises AssertionError."""
    ids, asked = batch["input_ids"], batch["starts"] != IGNORED
    assert ids.shape[1] <= length and (ids[:, 0] == SPECIAL_IDS["[CLS]"]).all()
    assert ((batch["attention_mask"] == 0) == ((ids == SEP) | (ids == SPECIAL_IDS["[PAD]"]))).all()
    rows, columns = np.nonzero(asked)
    assert (ids[rows, batch["questions"][rows, columns]] == SPECIAL_IDS["[QUESTION]"]).all()
    assert ((ids == SPECIAL_IDS["[QUESTION]"]).sum(1) == asked.sum(1)).all()
    for name in ("starts", "ends"):
        assert (batch["attention_mask"][rows, batch[name][rows, columns]] == 1).all()
    assert (batch["starts"] <= batch["ends"]).all()


@pytest.mark.parametrize("hard", [False, True])
def test_batches(recipe: Recipe, pieces: Pieces, hard: bool) -> None:
    chosen = list(passages(recipe, pieces, hard=hard, count=64))
    batch = masked_batch(chosen, pieces, Random(0), recipe.limits)
    check(batch, recipe.length)
    again = masked_batch(chosen, pieces, Random(0), recipe.limits)
    assert all((batch[name] == again[name]).all() for name in batch)


@pytest.mark.parametrize("name", ["questions", "starts", "attention_mask"])
def test_planted_faults_in_a_batch_are_seen(recipe: Recipe, pieces: Pieces, name: str) -> None:
    batch = masked_batch(list(passages(recipe, pieces, hard=True, count=8)), pieces, Random(0), recipe.limits)
    batch[name] = batch[name] + 1
    with pytest.raises(AssertionError):
        check(batch, recipe.length)


def test_no_word_is_unknown(recipe: Recipe, pieces: Pieces) -> None:
    for split in ("pretraining", "training", "dev"):
        for passage in passages(recipe, pieces, hard=True, count=100, split=split):
            assert not any(SPECIAL_IDS["[UNK]"] in pieces(word) for word in passage.words)


def test_passages_end_with_a_sentence(pieces: Pieces) -> None:
    words = "Where . Who . Which".split()
    assert whole_sentences(words, pieces, 6) == words[:4]
    assert whole_sentences(words, pieces, 5) == words[:2]
    assert whole_sentences(words, pieces, 3) == []


def test_every_epoch_takes_each_passage_once() -> None:
    epoch = [number for step in range(5) for number in batch_numbers("s", 20, 4, step)]
    following = [number for step in range(5, 10) for number in batch_numbers("s", 20, 4, step)]
    assert sorted(epoch) == sorted(following) == list(range(20))
    assert epoch != following


def test_start_changes_what_it_says_and_nothing_else() -> None:
    names = (
        "a.attention.self.query.weight",
        "a.position_embeddings.weight",
        "a.token_type_embeddings.weight",
        "a.other",
    )
    arrays = {name: np.ones((2, 2), np.float32) for name in names}
    changed = Start(query_factor=0.5, position_factor=2.0, segment_factor=0.25).applied(arrays)
    assert [float(changed[name].max()) for name in names] == [0.5, 2.0, 0.25, 1.0]
    assert all((array == 1).all() for array in arrays.values())


@pytest.mark.parametrize("line", ["unknown: 1", "batch_size: 0", "seed: one", "seed: ["])
def test_wrong_recipes_are_refused(tmp_path: Path, line: str) -> None:
    name = line.split(":")[0]
    lines = (MINI / "recipe.yaml").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join([*(text for text in lines if not text.startswith(f"{name}:")), line]))
    with pytest.raises(InputError):
        read_recipe(path)
