"""Files that appear complete, and when they are flushed to disk."""

import os
from pathlib import Path

import pytest

from repro.config.paths import atomic_text, unsynced


def test_files_are_flushed_but_where_a_lost_one_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    with unsynced():
        atomic_text(tmp_path / "one", "1")
    assert not flushed and (tmp_path / "one").read_text() == "1"
    with pytest.raises(ZeroDivisionError), unsynced():
        raise ZeroDivisionError
    atomic_text(tmp_path / "two", "2")
    assert len(flushed) == 1 and not list(tmp_path.glob(".*"))
