"""The generated corpus: deterministic, consistent offsets, no name of the dev set anywhere else."""

import copy
import itertools
import json
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from repro.config.paths import sha256_file
from repro.data.corpus import DEV_FILE, SEEDS, SIZES, TRAIN_FILE, write_corpus
from repro.data.corpus.mrqa_files import DEV_QUESTIONS, documents
from repro.data.corpus.names import KINDS, SPLITS, cores
from repro.data.corpus.relations import relations

# Written down once; Python 3.11 and 3.12 give the same.
DEV_SHA256 = "baab34e5774018e78589aaec73fa5f3c7724ec198dbb17f47c3313bf78138816"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    directory = tmp_path_factory.mktemp("corpus")
    return directory, write_corpus(directory, seed=0)


def read(path: Path) -> list[dict[str, Any]]:
    header, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert set(header) == {"header"}
    return lines


def check_offsets(document: dict[str, Any]) -> None:
    """Characters, tokens and answers of one document agree; raises AssertionError."""
    context, tokens = document["context"], document["context_tokens"]
    assert all(context[offset : offset + len(token)] == token for token, offset in tokens)
    for qa in document["qas"]:
        assert all(qa["question"][offset : offset + len(token)] == token for token, offset in qa["question_tokens"])
        (answer,) = qa["detected_answers"]
        assert qa["answers"] == [answer["text"]]
        assert answer["char_spans"] and len(answer["char_spans"]) == len(answer["token_spans"])
        for (start, end), (first, last) in zip(answer["char_spans"], answer["token_spans"], strict=True):
            assert context[start : end + 1] == answer["text"]
            assert tokens[first][1] == start
            assert tokens[last][1] + len(tokens[last][0]) - 1 == end
            assert last - first < 10


@cache
def dev_cores() -> frozenset[str]:
    """All cores that only the dev set may use."""
    return frozenset(core for kind in KINDS for core in cores(kind, "dev"))


def leaks(text: str) -> frozenset[str]:
    """Dev names in a text; a core is one word or two."""
    words = re.findall(r"\w+", text)
    pairs = [" ".join(pair) for pair in itertools.pairwise(words)]
    return dev_cores().intersection(words + pairs)


def test_same_seed_same_bytes(corpus: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    directory, digests = corpus
    assert digests[DEV_FILE] == DEV_SHA256
    assert all(sha256_file(directory / name) == digest for name, digest in digests.items())
    again = write_corpus(tmp_path, seed=0, sizes=SIZES[1::-1], seeds=SEEDS[:2])  # the largest take seconds
    assert len(again) == 5 and again.items() <= digests.items()
    other = write_corpus(tmp_path, seed=1, sizes=SIZES[:1], seeds=SEEDS[:1])
    assert not {*other.values()} & {*digests.values()}


def test_every_size_and_seed_has_its_file(corpus: tuple[Path, dict[str, str]]) -> None:
    directory, digests = corpus
    assert set(digests) == {DEV_FILE} | {TRAIN_FILE.format(seed=s, size=n) for s in SEEDS for n in SIZES}
    for size, seed in itertools.product(SIZES, SEEDS):
        qas = [qa for d in read(directory / TRAIN_FILE.format(seed=seed, size=size)) for qa in d["qas"]]
        assert len(qas) == len({qa["qid"] for qa in qas}) == size
        assert not any("[MASK]" in qa["question"] for qa in qas)
    assert sum(len(d["qas"]) for d in read(directory / DEV_FILE)) == DEV_QUESTIONS
    assert len(set(digests.values())) == len(digests)


def test_offsets(corpus: tuple[Path, dict[str, str]]) -> None:
    directory, digests = corpus
    for name in digests:
        for document in read(directory / name):
            check_offsets(document)


@pytest.mark.parametrize("fault", ["exclusive end", "token span", "token offset", "answer text"])
def test_planted_offset_faults_are_seen(fault: str) -> None:
    (document,) = documents("training", 1, Random(0))
    bad = copy.deepcopy(document)
    answer = bad["qas"][0]["detected_answers"][0]
    if fault == "exclusive end":
        answer["char_spans"][0][1] += 1
    elif fault == "token span":
        answer["token_spans"][0][0] += 1
    elif fault == "token offset":
        bad["context_tokens"][3][1] += 1
    else:
        bad["qas"][0]["answers"] = ["somebody else"]
    check_offsets(document)
    with pytest.raises(AssertionError):
        check_offsets(bad)


def test_no_core_belongs_to_two_splits() -> None:
    by_split = [{core for kind in KINDS for core in cores(kind, split)} for split in SPLITS]
    assert all(by_split)
    assert sum(map(len, by_split)) == len(set().union(*by_split))


def test_dev_names_stay_in_the_dev_set(corpus: tuple[Path, dict[str, str]]) -> None:
    directory, digests = corpus
    for name in set(digests) - {DEV_FILE}:
        assert leaks((directory / name).read_text(encoding="utf-8")) == set()
    dev = read(directory / DEV_FILE)
    assert all(leaks(d["context"]) for d in dev), "the check sees the names where they belong"


def test_held_out_questions_are_asked_in_the_dev_set_only(corpus: tuple[Path, dict[str, str]]) -> None:
    directory, digests = corpus
    held_out = [re.compile(re.escape(text).replace(r"\{s\}", ".+")) for r in relations() for text in r.held_out]

    def share(name: str) -> float:
        questions = [qa["question"] for d in read(directory / name) for qa in d["qas"]]
        return sum(any(pattern.fullmatch(q) for pattern in held_out) for q in questions) / len(questions)

    assert 0.15 < share(DEV_FILE) < 0.5
    assert all(share(name) == 0 for name in set(digests) - {DEV_FILE})


def test_relations_are_well_formed() -> None:
    assert len(relations()) == len({relation.name for relation in relations()})
    for relation in relations():
        assert len(relation.statements) >= 3 and relation.questions and relation.held_out
        assert all(text.count("{s}") == text.count("{o}") == 1 and text.endswith(".") for text in relation.statements)
        assert not (relation.closed and any(text.startswith("{o}") for text in relation.statements))
        for text in relation.questions + relation.held_out:
            assert text.count("{s}") == 1 and "{o}" not in text and text.endswith("?")
