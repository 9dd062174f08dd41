"""What the documented numbers alone show: a check of the document against itself, without any run."""

import math
import re
import statistics
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from repro.claims import Claim, printed_bounds
from repro.results.report import DocumentKind, Finding

DIFFERING, STEP, CERTAIN = 0.05, 0.5, 0.99
QUESTIONS = re.compile(r"\((\d+) questions\)")


def _finding(kind: DocumentKind, claims: list[Claim], text: str) -> Finding:
    return Finding(kind=kind, step=claims[0].step, claims=tuple(claim.id for claim in claims), text=text)


def mean_fault(stated: str, rows: dict[str, str]) -> str | None:
    """What is wrong with an average, or None if it is the mean of its rows for some numbers that print like them.

    Args:
        stated: the average as printed.
        rows: name -> number as printed.
    """
    bounds = [printed_bounds(text) for text in rows.values()]
    low, high = (sum(bound[end] for bound in bounds) / len(rows) for end in (0, 1))
    stated_low, stated_high = printed_bounds(stated)
    if low <= stated_high and stated_low <= high:
        return None
    total = sum(Decimal(text) for text in rows.values())
    places = max(0, -int(Decimal(stated).as_tuple().exponent))
    missing = Decimal(stated) * len(rows) - total
    repairs = [f"{text} → {Decimal(text) + missing:.{places}f} ({name})" for name, text in rows.items()]
    return (
        f"The documented average {stated} is not the mean of its {len(rows)} rows, which is"
        f" {total / len(rows):.{places + 1}f}; with the other rows as they stand, one of these would repair it:"
        f" {', '.join(repairs)}, or the average {total / len(rows):.{places}f}."
    )


def averages(claims: dict[str, Claim]) -> list[Finding]:
    """Averages that are not the mean of their rows for any numbers that print as documented."""
    findings = []
    for claim in claims.values():
        rows = [claims[name] for name in claim.mean_of]
        if rows and (fault := mean_fault(claim.value, {row.id: row.value for row in rows})):
            findings.append(_finding("document inconsistent", [claim, *rows], fault))
    return findings


def shared_evidence(claims: dict[str, Claim]) -> list[Finding]:
    """Claims for which the document gives no number, and different claims with the same digits."""
    findings = []
    pointing: dict[str, list[Claim]] = defaultdict(list)
    printed: dict[Decimal, list[Claim]] = defaultdict(list)
    for claim in claims.values():
        if claim.refers_to:
            pointing[claim.refers_to].append(claim)
        elif claim.kind == "number":
            printed[Decimal(claim.value)].append(claim)
    for target, group in pointing.items():
        text = (
            f"{', '.join(claim.id for claim in group)}: the document gives no number and points to {target}; one loss"
            " difference cannot vouch for each of these parts."
        )
        findings.append(_finding("shared evidence", [*group, claims[target]], text))
    for value, group in printed.items():
        if len(group) > 1:
            text = (
                f"The same number {value} stands under {' and '.join(claim.id for claim in group)}; two separate"
                " measurements hardly agree in every digit."
            )
            findings.append(_finding("shared evidence", group, text))
    return findings


def float32_grid(claims: dict[str, Claim]) -> list[Finding]:
    """Differences that are a small multiple of a power of two: differences of single float32 numbers."""
    findings = []
    for claim in claims.values():
        if claim.kind != "number" or not claim.unit.startswith("mean |"):
            continue
        ratio = Fraction(float(Decimal(claim.value)))
        if ratio.numerator < 1 << 10:
            text = (
                f"{claim.value} is exactly {ratio.numerator} × 2^-{ratio.denominator.bit_length() - 1}: a difference of"
                " two single float32 numbers, not a mean over many."
            )
            findings.append(_finding("observation", [claim], text))
    return findings


def least_spread(questions: int, rows: int) -> float:
    """Spread of F1, in points, that so many trainings on different files exceed with probability ``CERTAIN``.

    Models that answer a share ``DIFFERING`` of the questions differently part by a random walk of one step a question,
    even if none is better: a step is an F1 of up to 1, here ``STEP``. Both numbers are on the safe side: any two of
    mini's trainings differ in 11 % of their answers or more, and part by walks with steps of 0.7 and more.
    """
    from scipy import stats  # here: it takes half a second, and an audit needs no F1 table

    apart = 100 * STEP * math.sqrt(DIFFERING / questions)  # between two models

    return apart / math.sqrt(2) * math.sqrt(float(stats.chi2.ppf(1 - CERTAIN, rows - 1)) / (rows - 1))


def spreads(claims: dict[str, Claim]) -> list[Finding]:
    """Rows that are closer to each other than separate trainings on different files can be."""
    findings = []
    for claim in claims.values():
        rows, questions = [claims[name] for name in claim.mean_of], QUESTIONS.search(claim.unit)
        if len(rows) < 3 or questions is None:
            continue
        rounding = max(float(high - low) / 2 for low, high in (printed_bounds(row.value) for row in rows))
        deviation = statistics.stdev(float(row.value) for row in rows)
        least = least_spread(int(questions[1]), len(rows))
        if deviation + rounding * math.sqrt(len(rows) / (len(rows) - 1)) < least:
            text = (
                f"The {len(rows)} rows of {claim.id} scatter by {deviation:.2g} points only. Trainings on different"
                f" files that differ in {100 * DIFFERING:g} % of their answers scatter by more than {least:.2g} by"
                " chance alone:"
                " these are hardly separate trainings."
            )
            findings.append(_finding("shared evidence", [claim, *rows], text))
    return findings


def check(claims: dict[str, Claim]) -> list[Finding]:
    """Every finding, contradictions first."""
    return [*averages(claims), *shared_evidence(claims), *spreads(claims), *float32_grid(claims)]
