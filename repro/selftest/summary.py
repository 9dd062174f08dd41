"""The table of the self-test: ``selftest.json``, and ``selftest.md`` rendered from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from repro.markdown import table
from repro.paths import atomic_json, atomic_text
from repro.profile import BACKENDS
from repro.progress import track
from repro.selftest.faults import TABLE, Fault
from repro.selftest.judge import Sight, judge
from repro.selftest.layout import CLEAN, SelftestPaths

SCHEMA = "selftest.v1"


def _row(fault: Fault, backend: str, sights: Sequence[Sight]) -> dict[str, Any]:
    seen = [sight for sight in sights if sight.status == "failed"]
    widest = max(seen, key=lambda sight: sight.margin or 0.0, default=None)
    return {
        "fault": fault.name,
        "mimics": fault.mimics,
        "backend": backend,
        "expected": list(fault.steps),
        "seen": [sight.step for sight in seen],
        "undecided": [sight.step for sight in sights if sight.status == "undecided"],
        "compared": [sight.step for sight in sights],
        "missed": [step for step in fault.steps if step not in {sight.step for sight in seen}],
        "first": _place(seen[0]) if seen else None,
        "widest": _place(widest) if widest else None,
        "steps": [asdict(sight) for sight in sights],
    }


def _place(sight: Sight) -> dict[str, Any]:
    return {"step": sight.step, "tensor": sight.tensor, "margin": sight.margin, "extent": sight.extent()}


def _clean(seed: int, sights: Sequence[Sight]) -> dict[str, Any]:
    alarms = [sight for sight in sights if sight.status != "passed" or sight.passed < sight.records]
    return {
        "seed": seed,
        "steps": len(sights),
        "steps_not_passed": sum(sight.status != "passed" for sight in sights),
        "records": sum(sight.records for sight in sights),
        "records_not_passed": sum(sight.records - sight.passed for sight in sights),
        "alarms": [{**_place(sight), "status": sight.status} for sight in alarms],
    }


def conclude(root: Path, names: Sequence[str] | None = None, clean: int = CLEAN) -> dict[str, Any]:
    """Judge what was captured under ``root``; write and return the table.

    Raises:
        InputError: something was not captured.
    """
    paths = SelftestPaths(root)
    chosen = [fault for fault in TABLE if names is None or fault.name in names]
    cases = [(fault, backend) for fault in chosen for backend in BACKENDS]
    seeds = track(range(clean), total=clean, title="compare clean runs")
    runs = [_clean(seed, judge(paths.clean(seed), keep=seed == 0)) for seed in seeds]
    tracked = track(cases, total=len(cases), title="compare faults")
    rows = [_row(fault, backend, judge(paths.fault(fault.name, backend))) for fault, backend in tracked]
    totals = {name: sum(run[name] for run in runs) for name in runs[0] if name not in ("seed", "alarms")}
    missed = [f"{row['fault']} in {row['backend']}" for row in rows if row["missed"] or not row["seen"]]
    value = {
        "schema": SCHEMA,
        "passed": not missed and not totals["steps_not_passed"] and not totals["records_not_passed"],
        "summary": {
            "faults": len(chosen),
            "planted": len(rows),
            "seen": len(rows) - len(missed),
            "missed": missed,
            "clean": {"runs": len(runs), **totals},
        },
        "faults": rows,
        "clean": runs,
    }
    value = json.loads(json.dumps(value, allow_nan=False))
    atomic_json(paths.json, value)
    atomic_text(paths.markdown, "\n".join(render(value)))
    return value


def sentence(value: dict[str, Any]) -> str:
    """The result in two sentences."""
    counts, clean = value["summary"], value["summary"]["clean"]
    text = f"{counts['seen']} of {counts['planted']} planted faults were seen ({counts['faults']} kinds)"
    text += f"; missed: {', '.join(counts['missed'])}" if counts["missed"] else ""
    alarms = clean["records_not_passed"]
    return (
        f"{text}. Without a fault {alarms} of {clean['records']} records and {clean['steps_not_passed']} of"
        f" {clean['steps']} steps over {clean['runs']} seeds raised a false alarm."
    )


def rows(value: dict[str, Any]) -> list[list[str]]:
    """Cells of the table."""
    found = []
    for row in value["faults"]:
        first, widest = row["first"], row["widest"]
        steps = ", ".join(map(str, row["seen"])) or "none"
        steps += f"; missed by {', '.join(map(str, row['missed']))}" if row["missed"] else ""
        found.append(
            [
                row["fault"],
                row["mimics"],
                row["backend"],
                steps,
                f"step {first['step']}, `{first['tensor']}`: {first['extent']}" if first else "—",
                f"step {widest['step']}, `{widest['tensor']}`: {widest['extent']}" if widest else "—",
            ]
        )
    return found


COLUMNS = ("fault", "what it mimics", "planted in", "steps that saw it", "first", "widest margin")


def render(value: dict[str, Any]) -> list[str]:
    """``selftest.md``."""
    lines = ["# Self-test: detection power of the checks", "", f"**{sentence(value)}**", ""]
    lines += table(COLUMNS, rows(value))
    lines += ["## False alarms", ""]
    columns = ["seed", "steps", "not passed", "records", "not passed"]
    names = ("seed", "steps", "steps_not_passed", "records", "records_not_passed")
    lines += table(columns, [[run[name] for name in names] for run in value["clean"]])
    for run in value["clean"]:
        for alarm in run["alarms"]:
            lines.append(f"- seed {run['seed']}, step {alarm['step']}, `{alarm['tensor']}`: {alarm['extent']}")
    return lines
