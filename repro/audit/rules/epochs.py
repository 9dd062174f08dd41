"""Rule on the length of trainings: a document that says more epochs than the logs announce."""

import re
from collections.abc import Iterator, Mapping, Sequence

from repro.audit.documents import Section
from repro.audit.findings import finding, first_few
from repro.results.audit import AuditFinding

_STATED = re.compile(
    r"(?<![\d./-])(\d{1,5})\s*(?:epochs?\b|个?\s*epochs?\b|轮)|\bepochs?\s*[:=|]\s*(\d{1,5})(?![\d.])", re.IGNORECASE
)
_TRAINED = re.compile(r"\btrain(?:ed|ing)?\b|训练", re.IGNORECASE)
_UNSURE = re.compile(
    r"early|stop|up to|at most|max|until|paper|original|official|pre-?train|resum|each|every|per\b|after|warm|first"
    r"|last|论文|原文|预训练|最多|早停|每",
    re.IGNORECASE,
)


def epoch_findings(epochs: Mapping[str, int], documents: Mapping[str, Sequence[Section]]) -> Iterator[AuditFinding]:
    """A training of more epochs than its logs have, where all logs and all documents speak of one number of epochs.

    Args:
        epochs: log -> how many it announces.
    """
    stated: dict[int, tuple[str, str]] = {}
    for path, sections in documents.items():
        for section in sections:
            for line, text in section.paragraphs:
                for match in _STATED.finditer(text):
                    count = int(match[1] or match[2])
                    certain = _TRAINED.search(text) and not _UNSURE.search(text)
                    stated.setdefault(count, (f"{path}:{line}", match[0] if certain else ""))
    totals = set(epochs.values())
    if len(stated) != 1 or len(totals) != 1:
        return
    ((count, (where, text)),) = stated.items()
    total = totals.pop()
    if text and count > total and count not in {total * several for several in range(1, len(epochs) + 1)}:
        logs = f"{first_few(sorted(epochs))} announces {total} epochs and ends there"
        yield finding("fewer samples", where, f"the text says “{text}”; {logs}.")
