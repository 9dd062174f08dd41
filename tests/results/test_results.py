"""The types that pass between the parts: strict, round trip through JSON, and closed to what contradicts itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from repro.errors import InputError
from repro.results import CaptureProvenance, Cost, Evidence, Record, Table, status_and_counts, verdict_on_all
from repro.results.report import ReportedRecord, TrainingEntry

EQUAL = Record(name="x", outcome="compared", verdict="equal")
OPEN = Record(name="y", outcome="compared")
WRONG = Record(name="z", outcome="compared", verdict="different semantics")
LOST = Record(name="l", outcome="missing key", verdict="different semantics")
PROVENANCE = CaptureProvenance.model_validate(
    {
        **{"backend": "pytorch", "step": 3, "inputs": "digest", "device": "cpu", "threads": 1, "versions": {}},
        **{"dumps": {"float32": {"sha256": "a" * 64, "bytes": 12, "keys": 1}}, "seconds": 1.5, "peak_memory": 7},
    }
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "step03.json"
    PROVENANCE.write(path)
    assert CaptureProvenance.read(path) == PROVENANCE
    assert PROVENANCE.into(Cost, seconds=2.0) == Cost(seconds=2.0, peak_memory=7)


def test_a_file_that_is_not_there_or_holds_something_else(tmp_path: Path) -> None:
    path, text = tmp_path / "step03.json", PROVENANCE.model_dump_json()
    with pytest.raises(InputError, match=r"dumps/step03\.json is missing"):
        CaptureProvenance.read(path, "dumps/step03.json")
    path.write_text(text[:-1])
    with pytest.raises(InputError, match="is not complete"):
        CaptureProvenance.read(path)
    path.write_text(text.replace('"seconds":1.5', '"seconds":-1.5'))
    with pytest.raises(InputError, match=r"is not complete \(seconds: "):
        CaptureProvenance.read(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_that_json_has_no_word_for(value: float) -> None:
    with pytest.raises(ValidationError):
        Record(name="x", outcome="compared", mean_abs=value)
    with pytest.raises(ValidationError):
        Table(title="t", columns=("a",), rows=((value,),))


def test_cells_keep_their_type() -> None:
    cells: tuple[Any, ...] = (1, 1.0, True, "1", None, [1, 2], np.float64(0.1))
    table = Table(title="t", columns=tuple("abcdefg"), rows=(cells,))
    again = Table.parse(table.model_dump_json(), "table")
    assert [type(cell) for cell in again.rows[0]] == [int, float, bool, str, type(None), list, float]
    assert list(again.rows[0]) == list(cells)


def test_only_a_finished_comparison_passes() -> None:
    assert EQUAL.passed and not OPEN.passed and not WRONG.passed
    assert not LOST.replace(verdict="equal").passed
    assert status_and_counts([EQUAL]) == ("passed", {"total": 1, "passed": 1, "undecided": 0, "failed": 0})
    assert status_and_counts([EQUAL, OPEN])[0] == "undecided"
    status, counts = status_and_counts([EQUAL, OPEN, WRONG, LOST])
    assert status == "failed" and counts == {"total": 4, "passed": 1, "undecided": 1, "failed": 2}
    assert status_and_counts([])[0] == "failed"
    assert verdict_on_all([EQUAL, LOST]) == "1 of 2: missing key"
    assert verdict_on_all([EQUAL]) == "equal" and verdict_on_all([]) == "not measured"


def test_a_report_cannot_contradict_itself() -> None:
    with pytest.raises(ValidationError, match="is no pass"):
        LOST.into(ReportedRecord, passed=True)
    training = {"backend": "paddle", "init": "random", "size": 16, "seed": 42}
    for status, reason in (("done", ""), ("not run", ""), ("done", "why")):
        with pytest.raises(ValidationError, match="all of its results or a reason"):
            TrainingEntry.model_validate({**training, "status": status, "reason": reason})


def test_evidence_names_a_hash() -> None:
    with pytest.raises(ValidationError):
        Evidence(file="dumps/pytorch/step01.npy", sha256="abc")
