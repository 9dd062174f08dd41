"""Reading MRQA files, well-formed and not."""

import bz2
import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.data.mrqa import read_examples
from repro.errors import InputError
from tests.data.samples import HEADER, document, write_file
from tests.draws import draws

TEXT = "In 1918 the great king was born near a river ."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def changed(**changes: Any) -> dict[str, Any]:
    """A document with keys of its question replaced, or left out where the value is None."""
    doc = document(TEXT)
    qa = doc["qas"][0] | changes
    doc["qas"] = [{key: value for key, value in qa.items() if value is not None}]
    return doc


def test_training_example(file: Path) -> None:
    write_file(file, HEADER, document(TEXT, answer="great king"))
    (example,) = read_examples(file, training=True)
    assert example.qas_id == "q1"
    assert example.question_text == "who was king? [MASK]."
    assert example.doc_tokens == tuple(TEXT.split())
    assert (example.answer_text, example.start_position, example.end_position) == ("great king", 3, 4)
    assert example.answers == ()


def test_evaluation_example_lists_the_first_place_of_each_answer(file: Path) -> None:
    places = [[[4, 4], [0, 0]], [[3, 4]]]
    answers = [{"text": "ignored", "char_spans": [], "token_spans": spans} for spans in places]
    write_file(file, HEADER, changed(detected_answers=answers))
    (example,) = read_examples(file, training=False)
    assert example.answers == ("king", "great king")
    assert (example.answer_text, example.start_position, example.end_position) == (None, 0, 0)


def test_evaluation_allows_a_question_without_answer(file: Path) -> None:
    write_file(file, HEADER, document(TEXT, answer=None))
    assert read_examples(file, training=False)[0].answers == ()


def test_variants_of_the_format(file: Path) -> None:
    """A header in a list, a question that is augmented already, ``qid`` without ``id``; compressed, it reads alike."""
    write_file(file, [HEADER], document(TEXT, "who? [MASK]."), changed(id=None, question="who?"))
    examples = read_examples(file, training=True)
    assert [example.question_text for example in examples] == ["who? [MASK]."] * 2
    assert [example.qas_id for example in examples] == ["q1", "long-q1"]
    packed = file.with_name("train.jsonl.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read_examples(packed, training=True) == examples


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\r\n"])
def test_lines_end_as_in_pythons_text_files(file: Path, end: str) -> None:
    """With which the original reads; an error names the line that an editor shows."""
    write_file(file, HEADER, document(TEXT), document(TEXT, name="q2"))
    expected = read_examples(file, training=True)
    text = file.read_text().replace("\n", end)
    file.write_bytes(text.encode())
    assert read_examples(file, training=True) == expected
    file.write_bytes(f"{text}{{broken".encode())
    with pytest.raises(InputError, match="not valid JSON") as caught:
        read_examples(file, training=True)
    assert str(caught.value.where).endswith(f"line {len(text.splitlines()) + 1}")


def test_ids_are_needed_once_where_answers_are_scored_by_them(file: Path) -> None:
    write_file(file, HEADER, document(TEXT, name="q0"), document(TEXT, name="q0"))
    assert len(read_examples(file, training=True)) == 2  # as the original trains
    with pytest.raises(InputError, match=r"already used in line 2\n.*line 3"):
        read_examples(file, training=False)


def test_questions_about_one_context_share_its_words(file: Path) -> None:
    doc = document(TEXT)
    doc["qas"].append(doc["qas"][0] | {"id": "q2"})
    write_file(file, HEADER, doc)
    first, second = read_examples(file, training=True)
    assert first.doc_tokens is second.doc_tokens


def spans(token: Any = ((4, 4),), char: Any = ((18, 21),)) -> dict[str, Any]:
    return changed(detected_answers=[{"char_spans": char, "token_spans": token}])


MALFORMED = {
    "bad JSON": ("{broken", "not valid JSON"),
    "deep JSON": ("[" * 100_000, "not valid JSON"),
    "not an object": ([1], "document is not an object"),
    "no context": ({"context_tokens": [["In", 0]], "qas": []}, "no key 'context'"),
    "no tokens": ({**document(TEXT), "context_tokens": []}, "no tokens"),
    "odd token": ({**document(TEXT), "context_tokens": [["In"]]}, "context token 0 is not"),
    "overlap": ({**document(TEXT), "context_tokens": [["In", 0], ["1918", 1]]}, "context token 1"),
    "qas no list": ({**document(TEXT), "qas": {}}, "'qas' is not a list"),
    "no id": (changed(id=None, qid=None), "no key 'qid'"),
    "number for id": (changed(id=7), "'id' is not a str"),
    "no question": (changed(question=None), "no key 'question'"),
    "no answer list": (changed(detected_answers=None), "no key 'detected_answers'"),
    "nothing detected": (changed(detected_answers=[]), "no detected answer"),
    "token past the end": (spans(token=[[4, 11]]), r"token_spans \[4, 11\] lies outside the context \(0 to 10\)"),
    "token before the start": (spans(token=[[-1, 4]]), "outside the context"),
    "token span reversed": (spans(token=[[4, 3]]), "outside the context"),
    "character past the end": (spans(char=[[46, 46]]), r"char_spans \[46, 46\] lies outside"),
    "no span": (spans(char=[]), "'char_spans' is not a list of"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_document_is_named_with_its_line(file: Path, case: str) -> None:
    line, message = MALFORMED[case]
    write_file(file, HEADER, document(TEXT, name="q0"), line)
    with pytest.raises(InputError, match=message) as caught:
        read_examples(file, training=True)
    assert f"{file}, line 3" in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b'{"header": 1}\n', "no question"),
        (b'{"header": 1}\n\n', "no question"),
        (json.dumps(document(TEXT)).encode() + b"\n", "no header but a document already"),
        (json.dumps([HEADER, document(TEXT)]).encode(), "no header but a JSON array"),
        (json.dumps([HEADER, document(TEXT)], indent=1).encode(), "one JSON value is spread over the lines"),
        (b'{"version": "1.1", "data": []}', "SQuAD's own format"),
        (b"PK\x03\x04\x00", "a zip archive"),
        (gzip.compress(bz2.compress(b"{}"), mtime=0), "a bzip2 archive"),
        (json.dumps(HEADER).encode() + b"\n{'a': 1}", r"Expecting property name .* \(column 2\)\n.*line 2"),
        (b"\xff\xfe\n", "UTF-16 text"),
        (b"\xff\n", "not UTF-8"),
        (b"\x1f\x8bnonsense", "damaged or cut off"),
        (gzip.compress(json.dumps(HEADER).encode() * 50, mtime=0)[:-9], "damaged or cut off"),
    ],
)
def test_malformed_file_is_refused(file: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_examples(file, training=True)
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_examples(file, training=True)
    assert str(file) in str(caught.value)


@settings(max_examples=draws(80), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=8), st.integers(0, 3), st.data())
def test_every_character_belongs_to_its_word(
    tmp_path_factory: pytest.TempPathFactory, shape: list[tuple[int, int]], lead: int, data: st.DataObject
) -> None:
    """Against a table with one entry a character; blanks count to the word before them."""
    tokens: list[Any] = []
    place = lead
    for length, blanks in shape:
        tokens.append(["x" * length, place])
        place += length + blanks
    edges = [0, *(start for _, start in tokens[1:])]
    # The original counts a context of one word from 0 even where blanks precede it.
    edges.append(tokens[-1][1] + len(tokens[-1][0]) if len(tokens) > 1 else len(tokens[0][0]))
    table = [word for word, (low, high) in enumerate(pairwise(edges)) for _ in range(low, high)]
    start = data.draw(st.integers(0, len(table) - 1))
    answer = {"char_spans": [[start, start]], "token_spans": [[0, 0]]}
    qas = [{"id": "q", "question": "?", "detected_answers": [answer]}]
    doc = {"context": "x", "context_tokens": tokens, "qas": qas}
    file = write_file(tmp_path_factory.mktemp("mrqa") / "one.jsonl", HEADER, doc)
    (example,) = read_examples(file, training=True)
    end = min(start + len(tokens[0][0]) - 1, len(table) - 1)
    assert (example.start_position, example.end_position) == (table[start], table[end])


@pytest.mark.needs_shared
def test_raw_and_augmented_real_files_read_alike(shared: Path) -> None:
    stem = shared / "squad-few-shot" / "squad-train-seed-42-num-examples-16"
    raw, augmented = (read_examples(Path(f"{stem}{end}.jsonl"), training=True) for end in ("", "_qass"))
    assert len(raw) == 16 and raw == augmented


@pytest.mark.needs_shared
def test_every_real_file_reads(shared: Path) -> None:
    for file in sorted((shared / "squad-few-shot").glob("*.jsonl")):
        training = "train" in file.name
        examples = read_examples(file, training=training)
        assert len(examples) == (int(file.stem.split("num-examples-")[1].split("_")[0]) if training else 697)
