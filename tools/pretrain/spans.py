"""Recurring span selection (Splinter, section 3): which spans of a passage are masked, and their answers.

Words that recur as the same sequence form a cluster. One occurrence stays and is the answer; each of the others
becomes a single ``[QUESTION]``, whose answer it is.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

QUESTION = "[QUESTION]"
SENTENCE_ENDS = frozenset(".?!")
MAX_SPAN_WORDS = 10
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Cluster:
    """A span of words and the places (word numbers, ascending) where it starts; the places do not overlap."""

    words: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True)
class MaskedPassage:
    """A passage with questions.

    Attributes:
        words: the passage, ``[QUESTION]`` in the place of masked spans.
        questions: word numbers of the ``[QUESTION]`` entries, ascending.
        answers: for each question the first and last word of its answer (inclusive), in ``words``.
    """

    words: list[str]
    questions: list[int]
    answers: list[tuple[int, int]]


@dataclass(frozen=True)
class MaskingLimits:
    """How much of a passage is masked.

    Attributes:
        clusters: most clusters masked.
        questions: most ``[QUESTION]`` entries.
        frequent_share: share of passages in which clusters of more than two occurrences may be chosen.
    """

    clusters: int = 6
    questions: int = 8
    frequent_share: float = 0.15


def words_of(text: str) -> list[str]:
    """Words and single punctuation marks of a text."""
    return _WORD.findall(text)


def sentence_numbers(words: Sequence[str]) -> list[int]:
    """Number of the sentence that each word stands in; the closing mark belongs to its sentence."""
    numbers, current = [], 0
    for word in words:
        numbers.append(current)
        current += word in SENTENCE_ENDS
    return numbers


def _grams(words: Sequence[str], stop_words: Collection[str]) -> dict[tuple[str, ...], list[int]]:
    """Every sequence of up to ``MAX_SPAN_WORDS`` content words with its places, without overlaps."""
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    content = [word.isalnum() and word not in stop_words for word in words]
    for first in range(len(words)):
        for length in range(1, min(MAX_SPAN_WORDS, len(words) - first) + 1):
            if not content[first + length - 1]:
                break
            starts = places[tuple(words[first : first + length])]
            if not starts or starts[-1] + length <= first:
                starts.append(first)
    return places


def recurring_spans(words: Sequence[str], stop_words: Collection[str]) -> list[Cluster]:
    """Maximal recurring spans of content words.

    A span is dropped if a longer one contains every occurrence of it. Spans hold no stop word and no punctuation, so
    they never cross a sentence.

    Args:
        words: the passage.
        stop_words: words that belong to no span.

    Returns:
        Clusters of at least two occurrences, by first occurrence, longer spans first.
    """
    recurring = {gram: starts for gram, starts in _grams(words, stop_words).items() if len(starts) > 1}
    covered = set()
    for gram, starts in recurring.items():
        for first in range(len(gram)):
            for last in range(first + 1, len(gram) + 1):
                part = gram[first:last]
                if part != gram and len(recurring[part]) == len(starts):
                    covered.add(part)
    kept = [Cluster(gram, tuple(starts)) for gram, starts in recurring.items() if gram not in covered]
    return sorted(kept, key=lambda cluster: (cluster.starts[0], -len(cluster.words)))


def _choose(clusters: Sequence[Cluster], sentences: Sequence[int], rng: Random, limits: MaskingLimits) -> list[Cluster]:
    """Clusters in random order as long as they fit; no two of them meet in a sentence.

    With two parts of one fact masked in the same sentence, nobody could know which fact it was.
    """
    frequent = rng.random() < limits.frequent_share
    pool = [cluster for cluster in clusters if frequent or len(cluster.starts) == 2]
    rng.shuffle(pool)
    chosen: list[Cluster] = []
    taken: set[int] = set()
    left = limits.questions
    for cluster in pool:
        touched = {sentences[start] for start in cluster.starts}
        if len(chosen) < limits.clusters and len(cluster.starts) - 1 <= left and not touched & taken:
            chosen.append(cluster)
            taken |= touched
            left -= len(cluster.starts) - 1
    return chosen


def mask_spans(
    words: Sequence[str], clusters: Sequence[Cluster], rng: Random, limits: MaskingLimits
) -> MaskedPassage | None:
    """Choose clusters, keep one occurrence of each, replace the others by ``[QUESTION]``.

    Returns:
        The masked passage, or None where no cluster could be chosen.
    """
    chosen = _choose(clusters, sentence_numbers(words), rng, limits)
    if not chosen:
        return None
    answer_of: dict[int, Cluster] = {}
    kept: dict[int, Cluster] = {}
    for cluster in chosen:
        keep = rng.choice(cluster.starts)
        kept[keep] = cluster
        answer_of.update((start, cluster) for start in cluster.starts if start != keep)
    masked: list[str] = []
    asked: list[tuple[int, Cluster]] = []
    spans: dict[Cluster, tuple[int, int]] = {}
    number = 0
    while number < len(words):
        if number in answer_of:
            asked.append((len(masked), answer_of[number]))
            masked.append(QUESTION)
            number += len(answer_of[number].words)
            continue
        if number in kept:
            spans[kept[number]] = (len(masked), len(masked) + len(kept[number].words) - 1)
        masked.append(words[number])
        number += 1
    return MaskedPassage(masked, [place for place, _ in asked], [spans[cluster] for _, cluster in asked])
