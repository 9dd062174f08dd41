"""Box ``inputs`` and box ``convert-run`` on small real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint, seeded_weights, write_checkpoint
from repro.data.corpus import DEV_FILE
from repro.data.pretraining import read_recipe
from repro.errors import InputError
from repro.fetch import FEW_SHOT
from repro.paths import CHECKPOINTS, RunPaths, atomic_text, read_json, sha256_file
from repro.profile import Profile, load_profile
from repro.workflow import inputs
from repro.workflow.convert_run import write_start_weights

CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    atomic_text(tmp_path / "vocab.txt", "".join(f"w{n}\n" for n in range(20)))
    write_checkpoint(tmp_path / "weights", seeded_weights(CONFIG, 3), CONFIG, tmp_path / "vocab.txt", "hub")
    return RunPaths(tmp_path / "run")


def mini(run: RunPaths, **overrides: Any) -> Profile:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_profile("mini", {"weights.path": run.root.parent / "weights", "steps": [1]} | changes)


def test_generated_data_and_a_given_checkpoint(run: RunPaths) -> None:
    inputs.resolve_inputs(run, mini(run))
    found = read_json(run.inputs)
    assert set(found["data"]["files"]) == {"dev", "train-16-42"}
    dev = found["data"]["files"]["dev"]
    assert dev["path"] == str(run.data / DEV_FILE)
    assert dev["sha256"] == sha256_file(run.data / DEV_FILE)
    assert found["weights"]["source"] == "path"
    assert set(found["weights"]["files"]) == {"model.safetensors", "config.json"}
    resolved = inputs.load_inputs(run)
    assert resolved.splits["dev"] == run.data / DEV_FILE
    assert resolved.vocab == run.root.parent / "weights" / "vocab.txt"


def test_start_weights_are_equal_in_both_layouts_and_the_random_twin_differs(run: RunPaths) -> None:
    profile = mini(run)
    inputs.resolve_inputs(run, profile)
    start = {}
    for init in ("pretrained", "random"):
        write_start_weights(run, profile, init)
        arrays = [read_checkpoint(run.checkpoint(backend, init))[0] for backend in ("pytorch", "paddle")]
        assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])
        start[init] = arrays[0]
        assert (run.checkpoint("paddle", init) / "vocab.txt").is_file()
    assert all(np.array_equal(start["pretrained"][n], a) for n, a in seeded_weights(CONFIG, 3).items())
    name = "splinter.embeddings.word_embeddings.weight"
    assert not np.array_equal(start["pretrained"][name], start["random"][name])


def test_the_random_twin_starts_as_the_pretraining_did(run: RunPaths) -> None:
    shipped = (CHECKPOINTS / "mini" / "recipe.yaml").read_text()
    atomic_text(run.root.parent / "weights" / "recipe.yaml", shipped)
    profile = mini(run)
    inputs.resolve_inputs(run, profile)
    assert "recipe.yaml" in read_json(run.inputs)["weights"]["files"]
    write_start_weights(run, profile, "random")
    arrays = read_checkpoint(run.checkpoint("paddle", "random"))[0]
    start = read_recipe(CHECKPOINTS / "mini" / "recipe.yaml").start
    expected = start.applied(seeded_weights(CONFIG, profile.weights.seed))
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)


def test_seeded_weights_need_no_files_and_have_a_random_twin(run: RunPaths) -> None:
    vocab = run.root.parent / "vocab.txt"
    profile = load_profile("mini", {"weights": {"source": "seeded", "geometry": CONFIG, "seed": 5, "vocab": vocab}})
    inputs.resolve_inputs(run, profile)
    assert inputs.load_inputs(run).weights is None
    for init in ("pretrained", "random"):
        write_start_weights(run, profile, init)
    arrays = {init: read_checkpoint(run.checkpoint("pytorch", init))[0] for init in ("pretrained", "random")}
    expected = seeded_weights(CONFIG, 5)
    assert all(np.array_equal(arrays["pretrained"][name], expected[name]) for name in expected)
    assert not all(np.array_equal(arrays["random"][name], expected[name]) for name in expected)


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
        inputs.check_inputs(run, mini(run, weights__path=tmp_path / "none"))
    (tmp_path / "weights" / "vocab.txt").unlink()
    with pytest.raises(InputError, match="no vocabulary file"):
        inputs.check_inputs(run, mini(run))
    inputs.check_inputs(run, mini(run, weights__vocab=tmp_path / "vocab.txt"))


def test_paper_fetches_only_the_pinned_files_it_needs(
    run: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], str | None]] = []

    def fetch(pins: Any, destination: Path, *, mirror: str | None) -> None:
        asked.append(([pin.name for pin in pins], mirror))
        for pin in pins:
            source = tmp_path / "weights" / pin.name
            atomic_text(destination / pin.name, source.read_text() if source.suffix in (".json", ".txt") else "{}")

    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        atomic_text(tmp_path / "weights" / name, "{}")
    for pin in FEW_SHOT:
        atomic_text(tmp_path / "weights" / pin.name, "{}")
    monkeypatch.setattr(inputs, "fetch", fetch)
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    inputs.resolve_inputs(run, load_profile("paper", {"steps": [1]}), "http://mirror.test")
    assert asked[0] == (["dev_qass.jsonl", "squad-train-seed-42-num-examples-16_qass.jsonl"], "http://mirror.test")
    assert "pytorch_model.bin" in asked[1][0]
    assert read_json(run.inputs)["weights"]["files"].keys() == {"pytorch_model.bin", "config.json"}

    with pytest.raises(InputError, match=r"no pinned address of other\.jsonl"):
        inputs.resolve_inputs(run, load_profile("paper", {"steps": [1], "data.dev": "other.jsonl"}))


def test_boxes_before_inputs_say_what_to_do(run: RunPaths) -> None:
    with pytest.raises(InputError, match="not resolved yet"):
        inputs.load_inputs(run)


def test_the_shipped_checkpoint_is_what_its_sums_list() -> None:
    inputs.check_sums(CHECKPOINTS / "mini")


def test_a_changed_checkpoint_file_is_refused(run: RunPaths) -> None:
    folder = run.root.parent / "weights"
    atomic_text(folder / "SHA256SUMS", f"{sha256_file(folder / 'model.safetensors')}  model.safetensors\n")
    inputs.resolve_inputs(run, mini(run))
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(InputError, match=r"model\.safetensors is not the file"):
        inputs.resolve_inputs(run, mini(run))
