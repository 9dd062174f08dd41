"""The documented numbers: complete, with the digits printed, and refused where the file is malformed."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from repro.claims import CLAIMS_FILE, load_claims, load_document, printed_bounds
from repro.errors import InputError


def test_every_claim_is_there_with_its_digits() -> None:
    claims = load_claims()
    counts = {1: 9, 2: 10, 3: 10, 4: 2, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 21}
    assert Counter(claim.step for claim in claims.values()) == counts
    assert claims["1.model_output"].value == "1.0885132942348719e-03"
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
    assert set(re.findall(r"\d\.\d+(?:e-\d+)?", notes)) <= {claim.value for claim in document.claims}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("55.62", "55.615", "55.625"), ("3.69778e-07", "3.697775e-07", "3.697785e-07"), ("0.0", "0", "0")],
)
def test_printed_bounds(text: str, low: str, high: str) -> None:
    assert printed_bounds(text) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize("text", ["", "about 3", "nan", "inf"])
def test_printed_bounds_refuse(text: str) -> None:
    with pytest.raises(InputError):
        printed_bounds(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: 3.f1\n", "id: 3.exact\n", "stands twice"),
        ("id: 6.learning_rate", "id: 7.learning_rate", "does not belong to step 6"),
        ("kind: zero", "kind: nought", "kind"),
        ("unit: statement", "units: statement", "unit: Field required"),
        ("unit: statement", "unit: statement\n  tolerance: 1", "tolerance"),
        ('value: "0.0"', 'value: "0.1"', "is not a zero"),
        ('value: "54.6"', 'value: "54,6"', "claims file"),
        ('value: "54.6"', "value: 54.6", "string"),
        ("document: paper", "document: rumour", "unknown source"),
        ("refers_to: 8.loss20", "refers_to: 8.loss", "no other claim"),
        ("claims:", "claims: [", "claims file"),
    ],
)
def test_malformed_file_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = CLAIMS_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "claims.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_claims(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_claims(tmp_path / "claims.yaml")
