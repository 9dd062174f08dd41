"""Shares of samples: a share of n samples is a whole number of n-ths, in a dump as in a document."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import PurePosixPath

from repro.audit.arithmetic import UNIT
from repro.audit.discovery import TABLE_SUFFIXES
from repro.audit.documents import Section
from repro.audit.findings import finding
from repro.audit.printed import is_number
from repro.audit.rules.key import ComparedKey, Objection
from repro.claims import printed_bounds
from repro.results.audit import AuditFinding

FEWEST = 8  # samples
COUNT_ERROR = 8 * UNIT  # of a share computed in float32 as a sum and a quotient
_SAMPLES = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d{2,8})\s*(?:(?:validation|val|test|dev)\s+)?"
    r"(?:images|samples|examples|pictures|张|个样本|条样本|幅)",
    re.IGNORECASE,
)
_TRAINING = re.compile(r"train|训练", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.;]\s|[|。；\n]")
# Evaluation sets that everyone knows: ILSVRC 2012 validation, CIFAR and MNIST test.
_KNOWN = {"imagenet": 50_000, "ilsvrc": 50_000, "cifar": 10_000, "mnist": 10_000}
_SHARE = re.compile(r"top[- _]?[15]\b|\bacc(?:uracy)?\b|exact match|准确率|正确率", re.IGNORECASE)
_COUNT = frozenset("correct count counts tp fp tn fn".split())
_NO_COUNT = frozenset("rate ratio acc accuracy loss mean avg average percent score".split())
_AVERAGE = re.compile(r"average|avg|mean|平均|均值|±|mixup|balanced", re.IGNORECASE)


def in_dump(keys: Sequence[ComparedKey]) -> tuple[int, ...]:
    """Numbers of samples that a dump states beside its metrics."""
    names = frozenset("total count num samples n".split())
    values = [key.facts.values for key in keys if key.named(names) and len(key.facts.values) == 2]
    return tuple({int(a) for a, b in values if a == b and float(a).is_integer() and a >= FEWEST})


def in_documents(sections: Iterable[Section]) -> tuple[int, ...]:
    """Numbers of samples that documents speak of, but for training."""
    counts: dict[int, None] = {}
    for section in sections:
        text = f"{section.title} | {section.text}"
        counts |= {size: None for name, size in _KNOWN.items() if name in text.lower()}
        for match in _SAMPLES.finditer(text):
            before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 15]
            if not _TRAINING.search(_SENTENCE_END.split(before)[-1] + match[0] + _SENTENCE_END.split(after)[0]):
                counts[int(match[1].replace(",", ""))] = None
    return tuple(count for count in counts if count >= FEWEST)


def fractional(key: ComparedKey) -> Iterator[Objection]:
    """Counts in dumps that are not whole, and shares that no count gives of any of the sample sizes that are known."""
    if key.named(_COUNT) and not key.named(_NO_COUNT):
        for value in dict.fromkeys(key.facts.values):
            if math.isfinite(value) and not value.is_integer():
                yield Objection("fractional count", f"a count of {value!r}.")
    if not key.samples or not key.counts_samples:
        return
    printed = PurePosixPath(key.pair).suffix in TABLE_SUFFIXES
    for value in dict.fromkeys(key.facts.values):
        if printed and is_number(repr(value)) and any(_gives(repr(value), count) for count in key.samples):
            continue  # rounded as it was printed
        hits = [(value / 100 if abs(value) > 1 else value) * count for count in key.samples]
        if all(abs(each - round(each)) > max(COUNT_ERROR * abs(each), 1e-6) for each in hits if math.isfinite(each)):
            text = f"{value!r} of {key.samples[0]} samples are {hits[0]:.4f} of them: no number of right answers."
            yield Objection("fractional count", text)


def _gives(text: str, count: int) -> bool:
    """Whether a share of ``count`` samples prints as a text, as percent or as fraction."""
    low, high = printed_bounds(text)
    scale = Decimal(count) / (100 if high > 1 else 1)
    return math.ceil(low * scale) <= math.floor(high * scale)


def documented_counts(sections: Sequence[Section], counts: Sequence[int], where: str) -> Iterator[AuditFinding]:
    """Documented accuracies with more digits than a share of so many samples can have."""
    for section in sections:
        for cell in section.cells:
            named = f"{cell.column} {cell.row}"
            if not counts or cell.place in ("log", "code") or not _SHARE.search(named):
                continue
            if not _AVERAGE.search(f"{named} {section.title}") and not any(_gives(cell.text, n) for n in counts):
                hits = float(cell.text) * counts[0] / (100 if abs(float(cell.text)) > 1 else 1)
                text = (
                    f"{cell.column}: {cell.text} of {counts[0]} samples are {hits:.2f} of them, and no whole number of"
                )
                yield finding("fractional count", f"{where}:{cell.line}", f"{text} right answers prints like that.")
