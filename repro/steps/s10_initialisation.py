"""Step 10: the converted start weights bit for bit, and each framework's own initialiser against its declaration."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.distribution import FAMILY_ERROR, Fit, fit
from repro.numerics.record import Record
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import NAMES, SIDES, CompareContext
from repro.steps.thin import digest_array

TITLE = "Initialisation"
CLAIMS = ("10.initialisation",)
START, OWN = "start.", "own."
REPEATED, OTHER_SEED = f"{OWN}repeated", f"{OWN}other_seed"


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``start.{name}``: sha256 of each start weight's shape and float32 bytes, hub orientation; ``own.{name}``: a
    ``Fit``."""
    found: Arrays = {}
    for name, array in sorted(context.model("float32").parameters().items()):
        found[f"{START}{name}"] = digest_array(array)
    context.release()
    config, seed = context.config(), context.profile.weights.seed
    declared = framework.declared_distributions(config)
    drawn = framework.initialise(config, seed)
    if set(declared) != set(drawn):
        raise ValueError(f"declared and drawn parameters differ: {sorted(set(declared) ^ set(drawn))[:3]}")
    for name, array in sorted(drawn.items()):
        found[f"{OWN}{name}"] = np.array(fit(array, declared[name]), dtype=np.float64)
    same = framework.initialise(config, seed)
    found[REPEATED] = np.array(int(all(np.array_equal(drawn[name], same[name]) for name in drawn)))
    del same
    other = framework.initialise(config, seed + 1)
    random = [name for name in drawn if declared[name]["kind"] != "constant"]
    found[OTHER_SEED] = np.array(int(not any(np.array_equal(drawn[name], other[name]) for name in random)))
    yield "float32", found


def read_fit(row: np.ndarray) -> Fit:
    """The ``Fit`` that a dump holds as numbers."""
    kind, first, second, tested, statistic, p_value, mean, std, outside = row.tolist()
    return Fit(int(kind), first, second, int(tested), statistic, p_value, mean, std, int(outside))


def _own(context: CompareContext, side: str) -> tuple[list[Record], list[list[Any]]]:
    """Records and table rows of one framework's initialiser."""
    dump = context.side(side)
    names = [name for name in dump if name.startswith(OWN) and name not in (REPEATED, OTHER_SEED)]
    fits = {name.removeprefix(OWN): read_fit(dump[name]) for name in names}
    random = sum(one.kind != 0 for one in fits.values())
    records, rows = [], []
    for name, one in fits.items():
        follows = one.follows(max(1, random))
        why = f"Kolmogorov-Smirnov on {one.tested} elements, p >= {FAMILY_ERROR:g} / {max(1, random)} (Bonferroni)"
        reason = f"{one.declared()}: p = {one.p_value:.3g}, statistic {one.statistic:.3g}, drawn std {one.std:.4g}"
        if one.outside:
            reason += f", {one.outside} elements where the declaration allows none"
        records.append(
            Record(
                f"{side}.{name}",
                "compared",
                (one.tested,),
                "float32",
                scale=one.std,
                derivation=why,
                verdict="as declared" if follows else "different semantics",
                reason=reason,
            )
        )
        rows.append([NAMES[side], name, one.declared(), one.mean, one.std, one.p_value, "yes" if follows else "no"])
    for key, meaning in (
        (REPEATED, "the same seed gives the same weights"),
        (OTHER_SEED, "another seed gives other weights"),
    ):
        holds = int(dump[key]) == 1
        verdict = "as declared" if holds else "different semantics"
        text = meaning if holds else f"not so: {meaning}"
        records.append(Record(f"{side}.{key.removeprefix(OWN)}", "compared", verdict=verdict, reason=text))  # type: ignore[arg-type]
    return records, rows


def compare(context: CompareContext) -> Outcome:
    """Start weights between the frameworks; each initialiser by itself, since two generators never draw the same."""
    start = [record for record in context.records() if record.name.startswith(START)]
    records, rows = list(start), []
    for side in SIDES:
        own, lines = _own(context, side)
        records += [context.signed(record) for record in own]
        rows += lines
    equal = sum(record.verdict == "equal" for record in start)
    followed = {side: [r for r in records if r.name.startswith(f"{side}.") and not r.passed] for side in SIDES}
    told = " and ".join(
        f"{NAMES[side]}'s follows its declaration"
        if not bad
        else f"{NAMES[side]}'s departs from it in {len(bad)} tensors"
        for side, bad in followed.items()
    )
    summary = f"{equal} of {len(start)} start weights are bit-equal in both frameworks; of the own initialisers {told}."
    reason = (
        f"Whether the paper's result is reached is answered by step 11 with the published weights and data. {summary}"
    )
    verdict = "not comparable in this profile" if equal == len(start) else "differs"
    measured = f"{equal} of {len(start)} start weights bit-equal"
    claim = answers.statement(context, CLAIMS[0], verdict, measured, reason)  # type: ignore[arg-type]
    by_side = [[row[2] for row in rows if row[0] == NAMES[side]] for side in SIDES]
    different = sum(a != b for a, b in zip(*by_side, strict=True))
    notes = (f"The two own initialisers declare different distributions for {different} parameters.",)
    columns = ["framework", "parameter", "declared", "mean", "std", "p", "follows"]
    table = {"title": "Each framework's own initialiser", "columns": columns, "rows": rows}
    return Outcome(tuple(records), (claim,), summary, (table,), notes)
