"""The documented numbers as data: ``claims.yaml``, its loader, and what the printed digits of a number imply."""

from collections import Counter
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from repro.config.yaml_text import shipped
from repro.errors import InputError
from repro.results.base import Result, first_error

CLAIMS_FILE = Path(__file__).with_name("claims.yaml")


class Source(Result):
    """Where a documented number stands: ``document`` is a key of the file's ``sources``."""

    document: str
    section: str


class Heading(Result):
    """Original heading of a step and its English title."""

    heading: str
    title: str


class Claim(Result):
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

    @model_validator(mode="after")
    def _has_its_kind(self) -> Self:
        if not self.id.startswith(f"{self.step}."):
            raise ValueError(f"{self.id}: does not belong to step {self.step}")
        if self.kind == "text":
            if not self.value.strip():
                raise ValueError(f"{self.id}: empty statement")
            return self
        try:
            low, high = printed_bounds(self.value)
        except InputError as error:
            raise ValueError(f"{self.id}: {error.what}") from error
        if (low == high) != (self.kind == "zero"):
            raise ValueError(f"{self.id}: {self.value} is not a {self.kind}")
        return self


class Document(Result):
    """The whole claims file."""

    schema_: Literal[1] = Field(alias="schema")
    sources: dict[str, str]
    steps: dict[int, Heading]
    claims: tuple[Claim, ...] = ()

    def claims_of(self, step: int) -> list[Claim]:
        """The claims of a step, in the order of the document."""
        return [claim for claim in self.claims if claim.step == step]

    @model_validator(mode="after")
    def _points_to_what_is_there(self) -> Self:
        names = Counter(claim.id for claim in self.claims)
        for claim in self.claims:
            if names[claim.id] > 1:
                raise ValueError(f"{claim.id}: stands twice")
            if claim.step not in self.steps:
                raise ValueError(f"{claim.id}: there is no step {claim.step}")
            if claim.source.document not in self.sources:
                raise ValueError(f"{claim.id}: unknown source {claim.source.document!r}")
            for other in filter(None, (*claim.mean_of, claim.refers_to)):
                if other not in names or other == claim.id:
                    raise ValueError(f"{claim.id}: points to {other!r}, which is no other claim")
        return self


@cache
def load_document(path: Path = CLAIMS_FILE) -> Document:
    """Read and check the claims file, once a process.

    Raises:
        InputError: not readable, or a claim is malformed, doubled, or points nowhere.
    """
    try:
        return Document.model_validate(shipped(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise InputError(f"claims file, {first_error(error)}", where=path) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"claims file: {error}", where=path) from error


def load_claims(path: Path = CLAIMS_FILE) -> dict[str, Claim]:
    """id -> claim, in the order of the document. Raises as ``load_document``."""
    return {claim.id: claim for claim in load_document(path).claims}


def printed_bounds(text: str) -> tuple[Decimal, Decimal]:
    """The numbers that print as ``text``: half a unit of the last printed digit to each side.

    A printed zero is exactly zero: the program that printed it (``reprod_log``) prints every digit of a number.

    Raises:
        InputError: ``text`` is not a finite decimal number.
    """
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
