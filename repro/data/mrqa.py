"""MRQA few-shot files: a header line, then one JSON document a line.

Semantics of the original's ``finetuning/mrqa_processor.py``: words and their character offsets come from the
file, an answer is the words of its first token span joined by spaces, and its place follows from the first
character span. A question that does not yet end in `` [MASK].`` gets that ending, so that raw and prepared files
read the same.
"""

import gzip
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import InputError
from repro.untrusted.text import parse_json, refuse_stand_in

QUESTION_ENDING = " [MASK]."
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_LINE = 1 << 28  # bytes: a thousand times the longest document of MRQA
_FORMAT_HINT = "expected a header line, then one MRQA document a line with: context, context_tokens, qas"
# What the first bytes of a file say of it, and what to do.
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (b"\xfd7zXZ", "an xz archive", "unpack it, or compress it with gzip"),
    (b"BZh", "a bzip2 archive", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it, or compress it with gzip"),
    (b"PAR1", "a Parquet table", "save it as JSON, one document a line"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8"),
)


@dataclass(frozen=True)
class Example:
    """One question about one context.

    Attributes:
        qas_id: the question's ``id``, or its ``qid`` where it has none.
        question_text: the question, ending in `` [MASK].``.
        doc_tokens: words of the context; questions about one context share one tuple.
        answer_text: words of the first answer's first token span, joined by spaces; None where an evaluation file
            does not say where its answer is.
        start_position: word number of that answer's first character; 0 without one.
        end_position: word number (inclusive) of its last character; 0 without one.
        answers: evaluation only: the text of each detected answer; empty if there is none.
    """

    qas_id: str
    question_text: str
    doc_tokens: tuple[str, ...]
    answer_text: str | None = None
    start_position: int = 0
    end_position: int = 0
    answers: tuple[str, ...] = ()


class _MalformedError(Exception):
    """What is wrong with a document; the line number is added where it is known."""


def read_examples(path: Path, *, training: bool) -> list[Example]:
    """All questions of a file, in the file's order.

    Args:
        path: ``.jsonl``, plain or gzip-compressed (recognised by content).
        training: every question needs the place of its first detected answer; otherwise the texts of all detected
            answers, and the place where the file has it. An evaluation file needs ids, by which it is scored.

    Raises:
        InputError: file missing, empty, not text, cut off or only a pointer to it; bad JSON; half of a surrogate pair;
            a missing key; an answer outside its context; in an evaluation file, an id that occurs twice. The message
            names file and line.
    """
    refuse_stand_in(path)
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise InputError("file is empty", where=path, next_step=_FORMAT_HINT)
    _check_header(path, *first)
    examples: list[Example] = []
    seen: dict[str, int] = {}
    for number, line in lines:
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            for example in _examples(_parse(line), training=training):
                if example.qas_id in seen and not training:
                    earlier = seen[example.qas_id]
                    raise _MalformedError(f"question id {example.qas_id!r} was already used in line {earlier}")
                seen[example.qas_id] = number
                examples.append(example)
        except _MalformedError as error:
            raise InputError(str(error), where=where, next_step=_FORMAT_HINT) from None
    if not examples:
        raise InputError("file holds no question", where=path, next_step=_FORMAT_HINT)
    return examples


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line) of a plain or gzip-compressed file; lines end as in Python's text files."""
    try:
        with path.open("rb") as plain:
            head = plain.read(8)
            plain.seek(0)
            file = gzip.GzipFile(fileobj=plain) if head.startswith(_GZIP_MAGIC) else plain
            if file is not plain:
                head = file.read(8)
                file.seek(0)
            for magic, what, next_step in _OTHER_FORMATS:
                if head.startswith(magic):
                    raise InputError(f"this is {what}, not JSON lines", where=path, next_step=next_step)
            number = 0
            while line := file.readline(_LONGEST_LINE):
                if len(line) == _LONGEST_LINE:
                    what = f"a line of more than {_LONGEST_LINE >> 20} MiB"
                    raise InputError(what, where=f"{path}, line {number + 1}", next_step=_FORMAT_HINT)
                for part in line.removesuffix(b"\n").removesuffix(b"\r").split(b"\r"):
                    number += 1
                    yield number, part
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"compressed file is damaged or cut off: {error}", where=path, next_step="fetch the file again"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read data file: {error.strerror or error}", where=path) from error


def _parse(line: bytes) -> Any:
    try:
        return parse_json(line)
    except ValueError as error:
        raise _MalformedError(str(error)) from None


def _check_header(path: Path, number: int, line: bytes) -> None:
    """Refuse a first line that is no header (an object, or as in ``dev_qass_50.jsonl`` a list of one).

    The original skips this line unread, and with it a byte order mark.
    """
    where, line = f"{path}, line {number}", line.removeprefix(_BYTE_ORDER_MARK).strip()
    if line in (b"[", b"{"):
        what = "the first line is no header: one JSON value is spread over the lines of this file"
        raise InputError(what, where=where, next_step=_FORMAT_HINT)
    try:
        value = _parse(line)
    except _MalformedError as error:
        raise InputError(str(error), where=where, next_step=_FORMAT_HINT) from None
    header = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(header, dict) and "header" in header:
        return
    what, next_step = "the first line is no header", _FORMAT_HINT
    if isinstance(value, list):
        what += " but a JSON array"
    elif isinstance(value, dict) and "context" in value:
        what += " but a document already, which the original would skip"
        next_step = 'put a line {"header": {}} before it'
    elif isinstance(value, dict) and "data" in value:
        what, next_step = "this is SQuAD's own format", f"convert it to MRQA's: {_FORMAT_HINT}"
    raise InputError(what, where=where, next_step=next_step)


def _need(holder: Any, key: str, kind: type, what: str) -> Any:
    """``holder[key]``, checked to be there and of its kind."""
    if not isinstance(holder, dict):
        raise _MalformedError(f"{what} is not an object")
    if key not in holder:
        raise _MalformedError(f"{what} has no key {key!r}")
    if not isinstance(holder[key], kind):
        raise _MalformedError(f"{what}: {key!r} is not a {kind.__name__}")
    return holder[key]


def _context_words(document: Any) -> tuple[tuple[str, ...], list[int]]:
    """Words of a context, and the first character of each followed by the end of the text.

    Characters between two words belong to the first of them, those before the first word to that word.
    """
    tokens = _need(document, "context_tokens", list, "document")
    if not tokens:
        raise _MalformedError("context has no tokens")
    words, bounds, end = [], [], 0
    for index, token in enumerate(tokens):
        match token:
            case [str(word), int(offset)]:
                pass
            case _:
                raise _MalformedError(f"context token {index} is not [text, character offset]")
        if index and offset < end:
            raise _MalformedError(f"context token {index} ({word!r}) starts inside the token before it")
        bounds.append(offset if index else 0)
        end = bounds[-1] + len(word)
        words.append(word)
    if len(words) == 1:  # the original counts its characters only, and fails where blanks precede them
        end += max(0, tokens[0][1])
    return tuple(words), [*bounds, end]


def _span(answer: Any, key: str, limit: int, what: str) -> tuple[int, int]:
    """First pair of ``answer[key]``, both ends inclusive and inside the context."""
    match _need(answer, key, list, what):
        case [[int(first), int(last)], *_]:
            if not 0 <= first <= last < limit:
                raise _MalformedError(f"{what}: {key} [{first}, {last}] lies outside the context (0 to {limit - 1})")
            return first, last
        case _:
            raise _MalformedError(f"{what}: {key!r} is not a list of [first, last]")


def _examples(document: Any, *, training: bool) -> Iterator[Example]:
    """Questions of one parsed document."""
    _need(document, "context", str, "document")
    words, bounds = _context_words(document)
    for qa in _need(document, "qas", list, "document"):
        qas_id = _need(qa, "id" if isinstance(qa, dict) and "id" in qa else "qid", str, "question")
        what = f"question {qas_id!r}"
        question = _need(qa, "question", str, what)
        if not question.endswith(QUESTION_ENDING):
            question += QUESTION_ENDING
        detected = _need(qa, "detected_answers", list, what)
        if training and not detected:
            raise _MalformedError(f"{what} has no detected answer to train on")
        if training:
            yield Example(qas_id, question, words, *_place(detected[0], words, bounds, what))
        else:
            texts = tuple(_answer_text(answer, words, what) for answer in detected)
            text, start, end = _place_if_any(detected, words, bounds)
            yield Example(qas_id, question, words, text, start, end, texts)


def _place(answer: Any, words: tuple[str, ...], bounds: list[int], what: str) -> tuple[str, int, int]:
    """Text of an answer, number of its first and of its last word."""
    text = _answer_text(answer, words, what)
    first, _ = _span(answer, "char_spans", bounds[-1], what)
    last = min(first + len(text), bounds[-1]) - 1
    return text, _word_at(bounds, first), _word_at(bounds, last % bounds[-1])


def _place_if_any(
    detected: list[Any], words: tuple[str, ...], bounds: list[int]
) -> tuple[str, int, int] | tuple[None, int, int]:
    """``_place`` of the first answer of an evaluation file, which need not have one."""
    try:
        return _place(detected[0], words, bounds, "")
    except (IndexError, _MalformedError):
        return None, 0, 0


def _answer_text(answer: Any, words: tuple[str, ...], what: str) -> str:
    first, last = _span(answer, "token_spans", len(words), what)
    return " ".join(words[first : last + 1])


def _word_at(bounds: list[int], character: int) -> int:
    return bisect_right(bounds, character) - 1
