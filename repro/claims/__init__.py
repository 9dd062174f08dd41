"""The documented numbers as data: ``claims.yaml``, its loader, and what the printed digits of a number imply."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from repro.errors import InputError

CLAIMS_FILE = Path(__file__).with_name("claims.yaml")
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Source:
    """Where a documented number stands: ``document`` is a key of the file's ``sources``."""

    document: str
    section: str


@dataclass(frozen=True, config=_STRICT)
class Heading:
    """Original heading of a step and its English title."""

    heading: str
    title: str


@dataclass(frozen=True, config=_STRICT)
class Claim:
    """One documented number or statement.

    Attributes:
        value: as printed; for ``kind`` number and zero its text is a decimal number.
        column: original column, log key or code line under which it stands.
        rederive: how to get it again from the published files.
        refers_to: claim to which the document points instead of giving a number.
        mean_of: claims of which the document calls this one the average.
    """

    id: str
    step: int
    what: str
    column: str
    value: str
    kind: Literal["number", "zero", "text"]
    unit: str
    source: Source
    rederive: str
    refers_to: str | None = None
    mean_of: tuple[str, ...] = ()


@dataclass(frozen=True, config=_STRICT)
class Document:
    """The whole claims file."""

    schema: Literal[1]
    sources: dict[str, str]
    steps: dict[int, Heading]
    claims: list[Claim] = field(default_factory=list)


def _check(document: Document) -> None:
    """Raise ValueError for the first thing that the field types alone cannot see."""
    known: set[str] = set()
    for claim in document.claims:
        if claim.id in known:
            raise ValueError(f"{claim.id}: stands twice")
        known.add(claim.id)
        if claim.step not in document.steps or not claim.id.startswith(f"{claim.step}."):
            raise ValueError(f"{claim.id}: does not belong to step {claim.step}")
        if claim.source.document not in document.sources:
            raise ValueError(f"{claim.id}: unknown source {claim.source.document!r}")
        if claim.kind == "text":
            if not claim.value.strip():
                raise ValueError(f"{claim.id}: empty statement")
        elif (Decimal(claim.value) == 0) != (claim.kind == "zero"):
            raise ValueError(f"{claim.id}: {claim.value} is not a {claim.kind}")
    for claim in document.claims:
        for other in (*claim.mean_of, *([claim.refers_to] if claim.refers_to else [])):
            if other not in known or other == claim.id:
                raise ValueError(f"{claim.id}: points to {other!r}, which is no other claim")


@cache
def load_document(path: Path = CLAIMS_FILE) -> Document:
    """Read and check the claims file, once a process.

    Raises:
        InputError: not readable, or a claim is malformed, doubled, or points nowhere.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        document = TypeAdapter(Document).validate_python(content)
        _check(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"claims file, {place}: {first['msg']}", where=path) from error
    except (OSError, yaml.YAMLError, InvalidOperation, ValueError) as error:
        raise InputError(f"claims file: {error}", where=path) from error
    return document


def load_claims(path: Path = CLAIMS_FILE) -> dict[str, Claim]:
    """id -> claim, in the order of the document.

    Raises:
        InputError: as ``load_document``.
    """
    return {claim.id: claim for claim in load_document(path).claims}


def printed_bounds(text: str) -> tuple[Decimal, Decimal]:
    """As ``printed_interval``, exact."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"not a printed number: {text!r}") from error
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise InputError(f"not a finite number: {text!r}")
    if value == 0:
        return Decimal(0), Decimal(0)
    half = Decimal(5).scaleb(exponent - 1)
    return value - half, value + half


def printed_interval(text: str) -> tuple[float, float]:
    """The numbers that print as ``text``: half a unit of the last printed digit to each side.

    A printed zero is exactly zero: the program that printed it (``reprod_log``) prints every digit of a number.

    Raises:
        InputError: ``text`` is not a finite decimal number.
    """
    low, high = printed_bounds(text)
    return float(low), float(high)
