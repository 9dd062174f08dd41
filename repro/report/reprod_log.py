"""What ``reprod_log`` says about the same dumps, and why it sometimes says something else than our verdict."""

from collections.abc import Iterable, Iterator

from repro.dumps.log import Line, parse
from repro.markdown import number
from repro.results import Record
from repro.results.report import Disagreement

_BLIND = {
    "missing key": "it stops on, or never sees, a key that only one side has",
    "extra key": "it stops on, or never sees, a key that only one side has",
    "shape differs": "it transposes or broadcasts arrays of different shape before it subtracts them",
    "dtype differs": "it does not look at dtypes",
    "not finite": "its test is `mean > threshold`, which is False for NaN",
    "same file": "it does not notice that both sides are the same file",
    "stale file": "it does not know which run, settings or weights a file comes from",
    "constant": "it does not notice that the arrays are constant, so that any two runs would agree",
}


def _decided_by(record: Record) -> str:
    """What decided a record: its float64 results or, where there are none, the reason itself."""
    if record.gap64 is None:
        return record.reason
    if record.verdict == "different semantics":
        allowed = number(record.tolerance, 3)
        return f"the float64 results differ by {number(record.gap64, 3)} relative L2, more than {allowed}"
    return f"the float64 results differ by {number(record.gap64, 3)} only"


def _reason(line: Line, record: Record) -> str:
    if line.passed and record.outcome != "compared":
        return f"reprod_log passes it: {_BLIND.get(record.outcome, 'it only tests the mean of the differences')}."
    if line.passed and record.verdict == "different semantics":
        return (
            f"reprod_log passes it because the mean of |a - b|, {line.value}, is below its absolute threshold,"
            f" whatever the tensor's size; {_decided_by(record)}."
        )
    if line.passed:
        return f"reprod_log passes it on the mean of |a - b|, {line.value}, alone; the strict comparison cannot decide."
    text = f"reprod_log fails it because the mean of |a - b|, {line.value}, is above its absolute threshold"
    if record.verdict != "same semantics, rounding only":
        return f"{text}; the strict comparison: {record.reason}."
    return (
        f"{text}, whatever the tensor's size; relative to it the difference is {number(record.relative_l2, 3)}, and"
        f" {_decided_by(record)}, so it is rounding."
    )


def disagreements(log: Iterable[str], records: Iterable[Record]) -> Iterator[Disagreement]:
    """Keys that ``reprod_log`` passes and we do not, or the other way round, in the log's order."""
    by_name = {record.name: record for record in records}
    for line in parse(log):
        record = by_name.get(line.name)
        if record is not None and line.passed != record.passed:
            theirs = "passed" if line.passed else "failed"
            reason = _reason(line, record)
            yield Disagreement(name=line.name, theirs=theirs, ours=record.conclusion, reason=reason)
