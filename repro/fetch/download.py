"""Fetching pinned files: resumed where a download broke off, verified before they get their names."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import requests

from repro.errors import EnvironmentFault, InputError, ReproError
from repro.fetch.pins import EVIDENCE, Pin
from repro.fetch.verify import WrongBytesError, cache_dir, verify
from repro.progress import track

ATTEMPTS = 5
FIRST_WAIT = 1.0  # seconds; doubles with every further attempt
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds without a byte
BLOCK = 1 << 16
MEBIBYTE = 1 << 20

Progress = Callable[..., Iterable[Any]]


@dataclass(frozen=True)
class Fetched:
    """A verified file and how it was verified."""

    pin: Pin
    path: Path
    check: str


class _TransientError(Exception):
    """A failure that another attempt may mend."""


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """One process at a time fetches into a folder: two would write over one another's partial files."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EnvironmentFault(
                "another process is fetching into this folder",
                where=folder,
                next_step="wait until it is done",
            ) from error
        yield
    finally:
        os.close(descriptor)


def _mebibytes(response: requests.Response, partial: Path, start: int) -> Iterator[int]:
    """Write the body; yield after every full mebibyte and at the end."""
    written = 0
    with partial.open("ab" if start else "wb") as file:
        for block in response.iter_content(BLOCK):
            file.write(block)
            file.flush()  # a killed process leaves what it got
            before, written = written, written + len(block)
            if written // MEBIBYTE > before // MEBIBYTE:
                yield written
        os.fsync(file.fileno())
        if written % MEBIBYTE:
            yield written


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted on this machine"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses or is not there"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer was cut off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error)


@dataclass(frozen=True)
class _Fetcher:
    """One session of requests, to the public hosts or to a mirror."""

    session: requests.Session
    mirror: str | None
    progress: Progress
    wait: Callable[[float], None]

    def plan(self, response: requests.Response, pin: Pin, partial: Path, have: int) -> tuple[int, int | None]:
        """Where a response's body starts in the file, and the size of the whole file if known."""
        status = response.status_code
        if status in (206, 416):
            found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", response.headers.get("Content-Range", ""))
            start, total = (int(found[1] or have), int(found[2])) if found else (-1, -1)
            if start != have or total < have or (status == 416 and total != have):
                partial.unlink(missing_ok=True)
                raise _TransientError("the server's part does not continue what is there")
            return have, total
        if status in (408, 429) or status >= 500:
            raise _TransientError(f"the server answered {status} {response.reason}")
        if status != 200:
            raise InputError(
                f"{pin.name} cannot be had: the server answered {status} {response.reason}",
                where=response.url,
                next_step=("check the address of the mirror, or " if self.mirror else "") + pin.otherwise(),
            )
        length = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        return 0, int(length) if length.isdigit() and not encoded else None

    def transfer(self, pin: Pin, partial: Path) -> None:
        """One attempt at a file, or at the rest of it."""
        have = partial.stat().st_size if partial.exists() else 0
        # compressed on the way, neither sizes nor ranges would be those of the file
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self.session.get(pin.url(self.mirror), headers=headers, stream=True, timeout=TIMEOUT) as response:
            start, total = self.plan(response, pin, partial, have)
            if start and start == total:
                return
            ticks: Iterable[Any] = _mebibytes(response, partial, start)
            if total:
                count = -(-(total - start) // MEBIBYTE)
                ticks = self.progress(ticks, total=count, title=f"fetch {pin.name} (MiB)")
            for _ in ticks:
                pass
        size = partial.stat().st_size
        if total is not None and size != total:
            raise _TransientError(f"the transfer was cut off after {size} of {total} bytes")

    def persist(self, pin: Pin, partial: Path) -> None:
        """Attempts until the file is complete, waiting twice as long after each."""
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.wait(FIRST_WAIT * 2 ** (attempt - 1))
            try:
                return self.transfer(pin, partial)
            except _TransientError as error:
                reason = str(error)
            except requests.RequestException as error:
                reason = _reason(error)
        kept = f"; {partial.stat().st_size} bytes are kept for the next try" if partial.exists() else ""
        raise EnvironmentFault(
            f"cannot fetch {pin.name}: {reason} ({ATTEMPTS} attempts){kept}",
            where=pin.url(self.mirror),
            next_step=pin.otherwise(),
        )

    def obtain(self, pin: Pin, target: Path) -> str:
        """Fetch a file under its partial name, verify it, and only then give it its own."""
        partial = target.with_name(f"{target.name}.partial")
        continued = partial.exists()
        while True:
            self.persist(pin, partial)
            try:
                check = verify(pin, partial, where=pin.url(self.mirror))
            except WrongBytesError:
                partial.unlink()
                if not continued:
                    raise
                continued = False  # what lay there may have begun something else: once more, from nothing
                continue
            partial.replace(target)
            return check


def fetch(
    pins: Sequence[Pin],
    destination: Path,
    *,
    mirror: str | None = None,
    progress: Progress = track,
    wait: Callable[[float], None] = time.sleep,
) -> list[Fetched]:
    """Bring pinned files into a folder; those that are there already are verified, not fetched again.

    Args:
        mirror: base address with the same paths below it as the public host.
        progress: called as ``repro.progress.track``.
        wait: sleeps between attempts.

    Returns:
        One entry per pin, in order.

    Raises:
        InputError: a file is not there at its pinned address, or holds other bytes than pinned or recorded.
        EnvironmentFault: no connection, the transfer keeps breaking off, or the disk cannot be written.
    """
    if mirror is not None and not mirror.startswith(("http://", "https://")):
        raise InputError(f"not the address of a mirror: {mirror}", next_step="--mirror https://HOST/PATH")
    fetched: list[Fetched] = []
    try:
        with _only_one(destination), requests.Session() as session:
            fetcher = _Fetcher(session, mirror, progress, wait)
            for pin in pins:
                target = destination / pin.name
                there = target.exists()
                check = verify(pin, target, where=target) if there else fetcher.obtain(pin, target)
                fetched.append(Fetched(pin, target, check))
    except ReproError:
        raise
    except OSError as error:
        raise EnvironmentFault(f"cannot write: {error.strerror or error}", where=destination) from error
    return fetched


def fetch_tree(pins: Iterable[Pin], destination: Path, *, mirror: str | None = None) -> Path:
    """As ``fetch``, but every file keeps its path in the repository; returns ``destination``."""
    folders: dict[PurePosixPath, list[Pin]] = {}
    for pin in pins:
        folders.setdefault(PurePosixPath(pin.path).parent, []).append(pin)
    for folder, members in folders.items():
        fetch(members, destination / folder, mirror=mirror)
    return destination


def fetch_evidence(mirror: str | None = None) -> Path:
    """The published dumps and logs in the cache, fetched or verified; returns their folder. Raises as ``fetch``."""
    return fetch_tree(EVIDENCE, cache_dir() / "evidence" / EVIDENCE[0].revision, mirror=mirror)
