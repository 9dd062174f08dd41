"""Passages: facts about a few subjects, stated in sentences, restated in other words, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from repro.data.corpus.names import Split, core_of, draw
from repro.data.corpus.relations import Relation, relations, relations_of

SURNAME_ONLY = 0.3


@dataclass(frozen=True)
class Fact:
    """``relation`` holds between two names (or a name and a word)."""

    relation: Relation
    subject: str
    object: str


def _distinct(kind: str, split: Split, rng: Random, used: set[str]) -> str:
    """A name whose identifying part no other name of the passage has."""
    while True:
        name = draw(kind, split, rng)
        core = core_of(kind, name)
        if core not in used:
            used.add(core)
            return name


def _fill(template: str, fact: Fact, subject: str) -> str:
    sentence = template.replace("{s}", subject).replace("{o}", fact.object)
    return sentence[0].upper() + sentence[1:]


def _mention(fact: Fact, earlier: set[str], rng: Random) -> str:
    """A person who was named before may go by the surname."""
    if fact.relation.subject == "person" and fact.subject in earlier and rng.random() < SURNAME_ONLY:
        return core_of("person", fact.subject)
    earlier.add(fact.subject)
    return fact.subject


def draw_facts(kind: str, counts: list[int], split: Split, rng: Random, *, only: Relation | None = None) -> list[Fact]:
    """Facts about ``len(counts)`` subjects of one kind, ``counts[i]`` about the i-th.

    Subjects share relations as far as they can, so that a question always has several candidates of the answer's type.
    """
    used: set[str] = set()
    pool = [only] if only else rng.sample(relations_of(kind), max(counts))
    facts = []
    for count in counts:
        subject = _distinct(kind, split, rng, used)
        facts += [Fact(r, subject, _distinct(r.object, split, rng, used)) for r in pool[:count]]
    return facts


def tell(facts: list[Fact], rng: Random, *, restated: float) -> str:
    """One sentence per fact, and a second in other words for a share ``restated`` of them, shuffled."""
    telling = []
    for fact in facts:
        first, second = rng.sample(fact.relation.statements, 2)
        telling.append((fact, first))
        if rng.random() < restated:
            telling.append((fact, second))
    rng.shuffle(telling)
    earlier: set[str] = set()
    return " ".join(_fill(template, fact, _mention(fact, earlier, rng)) for fact, template in telling)


def pretraining_passage(rng: Random, *, hard: bool, split: Split = "pretraining") -> str:
    """A passage to learn from. Easy: one relation, every fact restated. Hard: several relations a subject."""
    if hard:
        kind = rng.choice(relations()).subject
        counts = rng.choice(([2, 2], [2, 2], [2, 1, 1], [3, 1], [2, 1], [1, 1, 1], [2, 2, 1]))
        return tell(draw_facts(kind, counts, split, rng), rng, restated=0.85)
    only = rng.choice(relations())
    return tell(draw_facts(only.subject, [1] * rng.choice((2, 3, 3, 4)), split, rng, only=only), rng, restated=1.0)


def question_passage(rng: Random, split: Split) -> tuple[str, list[Fact]]:
    """A passage to ask about, in which every fact stands once, and its facts."""
    kind = rng.choice(relations()).subject
    counts = rng.choice(([2, 2, 1], [2, 2, 2], [3, 2], [3, 3], [2, 2]))
    facts = draw_facts(kind, counts, split, rng)
    return tell(facts, rng, restated=0.0), facts
