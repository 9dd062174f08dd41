"""Every rule on every key of all pairs, with numbered files judged as one series, as numbered keys are."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from repro.audit.arithmetic import relative_cost
from repro.audit.evidence import Check
from repro.audit.facts import SERIES
from repro.audit.key_words import INPUT, PARAMETER
from repro.audit.rules.copies import repeated
from repro.audit.rules.counts import in_dump
from repro.audit.rules.key import ComparedKey
from repro.audit.rules.keys import pair_findings
from repro.audit.rules.repeats import scatter_of_repeats
from repro.audit.rules.series import families
from repro.results.audit import AuditFinding

Place = tuple[str, str]  # pair, key
ByKey = dict[Place, tuple[AuditFinding, ...]]


def _groups(checks: Sequence[Check]) -> Iterator[tuple[str, dict[str, Place]]]:
    """What is judged together: (name, key -> its place). Files of one key each that differ in a number are one pair."""
    alone = {check.name: next(iter(check.facts)) for check in checks if len(check.facts) == 1}
    stems = families(list(alone))
    numbered = {name for members in stems.values() for name in members}
    for stem, members in stems.items():
        folder = stem[: stem.index("#")].rpartition("/")[0]
        yield folder or stem, {name[len(folder) :].lstrip("/"): (name, alone[name]) for name in members}
    for check in checks:
        if check.name not in numbered:
            yield check.name, {key: (check.name, key) for key in check.facts}


def findings_by_key(checks: Sequence[Check], below: Mapping[Place, int], samples: tuple[int, ...]) -> ByKey:
    """Findings on the keys of all checks but those that repeat another's numbers.

    Args:
        below: end of the range of whole numbers that a key may hold.
        samples: numbers of samples that the documents speak of.
    """
    skipped = repeated(checks)
    by_name = {check.name: check for check in checks if check.name not in skipped}
    scatter = scatter_of_repeats(by_name)
    groups: list[tuple[list[ComparedKey], dict[str, Place]]] = []
    counts: dict[str, tuple[int, ...]] = defaultdict(tuple)  # folder -> numbers of samples that its dumps state
    for group, places in _groups(list(by_name.values())):
        keys = []
        for label, (name, key) in places.items():
            check = by_name[name]
            tolerance, end = check.tolerance(key), below.get((name, key))
            between = scatter.get((name, key), 0.0)
            keys.append(ComparedKey(group, label, check.facts[key], tolerance, end, check.arithmetic, scatter=between))
        groups.append((keys, places))
        counts[_folder(places)] += in_dump(keys)
    by_key: ByKey = {}
    outputs = _outputs([key for keys, _ in groups for key in keys])
    for keys, places in groups:
        known = [
            replace(key, samples=counts[_folder(places)] or samples, outputs=outputs.get(_project(key.pair), (0.0, 0)))
            for key in keys
        ]
        by_key |= {places[label]: tuple(items) for label, items in pair_findings(known).items()}
    return by_key


def _project(pair: str) -> str:
    return pair.partition("/")[0] if "/" in pair else ""


def _outputs(keys: Sequence[ComparedKey]) -> dict[str, tuple[float, int]]:
    """Project -> the largest root mean square difference, and the most rows, among the outputs of its models."""
    shown: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for key in keys:
        facts, inner = key.facts, key.facts.informative
        rows = facts.shape_a[0] if len(facts.shape_a) > 1 else 0
        computed = not key.named(INPUT, PARAMETER, SERIES) and not key.is_gradient and facts.float32
        if computed and inner and rows and 0 < inner.relative_l2 <= relative_cost(key.coarsest):
            error, most = shown[_project(key.pair)]
            mine = math.sqrt(facts.gap.gap_squared / facts.gap.size)
            shown[_project(key.pair)] = max(error, mine), max(most, rows)
    return shown


def _folder(places: Mapping[str, Place]) -> str:
    name, _ = next(iter(places.values()), ("", ""))
    return name.rpartition("/")[0]
