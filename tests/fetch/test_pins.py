"""The pins: addresses of the public hosts, ids that the published files really have."""

import re
from pathlib import Path

import pytest

from repro.fetch import EVIDENCE, FEW_SHOT, WEIGHTS
from repro.fetch.verify import cache_dir, git_blob_id


def test_addresses() -> None:
    folder = "ncpaddle/splinter-paddlepaddle/09cc9f56f0795e862616776a1d7311ab8a505972/mrqa-few-shot/squad"
    assert FEW_SHOT[0].url() == f"https://raw.githubusercontent.com/{folder}/dev_qass.jsonl"
    folder = "tau/splinter-base-qass/resolve/c400ac0b86b16bc4d73508561d3eca78f89c52d7"
    assert WEIGHTS[-1].url() == f"https://huggingface.co/{folder}/pytorch_model.bin"
    assert WEIGHTS[0].url("http://mirror/base/") == f"http://mirror/base/{folder}/config.json"


def test_every_training_file_of_the_protocol() -> None:
    training = {f"squad-train-seed-{s}-num-examples-{n}_qass.jsonl" for n in (16, 128, 1024) for s in range(42, 47)}
    assert {pin.name for pin in FEW_SHOT} == training | {"dev_qass.jsonl", "dev_qass_50.jsonl"}


def test_blob_id_is_gits(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_id(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("REPRO_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir() == tmp_path / ".cache" / "repro"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "repro"
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "other"))
    assert cache_dir() == tmp_path / "other"


@pytest.mark.needs_shared
def test_ids_are_those_of_the_published_files(shared: Path) -> None:
    for pin in EVIDENCE:
        assert git_blob_id(shared / "published" / pin.path) == pin.blob
    there = [pin for pin in FEW_SHOT if (shared / "squad-few-shot" / pin.name).exists()]
    assert len(there) >= 10
    for pin in there:
        assert git_blob_id(shared / "squad-few-shot" / pin.name) == pin.blob


@pytest.mark.needs_shared
def test_every_listed_few_shot_file_is_pinned(shared: Path) -> None:
    page = (shared / "published" / "sources.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([0-9a-f]{40})` \| `(mrqa-few-shot/.+)` \|$", page, re.MULTILINE)
    assert {path: blob for blob, path in rows} == {pin.path: pin.blob for pin in FEW_SHOT}
