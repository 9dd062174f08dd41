"""What a dump or a training depends on, as short hashes."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from repro.paths import PACKAGE


@functools.cache
def source_fingerprint(sources: tuple[str, ...], without: str = "") -> str:
    """Hash over the names and contents of source files.

    Args:
        sources: folders and files below the package.
        without: a backend whose files do not count.
    """
    found = hashlib.sha256()
    for name in sources:
        place = PACKAGE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            relative = path.relative_to(PACKAGE)
            if not without or relative.parts[:2] != ("backends", without):
                found.update(f"{relative}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:32]


def digest(value: Any) -> str:
    """Hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
