"""Rule on documented means over seeds: the best of them is no mean."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from repro.audit.discovery import words
from repro.audit.documents import Cell, Section
from repro.audit.evidence import Folder
from repro.audit.findings import finding
from repro.audit.key_words import RUNS
from repro.audit.printed import agrees_scaled
from repro.audit.quantities import quantities
from repro.audit.rules.series import families
from repro.errors import InputError
from repro.markdown import number
from repro.results.audit import AuditFinding

MAX_FILES, MAX_SIZE = 500, 1 << 20  # of results of single runs that are read, and bytes of each
MEAN_ERROR = MAX_FILES * 2.0**-52  # relative, of a float64 mean of at most ``MAX_FILES`` numbers
_SEVERAL = r"(?:seeds|runs|trials|folds|splits|repetitions)\b"
OF_RUNS = re.compile(rf"\b(?:mean|averaged?|avg)\b.{{0,40}}\b{_SEVERAL}|\bmean\s*(?:±|\+/-|\\pm|\(std)", re.IGNORECASE)
_BEST = re.compile(r"best|\bmax|highest|top of|最好|最佳|最高", re.IGNORECASE)
_FRACTION = re.compile(r"\d\.\d")
_COUNT = re.compile(rf"(\d{{1,4}})\s+(?:\w+\s+)?{_SEVERAL}", re.IGNORECASE)


class Runs:
    """The metrics of runs that differ in their number only; the files are read when the first is asked for."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @cached_property
    def metrics(self) -> Mapping[tuple[str, str], Sequence[float]]:
        """(files with ``#`` for the number, key) -> its number in each file, of keys that all of them have."""
        inventory = self._folder.inventory
        paths = sorted({*inventory.dumps, *inventory.tables} - inventory.refused.keys())
        numbered = [path for path in paths if not RUNS.isdisjoint(words(path))]
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        counts: dict[str, int] = {}
        left = MAX_FILES
        for stem, members in families(numbered).items():
            counts[stem] = len(members)
            left -= len(members)
            for path in members if left >= 0 and not RUNS.isdisjoint(words(stem[: stem.index("#")])[-1:]) else ():
                for key, value in self._single(path):
                    found[stem, key].append(value)
        return {place: values for place, values in found.items() if len(values) == counts[place[0]]}

    def _single(self, path: str) -> Iterator[tuple[str, float]]:
        try:
            if (self._folder.inventory.root / path).stat().st_size > MAX_SIZE:
                return
            for key, array in self._folder.load(path).items():
                if array.size == 1 and array.dtype.kind == "f" and "metric" in quantities(key) and np.isfinite(array):
                    yield key, float(array.ravel()[0])
        except (InputError, OSError):
            return  # listed as refused elsewhere, or a text


def _said_of(cell: Cell, paragraphs: Mapping[int, str]) -> str:
    """The words around a number: its column and row, or its whole paragraph where that gives one number only."""
    if cell.place != "text":
        return f"{cell.column} {cell.row}"
    around = paragraphs.get(cell.line, "")
    return around if len(_FRACTION.findall(around)) == 1 else ""


def _prints(stated: str, value: float) -> bool:
    """Whether a value, the mean of float64 numbers, rounds to a stated one, as it is, as percent or as a share."""
    return agrees_scaled(stated, repr(value), MEAN_ERROR)


def best_as_mean(runs: Runs, section: Section, where: str) -> Iterator[AuditFinding]:
    """Numbers that a document calls a mean over seeds, and that only the best of the seeds gives."""
    paragraphs = dict(reversed(section.paragraphs))  # by line, the first of a line
    for cell in (*section.cells, *section.said):
        said = _said_of(cell, paragraphs)
        if not OF_RUNS.search(said) or _BEST.search(said) or cell.whole or "metric" not in quantities(said):
            continue
        counted = {int(count) for count in _COUNT.findall(said)}
        candidates = {place: values for place, values in runs.metrics.items() if counted <= {len(values)}}
        means = [sum(values) / len(values) for values in candidates.values()]
        if any(_prints(cell.text, mean) for mean in means):
            continue
        for (files, key), values in candidates.items():
            best, mean = max(values), sum(values) / len(values)
            if _prints(cell.text, best) and sum(_prints(cell.text, value) for value in values) == 1:
                text = (
                    f"{cell.text} is called a mean over runs. It is the largest {key} of the {len(values)} files"
                    f" {files}, whose mean is {number(mean, 6)}."
                )
                yield finding("average differs", f"{where}:{cell.line}", text)
                break
