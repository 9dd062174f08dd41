"""What stands behind the numbers: compared tensors, log lines, hashes of the dumps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.dumps.log import parse
from repro.markdown import number, short_hash, table
from repro.paths import RunPaths
from repro.report.collect import hashes

LONG = 12
WORST = 10
NUMBERS = ("mean_abs", "max_abs", "relative_l2", "gap64", "noise_floor", "tolerance")


def evidence_cell(claim: dict[str, Any]) -> str:
    """``file abcdef123456`` for every file behind a number."""
    parts = []
    for item in claim["evidence"]:
        name = item.get("file") or item.get("path") or item.get("name") or ""
        parts.append(f"`{name}` {short_hash(item.get('sha256', ''))}".strip())
    return ", ".join(parts) or "—"


def verdict_of(record: dict[str, Any]) -> str:
    """Verdict of a record, or the outcome that kept it from being compared."""
    return str(record["verdict"] if record["outcome"] == "compared" else record["outcome"])


def _badness(record: dict[str, Any]) -> tuple[int, float, float]:
    """Failed before undecided before passed; within these by the gap relative to its tolerance."""
    gap, tolerance = record["gap64"], record["tolerance"]
    ratio = gap / tolerance if gap is not None and tolerance else gap or 0.0
    undecided = verdict_of(record) == "undecidable at this precision"
    return 0 if record["passed"] else 1 if undecided else 2, ratio, record["relative_l2"] or 0.0


def record_tables(step: dict[str, Any]) -> list[str]:
    """Compared tensors; a long list is folded to its worst."""
    records = step["records"]
    if not records:
        return []
    counts = ", ".join(f"{name} {value}" for name, value in step["counts"].items())
    lines = [f"**Compared tensors, PyTorch against Paddle** ({counts})", ""]
    shown = records
    if len(records) > LONG:
        shown = sorted(records, key=_badness, reverse=True)[:WORST]
        lines += [
            f"The worst {WORST} of {len(records)}; all of them are in `records/step{step['step']:02d}.json`.",
            "",
        ]
    columns = [
        "name",
        "shape",
        "mean abs diff",
        "max abs diff",
        "relative L2",
        "float64 gap",
        "noise floor",
        "tolerance",
        "verdict",
    ]
    columns += ["sha256 PyTorch", "sha256 Paddle"]
    rows = [
        [
            record["name"],
            record["shape"] or "scalar",
            *(number(record[name]) for name in NUMBERS),
            verdict_of(record),
            short_hash(record["sha256_a"]),
            short_hash(record["sha256_b"]),
        ]
        for record in shown
    ]
    lines += table(columns, rows)
    return lines + _reasons(shown)


def _reasons(records: list[dict[str, Any]]) -> list[str]:
    """Reasons of the records that did not pass, and how the first tolerance was derived."""
    lines = [
        f"- `{record['name']}`: {' '.join(record['reason'].split())}"
        for record in records
        if not record["passed"] and record["reason"]
    ]
    for record in records:
        if record["derivation"]:  # one is enough to show how; every other one is in the JSON
            lines.append(f"- tolerance of `{record['name']}`: {' '.join(record['derivation'].split())}")
            break
    return [*lines, ""] if lines else []


def log_table(step: dict[str, Any], claims: list[dict[str, Any]]) -> list[str]:
    """The two lines of each documented key from ``reprod_log``'s own log, beside the strict verdict."""
    by_key = {line.name: line for line in parse(step["reprod_log"]["lines"])}
    records = {record["name"]: record for record in step["records"]}
    rows = []
    for claim in claims:
        key, line = claim["column"], by_key.get(claim["column"])
        said = f"`root INFO: {key}:` `mean diff: check passed: {line.passed}, value: {line.value}`" if line else None
        record = records.get(key)
        strict = verdict_of(record) if record else None
        documented = f"`root INFO: {key}:` `mean diff: check passed: True, value: {claim['documented']}`"
        rows.append([documented, said, strict, claim["verdict"]])
    lines = table(["documented log", "`reprod_log` now", "strict comparison", "verdict"], rows)
    final = [text for text in step["reprod_log"]["lines"] if "diff check" in text]
    if final:
        lines += [
            f"Last line of the log now: `{final[-1].strip()}`. The whole log: `{step['reprod_log']['file']}`.",
            "",
        ]
    elif step["status"] != "not run":
        lines += [f"There is no complete `{step['reprod_log']['file']}` in this run.", ""]
    return lines


def _file(backend: str, step: int, name: str) -> str:
    dtype = name.removeprefix("dumps/")
    return str(RunPaths(Path()).dump(backend, step, dtype)) if name != dtype else name


def provenance_lines(step: dict[str, Any]) -> list[str]:
    """Hashes of the step's dumps, one row per file."""
    rows = [
        [f"`{_file(backend, step['step'], name)}`", short_hash(value)]
        for backend, item in step["provenance"].items()
        for name, value in hashes(item)
    ]
    return ["Behind it:", "", *table(["file", "sha256"], rows)] if rows else []
