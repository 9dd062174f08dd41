"""One regular file: opened without waiting, read without asking for more than is left of it.

What becomes Python objects is copied, and bounded; the data of arrays stay in the file, which is mapped into memory.
"""

import contextlib
import io
import mmap
import os
import stat
import tempfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from repro.errors import InputError

Result = TypeVar("Result")
MAX_COPIED = 64 << 20  # bytes of one file that become Python objects; the data of arrays do not
MAX_UNPACKED = 8 << 30  # bytes that one compressed file may unfold to, on disk
_SHOWN = 200
_SMALL = 1 << 12  # what is shorter costs less to copy than to map


class Refused(Exception):
    """Why a file is not read, in one line."""


class Source(io.BufferedReader):
    """A file whose ``read`` never reserves memory for a length that the file does not have."""

    size = 0
    copied = 0
    _mapped: memoryview | None = None

    @classmethod
    def within(cls, data: bytes | bytearray | memoryview) -> "Source":
        """A file that lies in another one."""
        source = cls(io.BytesIO(data))
        source.size, source._mapped = len(data), memoryview(data)
        return source

    @property
    def left(self) -> int:
        """Bytes from here to the end."""
        return max(0, self.size - self.tell())

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file, up to ``MAX_COPIED`` bytes in all.

        Raises:
            Refused: more would be copied.
        """
        if size is None or not 0 <= size <= _SMALL:  # nearly every call is for less: one or two for each pickle opcode
            size = self.left if size is None or size < 0 else min(size, self.left)
        self.copied += size
        if self.copied > MAX_COPIED:
            raise Refused(f"more than {MAX_COPIED >> 20} MiB outside of arrays")
        return super().read(size)

    def byte(self) -> bytes:
        """The next byte, or none at the end. For what bounds the number of its calls, which count as nothing copied."""
        return super().read(1)

    def exactly(self, size: int, what: str) -> bytes:
        """``size`` bytes, or ``Refused`` before any memory is used."""
        self._require(size, what)
        return self.read(size)

    def window(self, size: int, what: str) -> bytes | memoryview:
        """The next ``size`` bytes, where they are many as a read-only view of the mapped file.

        A file that is cut off while it is mapped ends the process; evidence does not change while it is audited.

        Raises:
            Refused: the file has fewer.
        """
        self._require(size, what)
        if size <= _SMALL:
            return super().read(size)
        if self._mapped is None:
            self._mapped = memoryview(mmap.mmap(self.fileno(), 0, access=mmap.ACCESS_READ))
        start = self.tell()
        self.seek(start + size)
        return self._mapped[start : start + size]

    def release(self) -> None:
        """Give back the memory of what was read of the mapped file."""
        if self._mapped is not None and isinstance(self._mapped.obj, mmap.mmap):
            self._mapped.obj.madvise(mmap.MADV_DONTNEED)

    @contextlib.contextmanager
    def part(self, size: int, what: str) -> Iterator[None]:
        """Within the block the file ends after the next ``size`` bytes."""
        self._require(size, what)
        whole, self.size = self.size, self.tell() + size
        try:
            yield
        finally:
            self.size = whole

    def _require(self, size: int, what: str) -> None:
        if size > self.left:
            raise Refused(f"{what} wants {size} bytes, the file has {self.left} left")


@contextlib.contextmanager
def unpacked(blocks: Iterable[bytes]) -> Iterator[Source]:
    """A file without a name that holds the blocks of a compressed one, so that they need no memory.

    Raises:
        Refused: more than ``MAX_UNPACKED`` bytes.
    """
    with tempfile.TemporaryFile(buffering=0) as raw, Source(raw) as source:
        for block in blocks:
            source.size += len(block)
            if source.size > MAX_UNPACKED:
                raise Refused(f"unfolds to more than {MAX_UNPACKED >> 30} GiB")
            raw.write(block)
        source.seek(0)
        yield source


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


def decoded(data: bytes) -> str:
    """A text in UTF-8, or in UTF-16 where its byte order mark says so; bytes that are neither are replaced."""
    return data.decode("utf-16" if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig", errors="replace")


def read_text(path: Path, max_bytes: int) -> str:
    """Text of a file, without its byte order mark.

    Raises:
        InputError: as ``read_file``.
    """
    return read_file(path, lambda source: decoded(source.read()), max_bytes=max_bytes)
