"""Passages to learn from, from the same facts and sentences as the generated few-shot corpus."""

import re
from functools import cache
from random import Random

from repro.data.corpus.names import Split
from repro.data.corpus.passages import compose, draw_facts
from repro.data.corpus.relations import relations

_WORD = re.compile(r"\w+")


@cache
def template_words() -> frozenset[str]:
    """Words of the statements as they occur in a passage. They take the place of the paper's stop words."""
    template: set[str] = set()
    for relation in relations():
        for text in relation.statements:
            words = _WORD.findall(text)
            template.update(words, [words[0][0].upper() + words[0][1:]])
    return frozenset(template - {"s", "S", "o", "O"})


def pretraining_passage(rng: Random, *, hard: bool, split: Split = "pretraining") -> str:
    """A passage to learn from. Easy: one relation, every fact restated. Hard: several relations a subject."""
    if hard:
        kind = rng.choice(relations()).subject
        counts = rng.choice(([2, 2], [2, 2], [2, 1, 1], [3, 1], [2, 1], [1, 1, 1], [2, 2, 1]))
        return compose(draw_facts(kind, counts, split, rng), rng, restated=0.85)
    only = rng.choice(relations())
    return compose(draw_facts(only.subject, [1] * rng.choice((2, 3, 3, 4)), split, rng, only=only), rng, restated=1.0)
