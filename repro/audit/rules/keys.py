"""All rules on the keys of one pair, with numbered keys judged as one series."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath

from repro.audit.discovery import TABLE_SUFFIXES
from repro.audit.findings import finding, first_few
from repro.audit.key_words import COUNTER, EPOCH, STEP
from repro.audit.rules.agreement import agreement
from repro.audit.rules.counts import fractional, in_dump
from repro.audit.rules.information import information, shift
from repro.audit.rules.key import ComparedKey, Objection, Rule
from repro.audit.rules.origin import noise, precision, rounded
from repro.audit.rules.series import exactness, families, family_growth, growth, join_series
from repro.audit.rules.shapes import shapes, value_range, values
from repro.audit.rules.thresholds import thresholds
from repro.results.audit import AuditFinding

RULES: tuple[Rule, ...] = (
    agreement,
    thresholds,
    shapes,
    values,
    information,
    value_range,
    shift,
    growth,
    exactness,
    precision,
    rounded,
    noise,
    fractional,
)
# Of these, one finding speaks for all keys of a pair: a model has hundreds of weights that are alike.
ONCE = frozenset(
    {"bit-equal", "initial value", "dtypes differ", "leading axis", "lengths differ", "scalar shapes", "weights differ"}
)
OF_THE_COURSE = frozenset({"too exact", "bit-equal", "growing difference"})  # enough to say of one series


ByMember = dict[str, list[AuditFinding]]


def _finding(key: ComparedKey, item: Objection, more: str = "") -> AuditFinding:
    severity = item.severity if math.isfinite(item.severity) else 0.0
    return finding(item.kind, key.where, item.text + more, severity)


def key_findings(key: ComparedKey) -> list[AuditFinding]:
    """Every finding on one key."""
    return [_finding(key, item) for rule in RULES for item in rule(key)]


def _separate_weights(keys: Sequence[ComparedKey]) -> frozenset[str]:
    """Weights that nobody compared, where most differ: two trainings or initialisations, not a conversion.

    Where most are equal, or as equal as the shorter type of the two sides allows, the others were forgotten or
    converted wrongly, and differ by fault.
    """
    weights = [key for key in keys if key.is_parameter and key.tolerance is None and key.facts.difference]
    unequal = [key.key for key in weights if key.facts.relation != "transpose" and any(agreement(key))]
    return frozenset(unequal) if 2 * len(unequal) > len(weights) else frozenset()


def _steps_counted(keys: Sequence[ComparedKey]) -> int:
    """How many of the first steps of a training a column of both sides numbers: 0, 1, 2, … or 1, 2, 3, …

    A step may have several rows, as one of losses and one of an evaluation. None are counted where steps are left out.
    """
    for key in keys:
        values = key.facts.values
        half = values[: key.facts.size]
        if key.named(STEP) and len(half) > 2 and half == values[key.facts.size :] and half[0] in (0, 1):
            in_order = all(after in (before, before + 1) for before, after in pairwise(half))
            return len({*half}) if in_order else 0
    return 0


def _steps_before(keys: Sequence[ComparedKey]) -> float:
    """Steps of the training that single numbers were taken after, as a counter beside them says on both sides."""
    counters = [key for key in keys if key.facts.size == 1 and key.named(COUNTER) and len(key.facts.values) == 2]
    steps = [(key, min(key.facts.values)) for key in counters]
    return max((math.inf if key.named(EPOCH) and value > 0 else value for key, value in steps), default=0)


def _of_two_trainings(keys: Sequence[ComparedKey]) -> bool:
    """Whether a table of results has a single metric that differs, as those of one model do not."""
    tables = (key for key in keys if PurePosixPath(key.pair).suffix in TABLE_SUFFIXES)
    return any(
        key.is_metric and key.facts.size == 1 and key.tolerance is None and any(agreement(key)) for key in tables
    )


def _square_weights(keys: Sequence[ComparedKey]) -> frozenset[str]:
    """Square weights that are each other's transpose, as all linear weights of the pair are."""
    transposed = any(key.is_parameter and key.facts.fit == "transposed" for key in keys)
    return frozenset(key.key for key in keys if transposed and key.is_parameter and key.facts.relation == "transpose")


def _objections(keys: Sequence[ComparedKey]) -> dict[str, list[tuple[ComparedKey, Objection]]]:
    """Objections to each key by kind, those to a family of keys or to all weights under the worst."""
    separate, square = _separate_weights(keys), _square_weights(keys)
    by_kind = defaultdict(list)
    for key in keys:
        of_key = {item.kind: item for rule in RULES for item in rule(key)}
        if not OF_THE_COURSE.isdisjoint(of_key):
            of_key.pop("rounded numbers", None)
        if key.key in square:
            of_key.pop("sides differ", None)
        for item in of_key.values():
            kind = "weights differ" if item.kind == "sides differ" and key.key in separate else item.kind
            by_kind[kind].append((key, item._replace(kind=kind)))
    for family, item in family_growth(keys):
        by_kind[item.kind].append((family, item))
    return by_kind


def _grouped(
    kind: str, items: Sequence[tuple[ComparedKey, Objection]]
) -> Iterable[tuple[Sequence[ComparedKey], AuditFinding]]:
    """(keys, finding that speaks for them)."""
    stems = {name: stem for stem, names in families([key.key for key, _ in items]).items() for name in names}
    groups: dict[str, list[tuple[ComparedKey, Objection]]] = defaultdict(list)
    for key, item in items:
        groups["" if kind in ONCE else stems.get(key.key, key.key)].append((key, item))
    for group in groups.values():
        worst, objection = max(group, key=lambda entry: entry[1].severity)
        others = [key.key for key, _ in group if key is not worst]
        more = f" The same holds for {len(others)} more: {first_few(others)}." if others else ""
        yield [key for key, _ in group], _finding(worst, objection, more)


def pair_findings(keys: Sequence[ComparedKey]) -> ByMember:
    """Every finding on the keys of one pair, under each key that it is about."""
    scale = max((key.facts.difference.scale for key in keys if key.is_gradient and key.facts.difference), default=0.0)
    counts = in_dump(keys)
    counted, steps = _steps_counted(keys), _steps_before(keys)
    trained = _of_two_trainings(keys)
    joined = [
        replace(
            key,
            scale=scale,
            samples=counts or key.samples,
            from_start=key.facts.size == counted > 0,
            steps=math.inf if trained else steps,
            beside_metric=trained,
        )
        for key in join_series(keys)
    ]
    findings: ByMember = defaultdict(list)
    for kind, items in _objections(joined).items():
        for members, item in _grouped(kind, items):
            for key in members:
                for name in key.members or (key.key,):
                    findings[name].append(item)
    return findings
