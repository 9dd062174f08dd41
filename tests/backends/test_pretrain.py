"""Pretraining: the same recipe gives the same bytes, also when it was cut off and started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.backends.pytorch import pretrain as module
from repro.checkpoint import read_checkpoint
from repro.data.pretraining import Recipe, Stage, VocabularyRecipe
from repro.errors import InputError
from repro.paths import sha256_file

GEOMETRY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 80,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "initializer_style": "copying",
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
STAGES = tuple(Stage(hard=hard, passages=32, steps=6, learning_rate=1e-3, warmup_steps=2) for hard in (False, True))
RECIPE = Recipe(
    seed=3,
    geometry=GEOMETRY,
    features={"max_seq_length": 80},
    vocabulary=VocabularyRecipe(passages=50, question_repeats=1, size=300),
    batch_size=8,
    betas=(0.9, 0.98),
    weight_decay=0.01,
    max_grad_norm=1.0,
    stages=STAGES,
)


class Cut(Exception):
    """Stands for a kill."""


@pytest.fixture(autouse=True)
def save_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_STEPS", 2)
    monkeypatch.setattr(module, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(module, "UNSEEN_PASSAGES", 8)


def cut_after(saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise after the given number of saved states."""
    save, left = module._save, [saves]

    def save_and_cut(run: module.Run) -> None:
        save(run)
        left[0] -= 1
        if not left[0]:
            raise Cut

    monkeypatch.setattr(module, "_save", save_and_cut)


@pytest.mark.parametrize("saves", [1, 4])  # in the first stage, in the second
def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    whole = module.pretrain(RECIPE, tmp_path / "whole")
    with monkeypatch.context() as context, pytest.raises(Cut):
        cut_after(saves, context)
        module.pretrain(RECIPE, tmp_path / "cut")
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    again = module.pretrain(RECIPE, tmp_path / "cut")
    assert sha256_file(whole / "model.safetensors") == sha256_file(again / "model.safetensors")
    assert not (again / module.STATE).exists()
    arrays, config, _, conversion = read_checkpoint(again)
    assert conversion.layout == "pytorch" and config["vocab_size"] == len(
        arrays["splinter.embeddings.word_embeddings.weight"]
    )


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    one = module.pretrain(RECIPE, tmp_path / "one")
    other = module.pretrain(RECIPE.model_copy(update={"seed": 4}), tmp_path / "other")
    assert sha256_file(one / "model.safetensors") != sha256_file(other / "model.safetensors")


def test_the_state_of_another_recipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context, pytest.raises(Cut):
        cut_after(1, context)
        module.pretrain(RECIPE, tmp_path / "run")
    with pytest.raises(InputError, match="another recipe"):
        module.pretrain(RECIPE.model_copy(update={"batch_size": 4}), tmp_path / "run")
