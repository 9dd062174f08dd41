"""Whether a file holds the pinned bytes: by git blob id, or by the sha256 that was recorded on first use."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from repro.errors import InputError
from repro.fetch.pins import Pin
from repro.paths import atomic_text, sha256_file


class WrongBytesError(InputError):
    """A file is there, but its bytes are not the pinned or recorded ones."""


def cache_dir() -> Path:
    """``$REPRO_CACHE``, else ``$XDG_CACHE_HOME/repro``, else ``~/.cache/repro``."""
    if own := os.environ.get("REPRO_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "repro"


def git_blob_id(path: Path) -> str:
    """What ``git hash-object`` prints: sha1 of ``blob``, the length, a zero byte, and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def record_of(pin: Pin) -> Path:
    """Where the sha256 of a file without a known id is recorded (in ``sha256sum``'s format)."""
    return cache_dir() / "sha256" / pin.repository / pin.revision / f"{pin.path}.sha256"


def _recorded(pin: Pin) -> str | None:
    record = record_of(pin)
    try:
        words = record.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the recorded sha256: {error}", where=record) from error
    if len(words) != 2 or len(words[0]) != 64:
        raise InputError("the recorded sha256 is damaged", where=record, next_step=f"rm {record}")
    return words[0]


def verify(pin: Pin, path: Path, *, where: object) -> str:
    """Check that ``path`` holds the pinned bytes; without an id and a record, its sha256 is recorded.

    Args:
        where: what a message names: the address or the file from which the bytes came.

    Returns:
        How it was checked, for the record of the run.

    Raises:
        WrongBytesError: the bytes are others.
        InputError: the record cannot be read.
    """
    if pin.blob is not None:
        if (found := git_blob_id(path)) != pin.blob:
            what = f"{pin.name} is not the pinned file: git blob id {found}, expected {pin.blob}"
            raise WrongBytesError(what, where=where, next_step=pin.otherwise())
        return f"git blob id {pin.blob}"
    found = sha256_file(path)
    if (recorded := _recorded(pin)) is None:
        atomic_text(record_of(pin), f"{found}  {pin.name}\n")
        return f"sha256 {found}, recorded now on first use"
    if found != recorded:
        what = f"{pin.name} has changed since its first use: sha256 {found}, recorded {recorded}"
        raise WrongBytesError(what, where=where, next_step=f"{pin.otherwise()}; recorded in {record_of(pin)}")
    return f"sha256 {found}, as recorded"
