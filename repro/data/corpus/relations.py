"""The relations of the fictional world, read from ``relations.yaml``."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from repro.config.yaml_text import shipped
from repro.data.corpus.names import CLOSED_KINDS

_TABLE = Path(__file__).with_name("relations.yaml")


@dataclass(frozen=True)
class Relation:
    """One kind of fact.

    Attributes:
        statements: sentences with ``{s}`` (subject) and ``{o}`` (object) that all say the same.
        questions: ways to ask for the object, used in training and evaluation.
        held_out: ways to ask that only the dev set uses.
    """

    name: str
    subject: str
    object: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def closed(self) -> bool:
        """Whether the object is one of a fixed list of words."""
        return self.object in CLOSED_KINDS


@cache
def relations() -> tuple[Relation, ...]:
    """Every relation, in the order of the table."""
    rows = shipped(_TABLE.read_text(encoding="utf-8"))
    return tuple(
        Relation(
            name=row["name"],
            subject=row["kinds"][0],
            object=row["kinds"][1],
            statements=tuple(row["statements"]),
            questions=tuple(row["questions"]),
            held_out=tuple(row["held_out"]),
        )
        for row in rows
    )


def relations_of(kind: str) -> tuple[Relation, ...]:
    """The relations whose subject is of this kind."""
    return tuple(relation for relation in relations() if relation.subject == kind)
