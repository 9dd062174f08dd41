"""Stages ``inputs`` and ``convert`` on small real files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint, seeded_weights, write_checkpoint
from repro.checkpoint.recipe import read_start
from repro.config.paths import CHECKPOINTS, RunPaths, atomic_json, atomic_text, sha256_file
from repro.config.profile import BACKENDS, Profile
from repro.config.profile_file import load_profile
from repro.data.corpus import DEV_FILE
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.results.inputs import read_inputs
from repro.stages import convert, inputs
from repro.stages.base import Stage
from repro.stages.checks import check_sums
from repro.stages.locate import check_inputs
from tests.checkpoint.tiny_checkpoints import TINY as SMALL
from tests.data.samples import HEADER, document, vocabulary, write_file, write_vocabulary

TINY = {**SMALL, "vocab_size": len(vocabulary()), "max_position_embeddings": 80}


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    write_vocabulary(tmp_path)
    write_checkpoint(tmp_path / "weights", seeded_weights(TINY, 3), TINY, tmp_path / "vocab.txt", "hub")
    for split in ("dev", "train"):
        write_file(tmp_path / "few-shot" / f"{split}.jsonl", HEADER, document("the king", name=split))
    return RunPaths(tmp_path / "run")


def mini(run: RunPaths, **overrides: Any) -> Profile:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_profile("mini", {"weights.path": run.root.parent / "weights", "steps": [1]} | changes)


def few(run: RunPaths) -> dict[str, Any]:
    """Small files in place of the generated corpus, which takes seconds."""
    return {"data.directory": run.root.parent / "few-shot", "data.dev": "dev.jsonl", "data.train": "train.jsonl"}


def start_weights(run: RunPaths, profile: Profile) -> dict[str, Arrays]:
    """Weights by initialisation, the same in both layouts."""
    inputs.resolve_inputs(run, profile)
    profile = profile.model_copy(update={"steps": (1, 11)})  # random weights are those of trainings
    convert.run(Stage("convert", run, profile))
    weights = {}
    for init in ("pretrained", "random"):
        weights[init], other = (read_checkpoint(run.checkpoint(backend, init))[0] for backend in BACKENDS)
        assert_equal(weights[init], other)
        assert (run.checkpoint("paddle", init) / "vocab.txt").is_file()
    return weights


def assert_equal(arrays: Arrays, others: Arrays) -> None:
    assert arrays.keys() == others.keys()
    assert all(np.array_equal(arrays[name], others[name]) for name in arrays)


def test_generated_data_and_a_checkpoint_by_path(run: RunPaths) -> None:
    inputs.resolve_inputs(run, mini(run))
    resolved = read_inputs(run)
    assert set(resolved.data.files) == {"dev", "train-16-42"}
    dev = resolved.data.files["dev"]
    assert dev.path == run.data / DEV_FILE == resolved.split("dev")
    assert dev.sha256 == sha256_file(run.data / DEV_FILE)
    assert resolved.weights.source == "path"
    assert set(resolved.weights.files) == {"model.safetensors", "config.json"}
    assert resolved.vocab.path == run.root.parent / "weights" / "vocab.txt"
    with pytest.raises(InputError, match="names no file for train-128-42"):
        resolved.split("train-128-42")


def test_pretrained_and_random_start_weights_differ(run: RunPaths) -> None:
    weights = start_weights(run, mini(run, **few(run)))
    assert_equal(weights["pretrained"], seeded_weights(TINY, 3))
    name = "splinter.embeddings.word_embeddings.weight"
    assert not np.array_equal(weights["pretrained"][name], weights["random"][name])


def test_random_weights_start_as_the_pretraining_did(run: RunPaths) -> None:
    shipped = (CHECKPOINTS / "mini" / "recipe.yaml").read_text()
    atomic_text(run.root.parent / "weights" / "recipe.yaml", shipped)
    profile = mini(run, **few(run))
    weights = start_weights(run, profile)
    assert "recipe.yaml" in read_inputs(run).weights.files
    start = read_start(CHECKPOINTS / "mini" / "recipe.yaml")
    assert_equal(weights["random"], start.applied(seeded_weights(TINY, profile.weights.seed)))


def test_seeded_weights_need_no_files_and_random_ones_have_another_seed(run: RunPaths) -> None:
    vocab = run.root.parent / "vocab.txt"
    profile = load_profile(
        "mini",
        {"weights": {"source": "seeded", "geometry": TINY, "seed": 5, "vocab": vocab}} | few(run) | {"steps": [1]},
    )
    weights = start_weights(run, profile)
    assert read_inputs(run).weights.path is None
    assert_equal(weights["pretrained"], seeded_weights(TINY, 5))
    assert_equal(weights["random"], seeded_weights(TINY, 5 + convert.RANDOM_OFFSET))


def test_what_is_missing_and_what_is_there(run: RunPaths, tmp_path: Path) -> None:
    atomic_text(tmp_path / "few" / "note.txt", "x")
    with pytest.raises(InputError, match=r"2 of 2 few-shot files are missing: mini-dev.*\n  there is: note"):
        inputs.resolve_inputs(run, mini(run, data__directory=tmp_path / "few"))
    with pytest.raises(InputError, match="there is: no such folder"):
        inputs.resolve_inputs(run, mini(run, data__directory=tmp_path / "none"))
    assert not run.inputs.exists()


def test_an_empty_data_file_is_refused(run: RunPaths, tmp_path: Path) -> None:
    for name in ("mini-dev.jsonl", "mini-train-seed-42-num-examples-16.jsonl"):
        atomic_text(tmp_path / "few" / name, "")
    with pytest.raises(InputError, match="few-shot file is empty"):
        inputs.resolve_inputs(run, mini(run, data__directory=tmp_path / "few"))


def test_missing_weights_and_vocabulary_are_refused_before_anything_starts(run: RunPaths, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        check_inputs(run, mini(run, weights__path=tmp_path / "none"))
    (tmp_path / "weights" / "vocab.txt").unlink()
    with pytest.raises(InputError, match="no vocabulary file"):
        check_inputs(run, mini(run))
    check_inputs(run, mini(run, weights__vocab=tmp_path / "vocab.txt"))


def test_paper_fetches_only_the_pinned_files_it_needs(
    run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], str | None]] = []
    original = dict(seeded_weights({**TINY, "max_position_embeddings": 384}, 3))

    def fetch(pins: Any, destination: Path, *, mirror: str | None, keep_folders: bool) -> None:
        asked.append(([pin.name for pin in pins], mirror))
        for pin in pins:
            if pin.name.endswith(".jsonl"):
                write_file(destination / pin.name, HEADER, document("the king"))
            else:
                atomic_text(destination / pin.name, "{}")
        if "pytorch_model.bin" in asked[-1][0]:
            write_vocabulary(destination)
            atomic_json(destination / "config.json", {**TINY, "max_position_embeddings": 384})

    monkeypatch.setattr("repro.fetch.download.fetch", fetch)
    monkeypatch.setattr("repro.stages.convert.bin_reader", lambda path: lambda file: original)
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    inputs.resolve_inputs(run, load_profile("paper", {"steps": [1]}), "http://mirror.test")
    assert asked[0] == (["dev_qass.jsonl", "squad-train-seed-42-num-examples-16_qass.jsonl"], "http://mirror.test")
    assert "pytorch_model.bin" in asked[1][0]
    assert read_inputs(run).weights.files.keys() == {"pytorch_model.bin", "config.json", "tokenizer_config.json"}

    with pytest.raises(InputError, match=r"no pinned address of other\.jsonl"):
        inputs.resolve_inputs(run, load_profile("paper", {"steps": [1], "data.dev": "other.jsonl"}))


def test_stages_before_inputs_say_what_to_do(run: RunPaths) -> None:
    with pytest.raises(InputError, match=r"inputs\.json is missing[\s\S]*repro stage inputs"):
        read_inputs(run)
    run.root.mkdir()
    run.inputs.write_text("{}")
    with pytest.raises(InputError, match="not complete"):
        read_inputs(run)


def test_the_shipped_checkpoint_is_what_its_sums_list() -> None:
    check_sums(CHECKPOINTS / "mini")


def test_a_changed_checkpoint_file_is_refused(run: RunPaths) -> None:
    folder = run.root.parent / "weights"
    atomic_text(folder / "SHA256SUMS", f"{sha256_file(folder / 'model.safetensors')}  model.safetensors\n")
    inputs.resolve_inputs(run, mini(run, **few(run)))
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(InputError, match=r"model\.safetensors is not the file"):
        inputs.resolve_inputs(run, mini(run, **few(run)))


def test_perturbed_weights_are_the_pretrained_ones_1_ulp_off() -> None:
    profile = load_profile("mini", {"weights.source": "seeded", "weights.geometry": SMALL})
    (start, _, _), (moved, _, reading) = (
        convert.start_weights(None, profile, of) for of in ("pretrained", "perturbed")
    )
    assert moved.keys() == start.keys() and "1 ulp" in reading
    for name, array in start.items():
        away = np.abs(moved[name].view(np.int32) - array.view(np.int32))
        assert set(np.unique(away[array != 0.0])) <= {1} and (moved[name][array == 0.0] == 0.0).all()
    assert all(
        np.array_equal(moved[name], again)
        for name, again in convert.start_weights(None, profile, "perturbed")[0].items()
    )
