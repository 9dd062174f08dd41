"""Which published files stand behind which documented claim: ``manifest.yaml``, checked, one entry per claim."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from repro.claims import Claim
from repro.config.yaml_text import shipped
from repro.errors import InputError
from repro.results import Result

MANIFEST = Path(__file__).with_name("manifest.yaml")


class Entry(Result):
    """One entry of the manifest; its header comment says what the fields mean."""

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
        """The two files that a path with ``*`` means: reference, port."""
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
        content = path.read_text(encoding="utf-8")
        return TypeAdapter(tuple[Entry, ...]).validate_python(shipped(content))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(f"manifest of the published files: {error}", where=path) from error


def entries_by_claim(claims: dict[str, Claim], entries: tuple[Entry, ...]) -> dict[str, Entry]:
    """claim id -> its entry, with the key filled in; claims without files are left out.

    Raises:
        InputError: an entry names no claim.
    """
    by_claim: dict[str, Entry] = {}
    for entry in entries:
        prefix = entry.claims.removesuffix("*")
        group = prefix != entry.claims
        names = [name for name in claims if (name.startswith(prefix) if group else name == prefix)]
        if not names:
            raise InputError(f"manifest: no claim {entry.claims}", where=MANIFEST)
        for name in names:
            key = name.removeprefix(prefix) if group else entry.key
            by_claim[name] = entry.replace(key=key)
    return by_claim
