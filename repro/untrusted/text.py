"""Text that people hand in: what lies in a file's place instead of it, and JSON that holds characters only."""

import json
import re
from pathlib import Path
from typing import Any

from repro.errors import InputError

_HEAD = 512
# What the first bytes of a file look like, what the file then is, and what to do.
_STAND_INS = (
    (rb"version https?://\S*git-lfs", "a Git LFS pointer that stands for the file", "git lfs pull"),
    (rb"\S*annex/objects/", "a git-annex pointer that stands for the file", "git annex get"),
    (rb"<(!doctype|html|head|\?xml|!--)", "an HTML page, saved instead of the file", "fetch the file itself again"),
    (rb"((404|401|403): )?(\w+ )?not found\s*$", "an error message, saved instead of the file", "fetch it again"),
)


def refuse_stand_in(path: Path) -> None:
    """Refuse a file that only stands for the one that was meant.

    Raises:
        InputError: it is a pointer of Git LFS or git-annex, an HTML page or a server's error message; or it cannot be
            read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise InputError(f"cannot read the file: {error.strerror or error}", where=path) from error
    for pattern, what, next_step in _STAND_INS:
        if re.match(pattern, head, re.IGNORECASE):
            raise InputError(f"this is {what}", where=path, next_step=next_step)


def reason(error: Exception | str) -> str:
    """What a library says of a file, in one line; nothing about a file is unexpected."""
    return re.sub(r"\bunexpected ", "", " ".join(str(error).split()), flags=re.IGNORECASE)


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises:
        ValueError: one line that says why it is none, or that it holds half of a surrogate pair: ``\\ud800`` alone is
            no character, and no file could be written with it.
    """
    try:
        value = json.loads(data.decode("utf-8"))
        if b"\\ud" in data.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text: {reason(error)}") from None
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(f"half of a surrogate pair ({half}) stands alone in a text, which is no character") from None
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if error.doc.count("\n") < 2 else f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"not valid JSON: {reason(error.msg)} ({place})") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {reason(error)}") from None


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a small file such as a configuration; ``what`` names it in messages.

    Raises:
        InputError: the file cannot be read, stands for another one, or holds something else.
    """
    refuse_stand_in(path)
    try:
        content = parse_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
        json.dumps(content, allow_nan=False)
    except OSError as error:
        raise InputError(f"cannot read the {what}: {error.strerror or error}", where=path) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot read the {what}: {reason(error)}", where=path) from error
    if not isinstance(content, dict):
        raise InputError(f"{what} is no JSON object", where=path)
    return content
