"""What an audit can find, and how much each kind weighs."""

from collections.abc import Sequence
from typing import NamedTuple

from repro.results.audit import AuditFinding, Level

MANY = 8


class Kind(NamedTuple):
    """Weight of a kind of finding, and what it means in general."""

    level: Level
    meaning: str


KINDS: dict[str, Kind] = {
    # documents, logs and dumps against each other
    "document differs": Kind("fault", "a documented number is not the one in the committed log or the dumps"),
    "log differs": Kind("fault", "a log prints another number than its dumps give"),
    "log of other files": Kind("fault", "a log cannot have been made from the dumps beside it"),
    "no evidence": Kind("note", "a documented number with no log and no dump behind it"),
    "average differs": Kind("fault", "an average is not the mean of its rows"),
    "fewer samples": Kind("fault", "the dumps hold fewer values than the text says"),
    "cause": Kind("note", "a claim about cause, judged as far as files without a run allow"),
    # the two sides of a check
    "same file": Kind("fault", "the comparing script loads one file for both sides"),
    "same bytes": Kind("note", "both sides are byte for byte one file, as equal results of two programs can be"),
    "same evidence": Kind("fault", "checks that should be independent rest on the same arrays"),
    "copy": Kind("note", "further files hold the same arrays"),
    "repeated keys": Kind("note", "several keys of one dump hold the same numbers"),
    "keys differ": Kind("fault", "a key that only one side has"),
    "shapes differ": Kind("fault", "arrays agree only after broadcasting, squeezing or transposing, or not at all"),
    "scalar shapes": Kind("note", "single numbers, on one side with an axis of length 1"),
    "dtypes differ": Kind("note", "the two sides hold different number types"),
    "not finite": Kind("fault", "NaN or infinity, which the published comparison lets pass"),
    "unpaired": Kind("note", "a dump or log whose counterpart is missing"),
    # what the comparison can show
    "threshold passes anything": Kind("fault", "the threshold is so loose that any other input would pass too"),
    "threshold of another scale": Kind("fault", "an absolute threshold that does not fit the size of the values"),
    "no information": Kind("fault", "entries on which any two programs agree take part in the comparison"),
    "constant input": Kind("note", "inputs that are the same for any two programs, as positions and full masks are"),
    "out of range": Kind("fault", "values that cannot be what their name says"),
    "shift cancels": Kind("note", "a large part of the difference is a shift that a softmax removes"),
    "growing difference": Kind("note", "the difference grows step by step, which a mean over the steps hides"),
    "too exact": Kind("fault", "a series of results that two float32 programs do not reach bit for bit by themselves"),
    "bit-equal": Kind("note", "float32 arrays that are equal to the last bit"),
    # files
    "refused": Kind("note", "a file that is not read, with the reason"),
}


def finding(kind: str, where: str, text: str) -> AuditFinding:
    """A finding of one of ``KINDS``, with the level of its kind."""
    return AuditFinding(level=KINDS[kind].level, kind=kind, where=where, text=text)


def first_few(names: Sequence[str]) -> str:
    """Names joined by commas; only the first ``MANY`` where there are more."""
    return ", ".join([*names[:MANY], *(["…"] if len(names) > MANY else [])])
