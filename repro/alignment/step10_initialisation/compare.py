"""Step 10: both frameworks start from the same weights, and each initialiser draws what it declares.

Evidence: the converted start weights bit for bit; each framework's initialiser by itself, since two generators never
draw the same numbers.
"""

from repro.alignment import claim_verdicts
from repro.alignment.step10_initialisation.capture import INITIALISER, OTHER_SEED, REPEATED, START
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.numerics.distribution import FAMILY_ERROR, Fit
from repro.results import Cell, ClaimVerdict, Record, StepComparison, Table

TITLE = "Initialisation"
CLAIMS = ("10.initialisation",)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Start weights between the frameworks; each initialiser against its declaration."""
    start = [record for record in context.records() if record.name.startswith(START)]
    equal = sum(record.verdict == "equal" for record in start)
    fits = {side: _fits(context, side) for side in BACKENDS}
    drawn = {side: [*_fit_records(side, fits[side]), *_seed_records(context, side)] for side in BACKENDS}
    findings = " and ".join(f"{BACKEND_NAMES[side]}'s {_finding(drawn[side])}" for side in BACKENDS)
    summary = (
        f"{equal} of {len(start)} start weights are bit-equal in both frameworks; of the own initialisers {findings}."
    )
    verdict: ClaimVerdict = "not comparable in this profile" if equal == len(start) else "differs"
    measured = f"{equal} of {len(start)} start weights bit-equal"
    reason = f"Step 11 with the published weights and data shows whether the paper's result is reached. {summary}"
    first, second = ([fit.declared() for fit in fits[side].values()] for side in BACKENDS)
    different = sum(a != b for a, b in zip(first, second, strict=True))
    columns = ["framework", "parameter", "declared", "mean", "std", "p", "follows"]
    rows = [row for side in BACKENDS for row in _rows(side, fits[side])]
    return StepComparison(
        records=(*start, *(context.signed(record) for side in BACKENDS for record in drawn[side])),
        claims=(claim_verdicts.statement(context, CLAIMS[0], verdict, measured, reason),),
        summary=summary,
        tables=(Table(title="Each framework's own initialiser", columns=columns, rows=rows),),
        notes=(f"The two own initialisers declare different distributions for {different} parameters.",),
    )


def _finding(records: list[Record]) -> str:
    departing = sum(not record.passed for record in records)
    return f"departs from it in {departing} tensors" if departing else "follows its declaration"


def _fits(context: CompareContext, side: str) -> dict[str, Fit]:
    """Parameter -> test of what one framework's initialiser drew for it."""
    dump = context.side(side)
    names = [name for name in dump if name.startswith(INITIALISER) and name not in (REPEATED, OTHER_SEED)]
    return {name.removeprefix(INITIALISER): Fit.from_numbers(dump[name]) for name in names}


def _random(fits: dict[str, Fit]) -> int:
    """Number of tests over which the error is shared out: tensors that are not constant."""
    return max(1, sum(fit.kind != 0 for fit in fits.values()))


def _fit_records(side: str, fits: dict[str, Fit]) -> list[Record]:
    tests = _random(fits)
    records = []
    for name, fit in fits.items():
        reason = f"{fit.declared()}: p = {fit.p_value:.3g}, statistic {fit.statistic:.3g}, drawn std {fit.std:.4g}"
        if fit.outside:
            reason += f", {fit.outside} elements where the declaration allows none"
        records.append(
            Record(
                name=f"{side}.{name}",
                outcome="compared",
                shape=(fit.tested,),
                dtype="float32",
                scale=fit.std,
                derivation=f"Kolmogorov-Smirnov on {fit.tested} elements, p >= {FAMILY_ERROR:g} / {tests} (Bonferroni)",
                verdict="as declared" if fit.follows(tests) else "different semantics",
                reason=reason,
            )
        )
    return records


def _seed_records(context: CompareContext, side: str) -> list[Record]:
    meanings = {REPEATED: "the same seed gives the same weights", OTHER_SEED: "another seed gives other weights"}
    holds = {key: int(context.side(side)[key]) == 1 for key in meanings}
    return [
        Record(
            name=f"{side}.{key.removeprefix(INITIALISER)}",
            outcome="compared",
            verdict="as declared" if holds[key] else "different semantics",
            reason=meaning if holds[key] else f"not so: {meaning}",
        )
        for key, meaning in meanings.items()
    ]


def _rows(side: str, fits: dict[str, Fit]) -> list[list[Cell]]:
    tests = _random(fits)
    rows: list[list[Cell]] = []
    for name, fit in fits.items():
        follows = "yes" if fit.follows(tests) else "no"
        rows.append([BACKEND_NAMES[side], name, fit.declared(), fit.mean, fit.std, fit.p_value, follows])
    return rows
