"""The table of the self-test: ``selftest.json``, and ``selftest.md`` rendered from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from repro.markdown import table
from repro.paths import atomic_json, atomic_text
from repro.profile import BACKENDS
from repro.progress import track
from repro.selftest.faults import Fault, chosen
from repro.selftest.judge import Sight, judge, remove_dumps
from repro.selftest.layout import CLEAN, SelftestPaths

SCHEMA = "selftest.v1"
COLUMNS = ("fault", "what it mimics", "PyTorch: seen by steps", "margin", "Paddle: seen by steps", "margin")


def _place(sight: Sight) -> dict[str, Any]:
    return {"step": sight.step, "tensor": sight.tensor, "margin": sight.margin, "extent": sight.extent()}


def _planted(fault: Fault, sights: Sequence[Sight]) -> dict[str, Any]:
    """One fault in one framework. The margin is told of the first step whose business the fault is."""
    seen = [sight for sight in sights if sight.status == "failed"]
    told = [sight for sight in seen if sight.step in fault.steps] or seen
    return {
        "compared": [sight.step for sight in sights],
        "seen": [sight.step for sight in seen],
        "undecided": [sight.step for sight in sights if sight.status == "undecided"],
        "missed": [step for step in fault.steps if step not in {sight.step for sight in seen}],
        "told": _place(told[0]) if told else None,
        "steps": [asdict(sight) for sight in sights],
    }


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


def _cells(row: dict[str, Any]) -> list[str]:
    found = [row["fault"], row["mimics"]]
    for backend in BACKENDS:
        item = row[backend]
        told = item["told"]
        steps = ", ".join(map(str, item["seen"])) or "none"
        steps += f"; missed by {', '.join(map(str, item['missed']))}" if item["missed"] else ""
        found += [steps, f"step {told['step']}, `{told['tensor']}`: {told['extent']}" if told else "—"]
    return found


def sentence(counts: dict[str, Any]) -> str:
    """The result in two sentences, from its summary."""
    clean = counts["clean"]
    closest = ""
    if counts["closest"]:
        closest = " The closest call is {fault} in {backend}, at {margin:.2g} times its bound.".format(
            **counts["closest"]
        )
    missed = f"; not by every step that has to: {', '.join(counts['missed'])}" if counts["missed"] else ""
    return (
        f"{counts['faults']} kinds of fault, planted {counts['planted']} times in the running code of the two"
        f" frameworks: {counts['seen']} seen{missed}.{closest} Without a fault {clean['records_not_passed']} of"
        f" {clean['records']} records and {clean['steps_not_passed']} of {clean['steps']} steps over {clean['runs']}"
        f" seed{'s' if clean['runs'] > 1 else ''} raised a false alarm."
    )


def _judge_all(paths: SelftestPaths, faults: Sequence[Fault], clean: int, workers: int) -> None:
    """Leave the result of every run, and the dumps of ``clean/0`` alone."""
    runs = [paths.clean(seed) for seed in range(clean)]
    runs += [paths.fault(fault.name, backend) for fault in faults for backend in BACKENDS]
    with ProcessPoolExecutor(workers) as pool:
        list(track(pool.map(judge, runs), total=len(runs), title="compare"))
    for run in runs[1:]:
        remove_dumps(run)


def conclude(root: Path, names: Sequence[str] | None = None, clean: int = CLEAN, *, workers: int = 1) -> dict[str, Any]:
    """Judge what ``capture_all`` left under ``root``; write the table, and return it as a JSON value.

    ``passed`` in it is true if every fault was seen by every step whose business it is and nothing else was seen.

    Args:
        names: of the faults; all of the table by default.
        clean: number of seeds over which false alarms are counted.
        workers: processes that compare at a time.

    Raises:
        InputError: something was not captured, or an unknown fault is named.
    """
    paths, faults = SelftestPaths(root), chosen(names)
    _judge_all(paths, faults, clean, workers)
    runs = [_clean(seed, judge(paths.clean(seed))) for seed in range(clean)]
    rows = []
    for fault in faults:
        row: dict[str, Any] = {"fault": fault.name, "mimics": fault.mimics, "expected": list(fault.steps)}
        for backend in BACKENDS:
            row[backend] = _planted(fault, judge(paths.fault(fault.name, backend)))
        rows.append(row)
    missed = [f"{row['fault']} in {b}" for row in rows for b in BACKENDS if row[b]["missed"]]
    totals = {name: sum(run[name] for run in runs) for name in runs[0] if name not in ("seed", "alarms")}
    margins = [
        {"fault": row["fault"], "backend": b, "step": row[b]["told"]["step"], "margin": row[b]["told"]["margin"]}
        for row in rows
        for b in BACKENDS
        if row[b]["told"] and row[b]["told"]["margin"] is not None
    ]
    counts = {
        "faults": len(rows),
        "planted": len(rows) * len(BACKENDS),
        "seen": len(rows) * len(BACKENDS) - len(missed),
        "missed": missed,
        "closest": min(margins, key=lambda item: item["margin"], default=None),
        "clean": {"runs": len(runs), **totals},
    }
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "passed": not (missed or totals["steps_not_passed"] or totals["records_not_passed"]),
        "sentence": sentence(counts),
        "summary": counts,
        "table": {"columns": list(COLUMNS), "rows": [_cells(row) for row in rows]},
        "faults": rows,
        "clean": runs,
    }
    value = json.loads(json.dumps(value, allow_nan=False))
    atomic_text(paths.markdown, render(value))
    atomic_json(paths.json, value)
    return value


def render(value: dict[str, Any]) -> str:
    """``selftest.md``."""
    lines = ["# Self-test: detection power of the checks", "", f"**{value['sentence']}**", ""]
    lines += table(value["table"]["columns"], value["table"]["rows"])
    lines += ["## False alarms", ""]
    columns = ("seed", "steps", "not passed", "records", "not passed")
    names = ("seed", "steps", "steps_not_passed", "records", "records_not_passed")
    lines += table(columns, [[run[name] for name in names] for run in value["clean"]])
    alarms = [(run["seed"], alarm) for run in value["clean"] for alarm in run["alarms"]]
    lines += [f"- seed {seed}, step {a['step']} {a['status']}, `{a['tensor']}`: {a['extent']}" for seed, a in alarms]
    return "\n".join(lines).rstrip() + "\n"
