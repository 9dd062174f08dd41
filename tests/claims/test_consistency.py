"""The document checked against itself: what it finds is computed, so a mended document must come out clean."""

from __future__ import annotations

from dataclasses import replace

from repro.claims import Claim, load_claims
from repro.claims.consistency import averages, check, float32_grid, shared_evidence


def changed(name: str, value: str) -> dict[str, Claim]:
    claims = load_claims()
    return {**claims, name: replace(claims[name], value=value)}


def test_the_average_that_is_not_the_mean_of_its_rows() -> None:
    (finding,) = averages(load_claims())
    assert finding.kind == "document inconsistent"
    assert finding.claims[0] == "11.f1.16.average" and len(finding.claims) == 6
    assert "54.402" in finding.text and "45.14 → 51.23 (11.f1.16.45)" in finding.text


def test_each_proposed_cell_mends_it() -> None:
    for name, value in {"11.f1.16.42": "60.47", "11.f1.16.45": "51.23", "11.f1.16.average": "54.40"}.items():
        assert averages(changed(name, value)) == []


def test_rounding_of_the_rows_is_not_a_contradiction() -> None:
    assert averages(changed("11.f1.16.45", "51.26")) == []  # five rows, each good to 0.005
    assert len(averages(changed("11.f1.16.45", "51.30"))) == 1


def test_a_planted_wrong_row_is_found() -> None:
    names = {finding.claims[0] for finding in averages(changed("11.f1.128.44", "73.18"))}
    assert names == {"11.f1.16.average", "11.f1.128.average"}


def test_claims_without_a_number_of_their_own() -> None:
    (finding,) = shared_evidence(load_claims())
    assert finding.claims == ("5.optimizer", "7.regularization", "8.loss20")


def test_a_planted_duplicate_is_found() -> None:
    claims = load_claims()
    found = shared_evidence(changed("4.model_output", claims["1.model_output"].value))
    assert any(set(finding.claims) == {"1.model_output", "4.model_output"} for finding in found)


def test_single_float32_differences_are_named() -> None:
    assert [finding.claims[0] for finding in float32_grid(load_claims())] == ["4.fake_data", "4.model_output"]
    assert "2^-21" in float32_grid(load_claims())[0].text
    assert len(float32_grid(changed("4.fake_data", "4.768371e-07"))) == 1


def test_contradictions_come_first() -> None:
    kinds = [finding.kind for finding in check(load_claims())]
    assert kinds == ["document inconsistent", "shared evidence", "observation", "observation"]
