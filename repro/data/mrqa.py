"""MRQA few-shot files: a header line, then one JSON document a line.

Semantics of the original's ``finetuning/mrqa_processor.py``: words and their character offsets come from the
file, an answer is the words of its first token span joined by spaces, and its place follows from the first
character span. A question that does not yet end in `` [MASK].`` gets that ending, so that raw and prepared files
read the same.
"""

import gzip
import json
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import InputError

QUESTION_ENDING = " [MASK]."
_GZIP_MAGIC = b"\x1f\x8b"
_FORMAT_HINT = "expected a header line, then one MRQA document a line with: context, context_tokens, qas"


@dataclass(frozen=True)
class Example:
    """One question about one context.

    Attributes:
        qas_id: the question's ``id``, or its ``qid`` where it has none.
        question_text: the question, ending in `` [MASK].``.
        doc_tokens: words of the context; questions about one context share one tuple.
        answer_text: training only: words of the first answer's first token span, joined by spaces.
        start_position: training only: word number of the answer's first character, otherwise 0.
        end_position: training only: word number (inclusive) of its last character, otherwise 0.
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
        training: read the first detected answer's place; otherwise the texts of all detected answers.

    Raises:
        InputError: file missing, empty, not text or cut off; bad JSON; a missing key; an answer outside its
            context; an id that occurs twice. The message names file and line.
    """
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
                if example.qas_id in seen:
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
    """(line number from 1, line) of a plain or gzip-compressed file."""
    try:
        with path.open("rb") as plain:
            compressed = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            yield from enumerate(gzip.GzipFile(fileobj=plain) if compressed else plain, 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"compressed file is damaged or cut off: {error}", where=path, next_step="fetch the file again"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read data file: {error.strerror or error}", where=path) from error


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _MalformedError(f"not UTF-8 text: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"not valid JSON: {error}") from None


def _check_header(path: Path, number: int, line: bytes) -> None:
    """Refuse a first line that is no header (an object, or as in ``dev_qass_50.jsonl`` a list of one)."""
    try:
        value = _parse(line)
    except _MalformedError as error:
        raise InputError(str(error), where=f"{path}, line {number}", next_step=_FORMAT_HINT) from None
    header = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(header, dict) or "header" not in header:
        raise InputError("first line is not a header", where=f"{path}, line {number}", next_step=_FORMAT_HINT)


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
        if not training:
            texts = tuple(_answer_text(answer, words, what) for answer in detected)
            yield Example(qas_id, question, words, answers=texts)
            continue
        if not detected:
            raise _MalformedError(f"{what} has no detected answer to train on")
        text = _answer_text(detected[0], words, what)
        place, _ = _span(detected[0], "char_spans", bounds[-1], what)
        last = min(place + len(text) - 1, bounds[-1] - 1)
        yield Example(qas_id, question, words, text, _word_at(bounds, place), _word_at(bounds, last))


def _answer_text(answer: Any, words: tuple[str, ...], what: str) -> str:
    first, last = _span(answer, "token_spans", len(words), what)
    return " ".join(words[first : last + 1])


def _word_at(bounds: list[int], character: int) -> int:
    return bisect_right(bounds, character) - 1
