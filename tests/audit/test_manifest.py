"""The manifest ties documented claims to files that are pinned, and says nothing twice."""

from pathlib import Path

import pytest

from repro.audit.manifest import Entry, entries_by_claim, load_entries
from repro.claims import load_claims
from repro.errors import InputError
from repro.fetch import EVIDENCE


def test_every_file_is_pinned() -> None:
    pinned = {pin.path for pin in EVIDENCE}
    assert {path for entry in load_entries() for path in entry.files()} <= pinned


def test_every_claim_with_files_is_named_once() -> None:
    entries = load_entries()
    by_claim = entries_by_claim(load_claims(), entries)
    assert len({entry.claims for entry in entries}) == len(entries)
    assert {name.split(".")[0] for name in by_claim} == {"1", "2", "3", "4", "6", "8", "9", "11"}
    assert by_claim["2.start_pos_list"].key == "start_pos_list" and by_claim["8.loss20"].count == 20


def test_an_entry_without_a_claim_or_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no claim 12"):
        entries_by_claim(load_claims(), (Entry(claims="12.*"),))
    (tmp_path / "m.yaml").write_text("- claims: 1.model_output\n  pairs: x\n")
    with pytest.raises(InputError, match="pairs"):
        load_entries(tmp_path / "m.yaml")
