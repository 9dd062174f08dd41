"""The pins: addresses of the public hosts, ids that the published files really have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.fetch import EVIDENCE, FEW_SHOT, PUBLISHED_TOKENIZER, WEIGHTS, cache_dir, git_blob_id


def test_addresses() -> None:
    assert FEW_SHOT[0].url() == (
        "https://raw.githubusercontent.com/ncpaddle/splinter-paddlepaddle/"
        "09cc9f56f0795e862616776a1d7311ab8a505972/mrqa-few-shot/squad/dev_qass.jsonl"
    )
    assert WEIGHTS[-1].url() == (
        "https://huggingface.co/tau/splinter-base-qass/resolve/c400ac0b86b16bc4d73508561d3eca78f89c52d7/pytorch_model.bin"
    )
    assert WEIGHTS[0].url("http://mirror/base/") == (
        "http://mirror/base/tau/splinter-base-qass/resolve/c400ac0b86b16bc4d73508561d3eca78f89c52d7/config.json"
    )


@pytest.mark.parametrize("pins", [FEW_SHOT, PUBLISHED_TOKENIZER, WEIGHTS])
def test_no_two_files_of_one_name(pins: tuple[object, ...]) -> None:
    assert len({pin.name for pin in pins}) == len(pins)  # type: ignore[attr-defined]


def test_published_evidence_keeps_its_folders() -> None:
    assert len({pin.path for pin in EVIDENCE}) == len(EVIDENCE)
    assert {pin.path.split("/")[0] for pin in EVIDENCE} == {"align_works", "output_avg"}


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
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"


@pytest.mark.needs_shared
def test_ids_are_those_of_the_published_files(shared: Path) -> None:
    for pin in PUBLISHED_TOKENIZER:
        assert git_blob_id(shared / "published" / "splinter_init" / pin.name) == pin.blob
    for pin in EVIDENCE:
        assert git_blob_id(shared / "published" / pin.path) == pin.blob
    there = [pin for pin in FEW_SHOT if (shared / "squad-few-shot" / pin.name).exists()]
    assert len(there) >= 10
    for pin in there:
        assert git_blob_id(shared / "squad-few-shot" / pin.name) == pin.blob


@pytest.mark.needs_shared
def test_every_listed_id_is_pinned(shared: Path) -> None:
    page = (shared / "published" / "sources.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([0-9a-f]{40})` \| `(.+)` \|$", page, re.MULTILINE)
    listed = {path: blob for blob, path in rows}
    assert listed == {pin.path: pin.blob for pin in (*FEW_SHOT, *PUBLISHED_TOKENIZER)}
