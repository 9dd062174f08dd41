"""What stands behind the numbers: compared tensors and hashes of files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from repro.config.paths import RunPaths
from repro.markdown import number, short_hash
from repro.results.report import ReportedClaim, ReportedRecord, ReportedStep

LONG = 12
WORST = 10
NUMBERS = ("mean_abs", "max_abs", "relative_l2", "gap64", "noise_floor", "tolerance")


def evidence_cell(claim: ReportedClaim) -> str:
    """``file abcdef123456`` for every file behind a number."""
    return ", ".join(f"`{item.file}` {short_hash(item.sha256)}" for item in claim.evidence) or "—"


def _badness(record: ReportedRecord) -> tuple[int, float, float]:
    """Failed before undecided before passed; within these by the gap relative to its tolerance."""
    gap, tolerance = record.gap64, record.tolerance
    ratio = gap / tolerance if gap is not None and tolerance else gap or 0.0
    undecided = record.conclusion == "undecidable at this precision"
    return 0 if record.passed else 1 if undecided else 2, ratio, record.relative_l2 or 0.0


def shown(step: ReportedStep) -> list[ReportedRecord]:
    """The compared tensors; of a long list the worst."""
    if len(step.records) <= LONG:
        return list(step.records)
    return sorted(step.records, key=_badness, reverse=True)[:WORST]


def record_rows(records: Iterable[ReportedRecord]) -> list[list[object]]:
    """One row per compared tensor."""
    return [
        [
            record.name,
            record.shape or "scalar",
            *(number(getattr(record, name)) for name in NUMBERS),
            record.conclusion,
            short_hash(record.sha256_a),
            short_hash(record.sha256_b),
        ]
        for record in records
    ]


def reasons(records: Sequence[ReportedRecord]) -> list[str]:
    """Reasons of the records that did not pass, and how the first tolerance was derived."""
    lines = [f"`{record.name}`: {record.reason}" for record in records if not record.passed and record.reason]
    derived = [f"tolerance of `{record.name}`: {record.derivation}" for record in records if record.derivation]
    return lines + derived[:1]  # one shows how; the others are in the JSON


def file_rows(step: ReportedStep) -> list[list[str]]:
    """Hashes of the step's dumps, one row per file."""
    paths = RunPaths(Path())
    return [
        [f"`{paths.dump(backend, step.step, dtype)}`", short_hash(dump.sha256)]
        for backend, item in step.provenance.items()
        for dtype, dump in item.dumps.items()
    ]
