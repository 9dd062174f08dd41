"""Every number that the logs and dumps of a folder hold, for looking up one that a document states."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from itertools import islice

from repro.audit.evidence import Folder
from repro.audit.findings import MANY
from repro.audit.printed import agree, is_number
from repro.audit.quantities import quantities
from repro.claims import printed_bounds
from repro.errors import InputError
from repro.untrusted.source import read_text

MAX_LOG = 4 << 20
MAX_TEXT = 64 << 20  # of all logs together
MAX_DUMPS = 200  # dumps of metrics outside pairs that are looked into
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,20}\.\d{1,20}(?:[eE][-+]?\d{1,3})?(?![\w.]*\w)")

Printed = tuple[float, str, str]  # number, where it is, number as printed


def _of_checks(folder: Folder) -> Iterator[Printed]:
    for check in folder.checks:
        for key, facts in check.facts.items():
            for value in facts.values:
                yield value, f"{check.name} ({key})", repr(value)


def _of_single_dumps(folder: Folder) -> Iterator[Printed]:
    """Single numbers of dumps that are named as metrics and have no counterpart."""
    paired = {path for check in folder.checks for path in (check.pair.reference, check.pair.port)}
    named = (p for p in folder.inventory.dumps if p not in paired and "metric" in quantities(p.rpartition("/")[2]))
    for path in islice(named, MAX_DUMPS):
        try:
            arrays = folder.load(path)
        except InputError:
            continue  # listed as refused elsewhere
        for key, array in arrays.items():
            if array.size == 1 and array.dtype.kind in "iuf":
                value = float(array.ravel()[0])
                yield value, f"{path} ({key})" if key else path, repr(value)


def _of_texts(folder: Folder) -> Iterator[Printed]:
    """Numbers of logs that no helper wrote, such as those of trainings."""
    size = 0
    for path in folder.inventory.logs:
        if path in folder.logs or path in folder.inventory.refused or size > MAX_TEXT:
            continue
        try:
            text = read_text(folder.inventory.root / path, MAX_LOG)
        except InputError:
            continue
        size += len(text)
        for number in dict.fromkeys(_NUMBER.findall(text)):
            yield float(number), path, number


class Numbers:
    """The numbers of a folder; its files are read when the first is looked up."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @cached_property
    def _sorted(self) -> list[Printed]:
        folder = self.folder
        numbers = [*folder.printed, *_of_checks(folder), *_of_single_dumps(folder), *_of_texts(folder)]
        return sorted(entry for entry in numbers if math.isfinite(entry[0]))

    def holders(self, stated: str, *, scaled: bool) -> list[str]:
        """The first places that hold a stated number; ``scaled``, also as a percentage or as a share."""
        places: dict[str, None] = {}
        for scale in (Decimal(1), Decimal(100), Decimal("0.01")) if scaled else (Decimal(1),):
            low, high = (float(bound * scale) for bound in printed_bounds(stated))
            start = bisect_left(self._sorted, (math.nextafter(low, -math.inf),))
            for number, where, text in islice(self._sorted, start, None):
                if number > math.nextafter(high, math.inf):
                    break
                if is_number(text) and agree(stated, str(Decimal(text) / scale)):
                    places[where] = None
                if len(places) > MANY:
                    return list(places)
        return list(places)
