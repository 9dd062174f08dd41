"""What an audit can find, how much each kind weighs, and the findings ranked by kind."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from repro.results.audit import AuditFinding, Level, RankedKind

MANY = 8
WORST = 3


class Kind(NamedTuple):
    """Weight of a kind of finding, and what it means in general.

    ``contradicts`` says that such a finding contradicts a documented claim: a number, the verdict of a committed log,
    the threshold of a script, or that two programs computed the two sides.
    """

    level: Level
    meaning: str
    contradicts: bool = False


# The most serious kind comes first; reports keep this order.
KINDS: dict[str, Kind] = {
    # agreement of the two sides
    "sides differ": Kind("fault", "the two sides differ by more than rounding can explain", True),
    "fails its threshold": Kind("fault", "the dumps do not meet the condition of their own comparison", True),
    "log says failed": Kind("fault", "the committed log itself reports a failed check", True),
    "verdict contradicts value": Kind("fault", "a log gives another verdict than its value and threshold", True),
    # documents, logs and dumps against each other
    "document differs": Kind("fault", "a documented number is not the one in the committed log or the dumps", True),
    "log differs": Kind("fault", "a log prints another number than its dumps give", True),
    "log of other files": Kind("fault", "a log cannot have been made from the dumps beside it", True),
    "average differs": Kind("fault", "an average is not the mean of its rows", True),
    "fewer samples": Kind("fault", "the dumps hold fewer values than the text says", True),
    # where numbers come from
    "same file": Kind("fault", "the comparing script loads one file for both sides", True),
    "one program": Kind("fault", "a script or a neighbouring dump shows that one program made both sides", True),
    "too exact": Kind("fault", "a series of results that two float32 programs do not reach bit for bit", True),
    "hand-made numbers": Kind("fault", "numbers that no computation of their kind gives", True),
    "fractional count": Kind("fault", "a share of samples that no whole number of them gives", True),
    "bytes of another experiment": Kind("fault", "one result for two experiments whose other sides differ", True),
    "same evidence": Kind("fault", "checks that should be independent rest on the same arrays", True),
    # what the comparison can show
    "not finite": Kind("fault", "NaN or infinity, which the published comparison lets pass"),
    "out of range": Kind("fault", "values that cannot be what their name says"),
    "keys differ": Kind("fault", "a key that only one side has"),
    "shapes differ": Kind("fault", "arrays agree only after broadcasting, squeezing or transposing, or not at all"),
    "threshold passes anything": Kind("fault", "the threshold is so loose that any other input would pass too"),
    "threshold of another scale": Kind("fault", "an absolute threshold that does not fit the size of the values"),
    "no information": Kind("fault", "entries on which any two programs agree take part in the comparison"),
    # notes
    "growing difference": Kind("note", "the difference grows step by step, which a mean over the steps hides"),
    "shift cancels": Kind("note", "a large part of the difference is a shift that a softmax removes"),
    "cause": Kind("note", "a claim about cause, judged as far as files without a run allow"),
    "no evidence": Kind("note", "a documented number with no log and no dump behind it"),
    "units not shown": Kind("note", "an average and its rows in units that nothing tells, percent or shares of 1"),
    "threshold not shown": Kind("note", "a log passes more than reprod_log's default, and no script names a threshold"),
    "absent dumps": Kind("note", "scripts whose dumps are not in the folder, so that nothing shows what they found"),
    "unpaired": Kind("note", "a dump or log whose counterpart is missing"),
    "several reports": Kind("note", "a log into which one process wrote several reports"),
    "metric differs": Kind("note", "the metrics differ, by no more than two trainings of one program may"),
    "weights differ": Kind("note", "weights of separate trainings or initialisations, which nobody compared"),
    "computed in float64": Kind("note", "losses with more digits than float32 holds"),
    "rounded numbers": Kind("note", "results that were printed or typed, not stored as computed"),
    "same bytes": Kind("note", "both sides are byte for byte one file, as equal results of two programs can be"),
    "copy": Kind("note", "further files hold the same arrays"),
    "repeated keys": Kind("note", "several keys of one dump hold the same numbers"),
    "dtypes differ": Kind("note", "the two sides hold different number types"),
    "lengths differ": Kind("note", "logs of two trainings that do not have the same number of rows, not compared"),
    "leading axis": Kind("note", "one side has a leading axis of length 1, which changes nothing"),
    "scalar shapes": Kind("note", "single numbers, on one side with an axis of length 1"),
    "constant input": Kind("note", "inputs and zeros that are the same for any two programs, as full masks are"),
    "initial value": Kind("note", "zeros and ones of fresh initialisation, on which any two programs agree"),
    "bit-equal": Kind("note", "float32 arrays that are equal to the last bit"),
    "refused": Kind("note", "a file that is not read, with the reason"),
}


def finding(kind: str, where: str, text: str, severity: float = 0.0) -> AuditFinding:
    """A finding of one of ``KINDS``, with the level of its kind; ``severity`` sorts the findings of that kind."""
    return AuditFinding(level=KINDS[kind].level, kind=kind, where=where, text=text, severity=severity)


def ranked(findings: Iterable[AuditFinding]) -> tuple[RankedKind, ...]:
    """Findings by kind: faults before notes, the most serious kind first, of each the worst ``WORST``."""
    by_kind: dict[str, list[AuditFinding]] = defaultdict(list)
    for item in findings:
        by_kind[item.kind].append(item)
    kinds = sorted((kind for kind in KINDS if kind in by_kind), key=lambda kind: KINDS[kind].level)  # stable
    groups = []
    for kind in kinds:
        level, meaning, contradicts = KINDS[kind]
        worst = sorted(by_kind[kind], key=lambda item: -item.severity)[:WORST]
        groups.append(
            RankedKind(
                level=level,
                kind=kind,
                meaning=meaning,
                contradicts=contradicts,
                count=len(by_kind[kind]),
                worst=tuple(worst),
            )
        )
    return tuple(groups)


def first_few(names: Sequence[str]) -> str:
    """Names joined by commas; only the first ``MANY`` where there are more."""
    return ", ".join([*names[:MANY], *(["…"] if len(names) > MANY else [])])
