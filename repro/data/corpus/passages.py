"""Passages: facts about a few subjects, stated in sentences, restated in other words, in any order."""

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


def compose(facts: list[Fact], rng: Random, *, restated: float) -> str:
    """One sentence per fact, and a second in other words for a share ``restated`` of them, shuffled."""
    sentences = []
    for fact in facts:
        first, second = rng.sample(fact.relation.statements, 2)
        sentences.append((fact, first))
        if rng.random() < restated:
            sentences.append((fact, second))
    rng.shuffle(sentences)
    earlier: set[str] = set()
    return " ".join(_fill(template, fact, _mention(fact, earlier, rng)) for fact, template in sentences)


def question_passage(rng: Random, split: Split) -> tuple[str, list[Fact]]:
    """A passage to ask about, which states every fact once, and its facts."""
    kind = rng.choice(relations()).subject
    counts = rng.choice(([2, 2, 1], [2, 2, 2], [3, 2], [3, 3], [2, 2]))
    facts = draw_facts(kind, counts, split, rng)
    return compose(facts, rng, restated=0.0), facts
