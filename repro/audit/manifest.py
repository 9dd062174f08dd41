"""Which published files stand behind which documented claim: ``manifest.yaml``, checked, one entry per claim."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from repro.claims import Claim
from repro.errors import InputError

MANIFEST = Path(__file__).with_name("manifest.yaml")


class Entry(BaseModel):
    """One entry of the manifest; its header comment says what the fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claims: str
    pair: str | None = None
    key: str | None = None
    logs: tuple[str, ...] = ()
    below: dict[str, int] = Field(default_factory=dict)
    count: int | None = None
    derive: Literal["part", "product", "cross_entropy", "schedule", "equal_arrays"] | None = None
    index: int | None = None
    length: int | None = None
    arrays: str | None = None
    inputs: str | None = None
    values: str | None = None

    def sides(self, name: str) -> tuple[str, str]:
        """The two files that a path with ``*`` stands for: reference, port."""
        return name.replace("*", "torch"), name.replace("*", "paddle")

    def files(self) -> list[str]:
        """Every file that the entry names."""
        pairs = [side for name in (self.pair, self.arrays) if name for side in self.sides(name)]
        return [*pairs, *(path for path in (self.inputs, self.values) if path), *self.logs]


@cache
def load_entries(path: Path = MANIFEST) -> tuple[Entry, ...]:
    """Entries of a manifest.

    Raises:
        InputError: not readable, or an entry is malformed.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(tuple[Entry, ...]).validate_python(content)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"manifest of the published files: {error}", where=path) from error


def entries_by_claim(claims: dict[str, Claim], entries: tuple[Entry, ...]) -> dict[str, Entry]:
    """claim id -> its entry, with the key filled in; claims without files are left out.

    Raises:
        InputError: an entry names no claim.
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        prefix = entry.claims.removesuffix("*")
        meant = [
            name for name in claims if name == entry.claims or (prefix != entry.claims and name.startswith(prefix))
        ]
        if not meant:
            raise InputError(f"manifest: no claim {entry.claims}", where=MANIFEST)
        for name in meant:
            key = name.removeprefix(prefix) if prefix != entry.claims else entry.key
            found[name] = entry.model_copy(update={"key": key})
    return found
