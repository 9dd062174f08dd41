"""Checks that a file holds the pinned bytes: by git blob id, or by the sha256 recorded on first use."""

import hashlib
import os
from pathlib import Path

from repro.config.paths import atomic_text, sha256_file
from repro.errors import EnvironmentFault, InputError
from repro.fetch.pins import Pin
from repro.machine.home import home


class WrongBytesError(InputError):
    """A file is there, but its bytes are not the pinned or recorded ones."""


def cache_dir() -> Path:
    """``$REPRO_CACHE``, else ``$XDG_CACHE_HOME/repro``, else ``~/.cache/repro``.

    Raises:
        EnvironmentFault: none of them is known.
    """
    if cache := os.environ.get("REPRO_CACHE"):
        return Path(cache)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "repro"
    if (folder := home()) is None:
        what = "no folder for downloads: this user has no home folder"
        raise EnvironmentFault(what, where="HOME", next_step="set REPRO_CACHE to a folder that can be written")
    return folder / ".cache" / "repro"


def git_blob_id(path: Path) -> str:
    """What ``git hash-object`` prints: sha1 of ``blob``, the length, a zero byte, and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def record_of(pin: Pin) -> Path:
    """Where the sha256 of a file without a known id is recorded (in ``sha256sum``'s format)."""
    return cache_dir() / "sha256" / pin.repository / pin.revision / f"{pin.path}.sha256"


def recorded_sha256(pin: Pin) -> str | None:
    """The sha256 that the first use of a pinned file recorded; None before it. Raises InputError if it is damaged."""
    record = record_of(pin)
    if not record.exists():
        return None
    words = record.read_text(encoding="ascii", errors="replace").split()
    if len(words) != 2 or len(words[0]) != 64:
        raise InputError("the recorded sha256 is damaged", where=record, next_step=f"rm {record}")
    return words[0]


def verify(pin: Pin, path: Path, *, where: object) -> None:
    """Check that ``path`` holds the pinned bytes; the first time, a file without a blob id has its sha256 recorded.

    Args:
        where: where the bytes came from, for messages: an address or a file.

    Raises:
        WrongBytesError: the bytes are others.
        InputError: the record is damaged.
    """
    if pin.blob is not None:
        if (blob := git_blob_id(path)) != pin.blob:
            what = f"{pin.name} is not the pinned file: git blob id {blob}, expected {pin.blob}"
            raise WrongBytesError(what, where=where, next_step=pin.otherwise())
        return
    sha256 = sha256_file(path)
    if (recorded := recorded_sha256(pin)) is None:
        atomic_text(record_of(pin), f"{sha256}  {pin.name}\n")
    elif sha256 != recorded:
        what = f"{pin.name} has changed since its first use: sha256 {sha256}, recorded {recorded}"
        raise WrongBytesError(what, where=where, next_step=f"{pin.otherwise()}; recorded in {record_of(pin)}")
