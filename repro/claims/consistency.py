"""What the documented numbers alone give away: a check of the document against itself, without any run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from repro.claims import Claim, printed_bounds


@dataclass(frozen=True)
class Finding:
    """Something that can be read off the document.

    ``document inconsistent``: the document contradicts itself in ``claims[0]``; the others take part in it.
    ``shared evidence``: several claims rest on one number. ``observation``: worth knowing, contradicts nothing.
    """

    kind: Literal["document inconsistent", "shared evidence", "observation"]
    claims: tuple[str, ...]
    text: str


def _decimals(text: str) -> int:
    exponent = Decimal(text).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def mean_fault(stated: str, rows: dict[str, str]) -> str | None:
    """What is wrong with an average, or None if it is the mean of its rows for some numbers that print like them.

    Args:
        stated: the average as printed; ``rows`` are name -> number as printed.
    """
    bounds = [printed_bounds(text) for text in rows.values()]
    low, high = (sum(pair[side] for pair in bounds) / len(rows) for side in (0, 1))
    stated_low, stated_high = printed_bounds(stated)
    if low <= stated_high and stated_low <= high:
        return None
    total = sum(Decimal(text) for text in rows.values())
    places = _decimals(stated)
    missing = Decimal(stated) * len(rows) - total
    mends = [f"{text} → {Decimal(text) + missing:.{places}f} ({name})" for name, text in rows.items()]
    return (
        f"The documented average {stated} is not the mean of its own {len(rows)} rows, which is"
        f" {total / len(rows):.{places + 1}f}; with the other rows as they stand, one of these would mend it:"
        f" {', '.join(mends)}, or the average {total / len(rows):.{places}f}."
    )


def averages(claims: dict[str, Claim]) -> list[Finding]:
    """Averages that are not the mean of their own rows for any numbers that print as documented."""
    findings = []
    for claim in claims.values():
        rows = {name: claims[name].value for name in claim.mean_of}
        if rows and (fault := mean_fault(claim.value, rows)):
            findings.append(Finding("document inconsistent", (claim.id, *claim.mean_of), fault))
    return findings


def shared_evidence(claims: dict[str, Claim]) -> list[Finding]:
    """Claims without a number of their own, and different claims with the same digits."""
    findings = []
    pointing: dict[str, list[str]] = defaultdict(list)
    printed: dict[Decimal, list[str]] = defaultdict(list)
    for claim in claims.values():
        if claim.refers_to:
            pointing[claim.refers_to].append(claim.id)
        elif claim.kind == "number":
            printed[Decimal(claim.value)].append(claim.id)
    for target, names in pointing.items():
        text = f"{', '.join(names)}: no number of its own in the document, which points to {target}; one loss"
        text += " difference cannot vouch for each of these parts."
        findings.append(Finding("shared evidence", (*names, target), text))
    for value, names in printed.items():
        if len(names) > 1:
            text = (
                f"The same number {value} stands under {' and '.join(names)}; measured apart, two numbers hardly agree"
            )
            findings.append(Finding("shared evidence", tuple(names), f"{text} in every digit."))
    return findings


def float32_grid(claims: dict[str, Claim]) -> list[Finding]:
    """Differences that are a whole number of float32 units in the last place: differences of single numbers."""
    findings = []
    for claim in claims.values():
        if claim.kind != "number" or not claim.unit.startswith("mean |"):
            continue
        ratio = Fraction(float(Decimal(claim.value)))
        if ratio.numerator < 1 << 10:
            text = (
                f"{claim.value} is exactly {ratio.numerator} × 2^-{ratio.denominator.bit_length() - 1}: a difference of"
            )
            text += " two single float32 numbers, not a mean over many."
            findings.append(Finding("observation", (claim.id,), text))
    return findings


def check(claims: dict[str, Claim]) -> list[Finding]:
    """Every finding, contradictions first."""
    return [*averages(claims), *shared_evidence(claims), *float32_grid(claims)]
