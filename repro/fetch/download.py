"""Fetching pinned files: resumed where a download broke off, verified before they get their names.

Kept by hand on ``requests``: pooch neither resumes nor knows git blob ids; huggingface_hub resumes and takes a mirror
only for the hub, where few of these files are, and does not check their bytes.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from filelock import FileLock, Timeout

from repro.errors import EnvironmentFault, InputError, ReproError
from repro.fetch.pins import EVIDENCE, Pin
from repro.fetch.verify import WrongBytesError, cache_dir, verify
from repro.progress import track

ATTEMPTS = 5
FIRST_WAIT = 1.0  # seconds; doubles with every further attempt
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds without a byte
BLOCK = 1 << 16
REASONS = (
    (requests.exceptions.SSLError, "its certificate is not trusted on this machine"),
    (requests.exceptions.ProxyError, "the proxy refuses or is not there"),
    (requests.Timeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the transfer was cut off"),
    (requests.ConnectionError, "no connection"),
)


class _TransientError(Exception):
    """A failure that another attempt may mend."""


@dataclass(frozen=True)
class _Fetcher:
    """One session of requests, to the public hosts or to a mirror."""

    session: requests.Session
    mirror: str | None

    def size(self, response: requests.Response, pin: Pin, partial: Path, start: int) -> tuple[int, int | None]:
        """Where a response's body starts in the file, and the size of the whole file if the server says it."""
        status, headers = response.status_code, response.headers
        if status in (206, 416):
            part = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", headers.get("Content-Range", ""))
            first, total = (int(part[1] or start), int(part[2])) if part else (-1, -1)
            if first != start or total < start or (status == 416 and total != start):
                partial.unlink(missing_ok=True)
                raise _TransientError("the server's part does not continue the partial file")
            return start, total
        if status in (408, 429) or status >= 500:
            raise _TransientError(f"the server answered {status} {response.reason}")
        if status != 200:
            what = f"{pin.name} cannot be fetched: the server answered {status} {response.reason}"
            next_step = ("check the address of the mirror, or " if self.mirror else "") + pin.otherwise()
            raise InputError(what, where=response.url, next_step=next_step)
        encoded = headers.get("Content-Encoding", "identity") != "identity"
        length = headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() and not encoded else None

    def transfer(self, pin: Pin, partial: Path) -> None:
        """One attempt at a file, or at the rest of it."""
        start = partial.stat().st_size if partial.exists() else 0
        # Without compression: sizes and ranges have to be those of the file.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self.session.get(pin.url(self.mirror), headers=headers, stream=True, timeout=TIMEOUT) as response:
            start, total = self.size(response, pin, partial, start)
            if start and start == total:
                return
            blocks: Iterable[bytes] = response.iter_content(BLOCK)
            if total:
                count = -(-(total - start) // BLOCK)
                blocks = track(blocks, total=count, title=f"fetch {pin.name} (blocks of 64 KiB)")
            with partial.open("ab" if start else "wb") as file:
                for block in blocks:
                    file.write(block)
                    file.flush()  # a killed process keeps what arrived
                os.fsync(file.fileno())
        size = partial.stat().st_size
        if total is not None and size != total:
            raise _TransientError(f"the transfer was cut off after {size} of {total} bytes")

    def persist(self, pin: Pin, partial: Path) -> None:
        """Attempts until the file is complete, waiting twice as long after each."""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_WAIT * 2 ** (attempt - 1))
            try:
                return self.transfer(pin, partial)
            except _TransientError as error:
                reason = str(error)
            except requests.RequestException as error:
                reason = next((text for kind, text in REASONS if isinstance(error, kind)), str(error))
        kept = f"; {partial.stat().st_size} bytes are kept for the next try" if partial.exists() else ""
        what = f"cannot fetch {pin.name}: {reason} ({ATTEMPTS} attempts){kept}"
        raise EnvironmentFault(what, where=pin.url(self.mirror), next_step=pin.otherwise())

    def obtain(self, pin: Pin, target: Path) -> None:
        """Fetch a file under a partial name, verify it, and only then give it its name."""
        partial = target.with_name(f"{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        for resumed in (partial.exists(), False):
            self.persist(pin, partial)
            try:
                verify(pin, partial, where=pin.url(self.mirror))
                break
            except WrongBytesError:
                partial.unlink()
                if not resumed:  # else the partial file may have been the start of another: once more, from nothing
                    raise
        partial.replace(target)


def fetch(pins: Sequence[Pin], destination: Path, *, mirror: str | None = None, keep_folders: bool = False) -> None:
    """Bring pinned files into a folder; those that are there already are verified, not fetched again.

    Args:
        mirror: base address with the same paths below it as the public host.
        keep_folders: every file keeps its path in the repository, instead of its name alone.

    Raises:
        InputError: a file is not there at its pinned address, or holds other bytes than pinned or recorded.
        EnvironmentFault: no connection, the transfer keeps breaking off, or the disk cannot be written.
    """
    if mirror is not None and not mirror.startswith(("http://", "https://")):
        raise InputError(f"not the address of a mirror: {mirror}", next_step="--mirror https://HOST/PATH")
    # Two processes would overwrite each other's partial files. The lock lies in the cache, where no one lists it.
    lock = cache_dir() / "locks" / hashlib.sha256(str(destination.resolve()).encode()).hexdigest()[:32]
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0), requests.Session() as session:
            fetcher = _Fetcher(session, mirror)
            for pin in pins:
                target = destination / (pin.path if keep_folders else pin.name)
                if target.exists():
                    verify(pin, target, where=target)
                else:
                    fetcher.obtain(pin, target)
    except ReproError:
        raise
    except Timeout as error:
        what = "another process is fetching into this folder"
        raise EnvironmentFault(what, where=destination, next_step="wait until it is done") from error
    except OSError as error:
        raise EnvironmentFault(f"cannot write: {error.strerror or error}", where=destination) from error


def fetch_cached(kind: str, pins: Sequence[Pin], *, mirror: str | None = None, keep_folders: bool = False) -> Path:
    """``fetch`` into the cache; returns the folder of this kind and revision."""
    folder = cache_dir() / kind / pins[0].revision
    fetch(pins, folder, mirror=mirror, keep_folders=keep_folders)
    return folder


def fetch_evidence(mirror: str | None = None) -> Path:
    """The published dumps and logs in the cache, fetched or verified; returns their folder. Raises as ``fetch``."""
    return fetch_cached("evidence", EVIDENCE, mirror=mirror, keep_folders=True)
