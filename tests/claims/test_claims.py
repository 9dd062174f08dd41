"""The documented numbers: complete, with the digits printed, and refused where the file is malformed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.claims import CLAIMS_FILE, load_claims, load_document, printed_interval
from repro.errors import InputError

EXPECTED = {1: 9, 2: 10, 3: 10, 4: 2, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 21}


def test_every_step_has_its_claims() -> None:
    document = load_document()
    assert {step: sum(claim.step == step for claim in document.claims) for step in document.steps} == EXPECTED
    assert len(load_claims()) == sum(EXPECTED.values())


def test_digits_stay_as_printed() -> None:
    claims = load_claims()
    assert claims["1.model_output"].value == "1.0885132942348719e-03"
    assert claims["1.bisect.start.matmul1"].value == "3.69778e-07"
    assert claims["6.learning_rate"].kind == "zero"
    assert claims["11.f1.1024.average"].mean_of == tuple(f"11.f1.1024.{seed}" for seed in range(42, 47))


@pytest.mark.needs_shared
def test_every_value_stands_in_the_documents(shared: Path) -> None:
    """Every number and statement of the notes, and every F1, is there as printed; none of theirs is left out."""
    notes = (shared / "seed" / "alignment-notes.md").read_text(encoding="utf-8").replace("**", "")
    page = (shared / "published" / "sources.md").read_text(encoding="utf-8")
    document = load_document()
    for claim in document.claims:
        text = notes if claim.source.document == "notes" else page
        assert claim.value in text, claim.id
        if claim.step in (1, 2, 3, 4, 6, 8, 9) and claim.kind != "text":
            assert claim.column in notes, claim.id
    for number, heading in document.steps.items():
        assert f"## {number}. {heading.heading}" in notes
    values = {claim.value for claim in document.claims}
    for printed in re.findall(r"\d\.\d+(?:e-\d+)?", notes):
        assert printed in values


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("55.62", 55.615, 55.625),
        ("54.6", 54.55, 54.65),
        ("3.69778e-07", 3.697775e-07, 3.697785e-07),
        ("0.0", 0, 0),
    ],
)
def test_printed_interval(text: str, low: float, high: float) -> None:
    assert printed_interval(text) == pytest.approx((low, high), rel=1e-12, abs=0)


@pytest.mark.parametrize("text", ["", "about 3", "nan", "inf"])
def test_printed_interval_refuses(text: str) -> None:
    with pytest.raises(InputError):
        printed_interval(text)


FAULTS = {
    "doubled id": ("id: 3.f1\n", "id: 3.exact\n", "stands twice"),
    "other step": ("id: 6.learning_rate", "id: 7.learning_rate", "does not belong to step 6"),
    "unknown kind": ("kind: zero", "kind: nought", "kind"),
    "unknown field": ("unit: statement", "units: statement", "unit: Field required"),
    "field too many": ("unit: statement", "unit: statement\n  tolerance: 1", "tolerance"),
    "zero that is not": ('value: "0.0"', 'value: "0.1"', "is not a zero"),
    "number that is not": ('value: "54.6"', 'value: "54,6"', "claims file"),
    "number without its digits": ('value: "54.6"', "value: 54.6", "string"),
    "unknown source": ("document: paper", "document: rumour", "unknown source"),
    "points nowhere": ("refers_to: 8.loss20", "refers_to: 8.loss", "no other claim"),
    "not YAML": ("claims:", "claims: [", "claims file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_malformed_file_is_refused(fault: str, tmp_path: Path) -> None:
    old, new, message = FAULTS[fault]
    text = CLAIMS_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "claims.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_claims(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_claims(tmp_path / "claims.yaml")
