"""What the documented numbers alone show: a check of the document against itself, without any run."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from repro.claims import Claim, printed_bounds
from repro.results.report import DocumentKind, Finding


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


def check(claims: dict[str, Claim]) -> list[Finding]:
    """Every finding, contradictions first."""
    return [*averages(claims), *shared_evidence(claims), *float32_grid(claims)]
