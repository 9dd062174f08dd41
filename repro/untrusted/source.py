"""One regular file of bounded size: opened without waiting, read without asking for more than is left of it."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from repro.errors import InputError

Result = TypeVar("Result")
_SHOWN = 200
_SMALL = 1 << 16


class Refused(Exception):
    """Why a file is not read, in one line."""


class Source(io.BufferedReader):
    """A file whose ``read`` never reserves memory for a length that the file does not have."""

    size = 0

    @property
    def left(self) -> int:
        """Bytes from here to the end."""
        return max(0, self.size - self.tell())

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and 0 <= size <= _SMALL:  # nearly every call, one or two for each pickle opcode
            return super().read(size)
        return super().read(self.left if size is None or size < 0 else min(size, self.left))

    def exactly(self, size: int, what: str) -> bytes:
        """``size`` bytes, or ``Refused`` before any memory is used."""
        if size > self.left:
            raise Refused(f"{what} wants {size} bytes, the file has {self.left} left")
        return self.read(size)


def shown(text: str) -> str:
    """A text of the file for a message: printable ASCII, cut to one short line."""
    escaped = ascii(text[: _SHOWN + 1])[1:-1]
    return escaped if len(escaped) <= _SHOWN else escaped[:_SHOWN] + "..."


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)  # otherwise, opening a pipe waits for a writer


def read_file(
    path: Path,
    read: Callable[[Source], Result],
    *,
    max_bytes: int,
    cannot: str = "cannot read file",
    refused: str = "not a readable file",
    next_step: str | None = None,
) -> Result:
    """What ``read`` makes of the file.

    Args:
        cannot, refused: how a message begins, about the file system and about the content.

    Raises:
        InputError: whatever went wrong, in one line. Nothing else escapes, whatever the bytes are.
    """
    try:
        with Source(io.FileIO(path, opener=_open)) as source:
            status = os.fstat(source.fileno())  # of the path, it could be that of another file by now
            if not stat.S_ISREG(status.st_mode):
                raise Refused("not a regular file but a pipe, socket or device")
            if status.st_size > max_bytes:
                raise Refused(f"larger than {max_bytes} bytes")
            source.size = status.st_size
            return read(source)
    except Refused as error:
        why = f"{refused}: {error}"
    except OSError as error:
        why = f"{cannot}: {error.strerror or error}"
    except MemoryError:
        why = f"{refused}: it takes more memory than there is"
    except Exception as error:  # a hostile file may cause anything; all of it means the same
        why = f"{refused}: {shown(str(error) or type(error).__name__)}"
    # Raised outside, so that a stored error does not keep the frames of the reading, and with them the data, alive.
    raise InputError(why, where=path, next_step=next_step)


def read_text(path: Path, max_bytes: int) -> str:
    """Text of a file, bytes that are no UTF-8 replaced.

    Raises:
        InputError: as ``read_file``.
    """
    return read_file(path, lambda source: source.read().decode("utf-8", errors="replace"), max_bytes=max_bytes)
