"""Pretraining: spans, batches, vocabulary and recipe; the same recipe gives the same bytes, after a kill as well."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint
from repro.config.paths import CHECKPOINTS, sha256_file
from repro.errors import InputError
from tests.data.test_corpus import leaks
from tools.pretrain import train
from tools.pretrain.__main__ import main
from tools.pretrain.batches import IGNORED, SEP, Pieces, batch_numbers, masked_batch, passages, whole_sentences
from tools.pretrain.passages import pretraining_passage, template_words
from tools.pretrain.recipe import Recipe, Stage, VocabularyRecipe, read_recipe
from tools.pretrain.spans import (
    QUESTION,
    Cluster,
    MaskedPassage,
    MaskingLimits,
    mask_spans,
    recurring_spans,
    sentence_numbers,
    words_of,
)
from tools.pretrain.vocabulary import SPECIAL_IDS, lay_out, train_vocabulary

MINI = CHECKPOINTS / "mini"
TEXT = "Ada Kelner wrote Blue Door . Blue Door came from Ada Kelner . Kelner lives in Tarby ."
LIMITS = MaskingLimits(frequent_share=1.0)
TINY = {
    **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
    **{"max_position_embeddings": 80, "type_vocab_size": 2, "initializer_style": "copying"},
}
RECIPE = Recipe(
    seed=3,
    geometry=TINY,
    features={"max_seq_length": 80},
    vocabulary=VocabularyRecipe(passages=50, question_repeats=1, size=300),
    batch_size=8,
    betas=(0.9, 0.98),
    weight_decay=0.01,
    max_grad_norm=1.0,
    stages=tuple(Stage(hard=hard, passages=32, steps=6, learning_rate=1e-3, warmup_steps=2) for hard in (False, True)),
)


def check_masking(words: list[str], masked: MaskedPassage) -> None:
    """Everything that must hold between a passage and its masking; raises AssertionError."""
    assert [number for number, word in enumerate(masked.words) if word == QUESTION] == masked.questions
    answers = {}
    for question, (first, last) in zip(masked.questions, masked.answers, strict=True):
        assert 0 <= first <= last < len(masked.words)
        answers[question] = masked.words[first : last + 1]
        assert QUESTION not in answers[question]
    rebuilt = []
    for number, word in enumerate(masked.words):
        rebuilt += answers.get(number, [word])
    assert rebuilt == words
    sentence = sentence_numbers(masked.words)
    asked_in = [sentence[question] for question in masked.questions]
    assert len(set(asked_in)) == len(asked_in)
    assert not {sentence[first] for first, _ in masked.answers} & set(asked_in)


def test_clusters_are_maximal_do_not_overlap_and_hold_no_stop_word() -> None:
    assert recurring_spans(TEXT.split(), frozenset("wrote came from lives in".split())) == [
        Cluster(("Ada", "Kelner"), (0, 10)),
        Cluster(("Kelner",), (1, 11, 13)),
        Cluster(("Blue", "Door"), (3, 6)),
    ]
    assert recurring_spans("a a a".split(), frozenset()) == [Cluster(("a",), (0, 1, 2))]
    assert Cluster(("a", "a"), (0, 2)) in recurring_spans("a a a a".split(), frozenset())


@pytest.mark.parametrize("hard", [False, True])
def test_masking_keeps_its_invariants_on_generated_passages(hard: bool) -> None:
    rng, stop, limits, questions = Random(3), template_words(), MaskingLimits(), 0
    for _ in range(200):
        words = words_of(pretraining_passage(rng, hard=hard))
        masked = mask_spans(words, recurring_spans(words, stop), rng, limits)
        if masked is not None:
            check_masking(words, masked)
            assert len(masked.questions) <= limits.questions
            questions += len(masked.questions)
    assert questions > 200


def test_limits_hold() -> None:
    frequent = [Cluster(("Kelner",), (1, 11, 13))]
    for limits in (replace(LIMITS, frequent_share=0.0), replace(LIMITS, clusters=0), replace(LIMITS, questions=0)):
        assert mask_spans(TEXT.split(), frequent, Random(0), limits) is None
    masked = mask_spans(TEXT.split(), frequent, Random(0), LIMITS)
    assert masked is not None and len(masked.questions) == 2


@pytest.mark.parametrize("fault", ["answer one word late", "question forgotten", "answer masked as well"])
def test_planted_faults_break_the_invariants(fault: str) -> None:
    words = "Ada wrote Blue Door . Silas read Blue Door .".split()
    masked = mask_spans(words, [Cluster(("Blue", "Door"), (2, 7))], Random(0), LIMITS)
    assert masked is not None
    check_masking(words, masked)
    first, last = masked.answers[0]
    bad = {
        "answer one word late": replace(masked, answers=[(first + 1, last + 1)]),
        "question forgotten": replace(masked, questions=[], answers=[]),
        "answer masked as well": replace(
            masked, words=[QUESTION if number == first else word for number, word in enumerate(masked.words)]
        ),
    }
    with pytest.raises(AssertionError):
        check_masking(words, bad[fault])


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read_recipe(MINI / "recipe.yaml")


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces((MINI / "vocab.txt").read_text(encoding="utf-8").splitlines())


def check_batch(batch: dict[str, np.ndarray], length: int) -> None:
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


@pytest.mark.parametrize("fault", ["questions", "starts", "attention_mask"])
def test_batches_and_planted_faults_in_them(recipe: Recipe, pieces: Pieces, fault: str) -> None:
    for hard in (False, True):
        batch = masked_batch(list(passages(recipe, pieces, hard=hard, count=32)), pieces, Random(0), recipe.limits)
        check_batch(batch, recipe.length)
        batch[fault] = batch[fault] + 1
        with pytest.raises(AssertionError):
            check_batch(batch, recipe.length)


def test_every_epoch_takes_each_passage_once() -> None:
    epoch = [number for step in range(5) for number in batch_numbers("s", 20, 4, step)]
    following = [number for step in range(5, 10) for number in batch_numbers("s", 20, 4, step)]
    assert sorted(epoch) == sorted(following) == list(range(20)) and epoch != following


def test_passages_end_with_a_sentence_and_hold_no_dev_name_and_no_unknown_word(recipe: Recipe, pieces: Pieces) -> None:
    words = "Where . Who . Which".split()
    assert [len(whole_sentences(words, pieces, length)) for length in (6, 5, 3)] == [4, 2, 0]
    rng = Random(11)
    assert not any(leaks(pretraining_passage(rng, hard=hard)) for hard in (False, True) for _ in range(300))
    for split in ("pretraining", "training", "dev"):
        for passage in passages(recipe, pieces, hard=True, count=100, split=split):
            assert not any(SPECIAL_IDS["[UNK]"] in pieces(word) for word in passage.words)


def test_vocabularies_have_the_special_ids() -> None:
    texts = [pretraining_passage(Random(n), hard=True) for n in range(200)]
    vocabulary = train_vocabulary(texts, size=300)
    assert vocabulary == train_vocabulary(texts, size=300) and len(vocabulary) == len(set(vocabulary))
    shipped = (MINI / "vocab.txt").read_text(encoding="utf-8").splitlines()
    for tokens in (vocabulary, shipped):
        assert all(tokens[number] == token for token, number in SPECIAL_IDS.items())
    assert {"Who", "Where", "When", "What", "Which", "?"} <= set(shipped)
    assert lay_out(["a", "[MASK]", "b"])[105:] == ["a", "b"]


@pytest.mark.parametrize("line", ["unknown: 1", "batch_size: 0", "seed: one", "seed: ["])
def test_wrong_recipes_are_refused(tmp_path: Path, line: str) -> None:
    lines = (MINI / "recipe.yaml").read_text(encoding="utf-8").splitlines()
    others = [text for text in lines if not text.startswith(line.split(":")[0] + ":")]
    (tmp_path / "recipe.yaml").write_text("\n".join([*others, line]))
    with pytest.raises(InputError):
        read_recipe(tmp_path / "recipe.yaml")


def test_a_missing_recipe_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pretrain", "--recipe", str(tmp_path / "none.yaml"), "--out", str(tmp_path)])
    assert main() == 2
    assert "cannot read the recipe" in capsys.readouterr().err


class Cut(Exception):
    """Stands for a kill."""


def pretrain_and_cut(out: Path, saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed after this number of saved states."""
    save, left = train._save, iter(range(saves - 1))

    def save_and_cut(run: train.Run) -> None:
        save(run)
        if next(left, None) is None:
            raise Cut

    with monkeypatch.context() as context, pytest.raises(Cut):
        context.setattr(train, "_save", save_and_cut)
        train.pretrain(RECIPE, out)


@pytest.mark.parametrize("saves", [1, 4])  # in the first stage, in the second
def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    for name, value in (("LOG_STEPS", 2), ("SAVE_SECONDS", -1.0), ("UNSEEN_PASSAGES", 8)):
        monkeypatch.setattr(train, name, value)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train.pretrain(RECIPE, whole)
    pretrain_and_cut(cut, saves, monkeypatch)
    assert not (cut / "model.safetensors").exists()
    with pytest.raises(InputError, match="another recipe"):
        train.pretrain(RECIPE.model_copy(update={"seed": 4}), cut)
    train.pretrain(RECIPE, cut)
    assert sha256_file(whole / "model.safetensors") == sha256_file(cut / "model.safetensors")
    assert not (cut / train.STATE).exists()
    arrays, config, _, conversion = read_checkpoint(cut)
    assert conversion.layout == "pytorch"
    assert config["vocab_size"] == len(arrays["splinter.embeddings.word_embeddings.weight"])
