"""``repro audit``: what it prints and writes, and its exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from repro.cli.main import main
from repro.dumps import write_dump
from repro.fetch import EVIDENCE
from tests.fetch.local_server import serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One step with a pair of dumps that differ, and notes that say something else."""
    values = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    write_dump(tmp_path / "1_forward" / "out_torch.npy", {"output": values})
    write_dump(tmp_path / "1_forward" / "out_paddle.npy", {"output": values + np.float32(1e-3)})
    text = "[2021/10/26 00:34:43] root INFO: output: \n"
    text += "[2021/10/26 00:34:43] root INFO: \tmean diff: check passed: False, value: 0.5\n"
    (tmp_path / "1_forward" / "out_diff.txt").write_text(text)
    (tmp_path / "notes.md").write_text("# 1 Forward\n\n| output |\n| --- |\n| 0.25 |\n")
    return tmp_path


def test_prints_and_writes_the_findings(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(folder), "--out", str(tmp_path / "out")]) == 1
    out = capsys.readouterr().out
    assert "log differs (1): 1_forward/out_*.npy" in out and "document differs (1): notes.md:5" in out
    assert f"audit: {tmp_path / 'out' / 'audit.html'}" in out
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {"log differs", "document differs"} <= {item["kind"] for item in report["findings"]}
    (check,) = report["checks"]
    assert check["keys"][0]["logged"] == "0.5" and check["reprod_log"]["lines"][-1] == "diff check failed"
    text = (tmp_path / "out" / "audit.md").read_text()
    assert all(item["text"].replace("|", "\\|") in text for item in report["findings"])


def test_two_audits_of_one_folder_are_equal(folder: Path, tmp_path: Path) -> None:
    texts = []
    for _ in range(2):  # the second finds what the first wrote, which is no evidence
        assert main(["audit", str(folder), "--out", str(tmp_path / "out")]) == 1
        texts.append([(tmp_path / "out" / f"audit.{suffix}").read_bytes() for suffix in ("json", "md", "html")])
    assert texts[0] == texts[1]


def test_no_folder_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--notes", __file__]):
        assert main(["audit", str(tmp_path / "none"), *options]) == 2
        assert "no such folder" in capsys.readouterr().err


def test_without_a_folder_the_published_files_are_fetched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    pins = tuple(replace(EVIDENCE[0], path=f"1_forward/{name}.npy", blob=None) for name in ("out_torch", "out_paddle"))
    monkeypatch.setattr("repro.fetch.download.EVIDENCE", pins)
    with serving() as server:
        for pin in pins:
            server.files[f"/{pin.repository}/{pin.revision}/{pin.path}"] = (folder / pin.path).read_bytes()
        assert main(["audit", "--mirror", server.address, "--out", str(tmp_path / "out")]) == 1
        assert "1 pair of dumps" in capsys.readouterr().out
        server.files.clear()
        monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "other"))
        assert main(["audit", "--mirror", server.address]) == 2
        assert "repro audit DIR" in capsys.readouterr().err
