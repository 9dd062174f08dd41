"""What stands behind the numbers: compared tensors and hashes of files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from repro.config.paths import RunPaths
from repro.markdown import number, short_hash
from repro.pages import Code, Joined, Phrase, Verdict, phrase
from repro.pages.grids import Grid, grid
from repro.results.record import UNDECIDED
from repro.results.report import ReportedClaim, ReportedRecord, ReportedStep

LONG = 12
WORST = 10
NUMBERS = ("mean_abs", "max_abs", "relative_l2", "gap64", "noise_floor", "tolerance")


def evidence_cell(claim: ReportedClaim) -> Joined | None:
    """File and first digits of its sha256, for every file behind a number."""
    files = (Joined((Code(item.file), short_hash(item.sha256)), " ") for item in claim.evidence)
    return Joined(tuple(files)) if claim.evidence else None


def _badness(record: ReportedRecord) -> tuple[int, float, float]:
    """Failed before undecided before passed; within these by the gap relative to its tolerance."""
    gap, tolerance = record.gap64, record.tolerance
    ratio = gap / tolerance if gap is not None and tolerance else gap or 0.0
    undecided = record.conclusion in UNDECIDED
    return 0 if record.passed else 1 if undecided else 2, ratio, record.relative_l2 or 0.0


def shown(step: ReportedStep) -> list[ReportedRecord]:
    """The compared tensors; of a long list the worst."""
    if len(step.records) <= LONG:
        return list(step.records)
    return sorted(step.records, key=_badness, reverse=True)[:WORST]


def counted(step: ReportedStep) -> Joined:
    """How many tensors were compared, and with what result."""
    return Joined(tuple(Joined((n, Phrase(name)), " ") for name, n in step.counts.items() if n and name != "total"))


def behind(step: ReportedStep) -> Phrase:
    """What is folded under a section."""
    parts = [phrase("reason, evidence and command of each number")]
    if step.records:
        parts.append(phrase("compared tensors: {counts}", counts=counted(step)))
    if disagreements := len(step.reprod_log.disagreements):
        parts.append(phrase("`reprod_log` disagrees on {n}", n=disagreements))
    if step.tables:
        parts.append(phrase("further tables: {n}", n=len(step.tables)))
    return phrase("Behind this: {parts}", parts=Joined(tuple(parts), "; "))


def records_table(records: Iterable[ReportedRecord]) -> Grid:
    """One row per compared tensor."""
    columns = [
        phrase("name"),
        phrase("shape"),
        phrase("mean abs diff"),
        phrase("max abs diff"),
        phrase("relative L2"),
        phrase("float64 gap"),
        phrase("noise floor"),
        phrase("tolerance"),
        phrase("verdict"),
        phrase("sha256 PyTorch"),
        phrase("sha256 Paddle"),
    ]
    rows = (
        [
            record.name,
            record.shape or phrase("scalar"),
            *(number(getattr(record, name)) for name in NUMBERS),
            Verdict(record.conclusion),
            short_hash(record.sha256_a),
            short_hash(record.sha256_b),
        ]
        for record in records
    )
    return grid(columns, rows)


def reasons(records: Sequence[ReportedRecord]) -> list[object]:
    """Reasons of the records that did not pass, and how the first tolerance was derived."""
    lines: list[object] = [
        f"`{record.name}`: {record.reason}" for record in records if not record.passed and record.reason
    ]
    derived = [record for record in records if record.derivation]
    for record in derived[:1]:  # one shows how; the others are in the JSON
        lines.append(phrase("tolerance of {name}: {how}", name=Code(record.name), how=record.derivation))
    return lines


def files_table(step: ReportedStep) -> Grid:
    """Hashes of the step's dumps, one row per file."""
    paths = RunPaths(Path())
    rows = [
        [Code(str(paths.dump(backend, step.step, dtype))), short_hash(dump.sha256)]
        for backend, item in step.provenance.items()
        for dtype, dump in item.dumps.items()
    ]
    return grid([phrase("file"), "sha256"], rows)
