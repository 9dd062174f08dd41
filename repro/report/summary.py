"""The first page: result in one sentence, verdict per step, how to read it, and the block that holds every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from repro.markdown import clock, exact, short_hash, table

RUN_START, RUN_END = "<!-- run: only here may two runs differ -->", "<!-- /run -->"

HOW_TO_READ = {
    "reproduced": "measured again under the same conditions; equal within the digits printed or the derived tolerance",
    "differs": "measured again under the same conditions, and not equal; this alone makes a run end with exit code 1",
    "document inconsistent": "the document contradicts itself or arithmetic; the contradiction is named",
    "published check could not fail": "the published comparison would have passed whatever the programs did",
    "not comparable in this profile": "the value depends on weights, data or a device that this profile does not have",
    "not run": "the step was left out or its files are not complete; never to be taken for done",
}
_STATUS = {
    "passed": "every comparison of the step is equal, or rounding as far as float64 can tell",
    "failed": "at least one comparison is not, or the record does not add up",
    "undecided": "none failed, but some could not be judged at this precision",
}


def _judgement(report: dict[str, Any]) -> str:
    differs = [claim["id"] for claim in report["claims"] if claim["verdict"] == "differs"]
    failed = [str(step["step"]) for step in report["steps"] if step["status"] == "failed"]
    lost = [str(step["step"]) for step in report["steps"] if step["lost"]]
    parts = [f"documented claims that differ: {', '.join(differs)}"] if differs else []
    parts += [f"steps that failed: {', '.join(failed)}"] if failed else []
    parts += [f"INCOMPLETE RUN, without usable files of steps {', '.join(lost)}"] if lost else []
    return "; ".join(parts) or "Every claim that could be judged is reproduced or explained"


def result_sentence(report: dict[str, Any]) -> str:
    """The result in one sentence."""
    parts = []
    for name, noun in (("steps", "steps"), ("claims", "documented claims")):
        counts = dict(report["summary"][name])
        total = counts.pop("total")
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        parts.append(f"{total} {noun}: {found}")
    trainings = report["summary"]["trainings"]
    if trainings["total"]:
        parts.append(f"{trainings['done']} of {trainings['total']} trainings complete")
    judgement = _judgement(report)
    return f"{judgement[0].upper()}{judgement[1:]} — {'; '.join(parts)}."


def _files(value: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """(name, value, sha256) of everything in ``inputs.json``; a file with its hash is one row."""
    if isinstance(value, dict) and isinstance(value.get("sha256"), str):
        size = f" ({value['bytes']} bytes)" if "bytes" in value else ""
        yield name, f"`{value.get('path', name)}`{size}", short_hash(value["sha256"])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _files(item, f"{name} {key}".strip())
    elif value is not None:
        yield name, f"`{value}`" if "/" in str(value) else str(value), "—"


def run_lines(run: dict[str, Any]) -> list[str]:
    """The run block: profile, device, versions, durations."""
    durations = run["durations"]
    rows = [
        ["profile", run["profile"]],
        ["protocol", run["protocol"]],
        ["run directory (`$RUN` below)", f"`{run['directory']}`"],
        ["machine", ", ".join(f"{name} {value}" for name, value in run["machine"].items())],
        ["repro", run["repro"]],
    ]
    for backend in run["backends"]:
        packages = ", ".join(f"{name} {version}" for name, version in run["versions"].get(backend, {}).items())
        rows.append([f"{backend}: device", run["device"].get(backend)])
        rows.append([f"{backend}: versions", packages or None])
        rows.append([f"{backend}: time in captures", clock(durations["captures"].get(backend, 0.0))])
        spent = [seconds for name, seconds in durations["trainings"].items() if name.startswith(f"{backend}/")]
        rows.append([f"{backend}: time in {len(spent)} trainings", clock(sum(spent))])
    rows.append(["duration, first to last file (pauses included)", clock(durations["elapsed"])])
    lines = [RUN_START, "", *table(["run", ""], rows), *_costs(run)]
    lines += ["Inputs:", "", *table(["input", "where", "sha256"], _files(run["inputs"]))]
    return [*lines, RUN_END, ""]


def _costs(run: dict[str, Any]) -> list[str]:
    """Time and peak memory of everything but the trainings of step 11."""
    if not run["costs"]:
        return []
    sides = run["backends"]
    rows = []
    for part, own in run["costs"].items():
        found = [own.get(side) for side in sides]
        times = [clock(cost["seconds"]) if cost else None for cost in found]
        # 0: the kernel did not tell
        peaks = [f"{cost['peak_memory'] / 1e9:.2f} GB" if cost and cost["peak_memory"] else None for cost in found]
        rows.append([part, *times, *peaks])
    columns = ["part", *sides, *(f"{side}: peak memory" for side in sides)]
    return [
        "Time of every part, and the most that its process held meanwhile, the framework included:",
        "",
        *table(columns, rows),
    ]


def _counts(report: dict[str, Any]) -> list[str]:
    counts = report["summary"]["claims"]
    lines = [f"**Verdicts on the {counts['total']} documented claims, and how to read them**", ""]
    rows = [[verdict, counts[verdict], meaning] for verdict, meaning in HOW_TO_READ.items()]
    lines += table(["verdict", "claims", "meaning"], rows)
    text = "; ".join(f"*{name}*: {meaning}" for name, meaning in _STATUS.items())
    return [*lines, f"Verdicts on steps: {text}.", ""]


def _deviations(report: dict[str, Any]) -> list[str]:
    protocol = report["protocol"]
    if not protocol["deviations"]:
        return [
            f"Under the protocol `{protocol['name']}` both frameworks follow the same training rules.",
            "",
        ]
    lines = [f"Under the protocol `{protocol['name']}` the two programs differ in these rules:", ""]
    rows = [[f"`{name}`", *pair] for name, pair in protocol["deviations"].items()]
    return lines + table(["rule", "PyTorch", "Paddle"], rows)


def _attention(report: dict[str, Any]) -> list[str]:
    """Differing claims and findings, which a reader should not have to look for."""
    lines = [
        f"- **differs** {claim['id']}: documented {claim['documented']}, measured {exact(claim['measured'])}."
        f" {claim['reason']}"
        for claim in report["claims"]
        if claim["verdict"] == "differs"
    ]
    lines += [f"- **{item['kind']}**: {' '.join(item['text'].split())}" for item in report["findings"]]
    return ["**What needs attention**", "", *lines, ""] if lines else []


def _published(report: dict[str, Any]) -> list[str]:
    """Faults of the published files, found without a run."""
    audit = report["audit"]
    lines = ["**What the published files say about themselves**", ""]
    if audit["reason"]:
        return [*lines, f"Not run. {audit['reason']}", ""]
    items = [f"- **{item['kind']}** `{item['where']}`: {' '.join(item['text'].split())}" for item in audit["findings"]]
    where = "All pairs, logs and notes: [audit/audit.md](audit/audit.md)."
    return [*lines, *(items or ["No fault."]), "", where, ""]


def _power(report: dict[str, Any]) -> list[str]:
    """What the checks are able to see, in two sentences."""
    power = report["selftest"]
    text = f"Not run. {power['reason']}" if power["reason"] else power["sentence"]
    where = "" if power["reason"] else " All faults: [detection power](#detection-power)."
    return ["**Detection power of the checks**", "", f"{text}{where}", ""]


def summary(report: dict[str, Any]) -> list[str]:
    """Summary of the report."""
    run = report["run"]
    lines = [f"# Reproduction report: profile {run['profile']}", "", f"**{result_sentence(report)}**", ""]
    rows = [
        [
            f"[{step['step']}](#step-{step['step']}) {step['heading']} · {step['title']}",
            step["status"],
            step["summary"],
        ]
        for step in report["steps"]
    ]
    lines += table(["step", "verdict", "in one sentence"], rows)
    lines += _counts(report) + _attention(report) + _published(report) + _power(report) + _deviations(report)
    return lines + run_lines(run)
