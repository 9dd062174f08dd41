"""The document checked against itself: what it says is computed, so a corrected document must come out clean."""

import numpy as np
import pytest

from repro.claims import Claim, load_claims
from repro.claims.consistency import averages, check, float32_grid, least_spread, shared_evidence, spreads


def changed(name: str, value: str) -> dict[str, Claim]:
    claims = load_claims()
    return {**claims, name: claims[name].replace(value=value)}


def test_the_average_that_is_not_the_mean_of_its_rows() -> None:
    (finding,) = averages(load_claims())
    assert finding.kind == "document inconsistent" and finding.step == 11
    assert finding.claims[0] == "11.f1.16.average" and len(finding.claims) == 6
    assert "54.402" in finding.text and "45.14 → 51.23 (11.f1.16.45)" in finding.text


@pytest.mark.parametrize(
    ("name", "value", "contradictions"),
    [
        ("11.f1.16.42", "60.47", []),  # each proposed cell repairs it
        ("11.f1.16.45", "51.23", []),
        ("11.f1.16.average", "54.40", []),
        ("11.f1.16.45", "51.26", []),  # five rows, each good to 0.005
        ("11.f1.16.45", "51.30", ["11.f1.16.average"]),
        ("11.f1.128.44", "73.18", ["11.f1.16.average", "11.f1.128.average"]),  # a wrong row
    ],
)
def test_a_changed_row(name: str, value: str, contradictions: list[str]) -> None:
    assert [finding.claims[0] for finding in averages(changed(name, value))] == contradictions


def test_claims_that_point_to_another_number() -> None:
    (finding,) = shared_evidence(load_claims())
    assert finding.claims == ("5.optimizer", "7.regularization", "8.loss20")


def test_a_planted_duplicate_is_named() -> None:
    findings = shared_evidence(changed("4.model_output", load_claims()["1.model_output"].value))
    assert any(set(finding.claims) == {"1.model_output", "4.model_output"} for finding in findings)


def close_rows(*digits: str) -> dict[str, Claim]:
    """The documented rows at 1024 examples with these decimals."""
    claims = load_claims()
    names = claims["11.f1.1024.average"].mean_of
    rows = {name: claims[name].replace(value=f"82.{text}") for name, text in zip(names, digits, strict=True)}
    return {**claims, **rows}


def test_rows_that_scatter_less_than_trainings_can_are_named() -> None:
    assert spreads(load_claims()) == []
    (finding,) = spreads(close_rows("89", "90", "88", "89", "90"))
    assert finding.kind == "shared evidence" and finding.claims[0] == "11.f1.1024.average" and len(finding.claims) == 6
    assert "scatter by 0.0084 points only" in finding.text
    assert spreads(close_rows("89", "92", "86", "89", "90")) == []
    assert spreads(close_rows("9", "9", "9", "9", "9")) == []  # one decimal hides what they scatter


def test_separate_trainings_scatter_more_than_the_least() -> None:
    # random walks over 10,507 questions, of which 5 % are answered differently, with steps of 0.5
    generator = np.random.Generator(np.random.PCG64(0))
    samples = generator.normal(0.0, 100 * 0.5 * np.sqrt(0.05 / 10507 / 2), (4000, 5))
    assert np.mean(samples.std(axis=1, ddof=1) < least_spread(10507, 5)) == pytest.approx(0.01, abs=0.005)


def test_single_float32_differences_are_named() -> None:
    assert [finding.claims[0] for finding in float32_grid(load_claims())] == ["4.fake_data", "4.model_output"]
    assert "2^-21" in float32_grid(load_claims())[0].text
    assert len(float32_grid(changed("4.fake_data", "4.768371e-07"))) == 1


def test_contradictions_come_first() -> None:
    kinds = [finding.kind for finding in check(load_claims())]
    assert kinds == ["document inconsistent", "shared evidence", "observation", "observation"]
