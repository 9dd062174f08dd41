"""One section per step, each with the documented table's own heading and columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.markdown import exact, fenced, number, table
from repro.report.evidence import evidence_cell, log_table, provenance_lines, record_tables
from repro.report.f1 import f1_tables

Claim = dict[str, Any]
Step = dict[str, Any]
Report = dict[str, Any]


def _of(report: Report, number_: int) -> list[Claim]:
    return [claim for claim in report["claims"] if claim["step"] == number_]


def rederived(claim: Claim) -> str | None:
    """The number as the published dumps give it."""
    return claim["published"]["rederived"] if claim["published"] else None


def column_table(claims: list[Claim]) -> list[str]:
    """A documented table of one row: its own columns, with the other two sources and the verdict under it."""
    columns = ["", *(claim["column"] for claim in claims)]
    rows = [
        ["documented", *(claim["documented"] for claim in claims)],
        ["from the published files", *(rederived(claim) for claim in claims)],
        ["measured now", *(exact(claim["measured"]) for claim in claims)],
        ["verdict", *(claim["verdict"] for claim in claims)],
    ]
    return table(columns, rows)


def _forward(report: Report, _: Step) -> list[str]:
    claims = _of(report, 1)
    bisect = [claim for claim in claims if claim["id"].startswith("1.bisect.")]
    lines = column_table([claim for claim in claims if claim not in bisect and claim["kind"] != "text"])
    lines += [
        "The bisection of the notes, operation by operation (documented `# diff` beside the measured one):",
        "",
    ]
    columns = ["operation", "diff, documented", "from the published files", "measured now", "relative L2", "verdict"]
    rows = [
        [
            f"`{claim['column']}`",
            claim["documented"],
            rederived(claim),
            exact(claim["measured"]),
            number(claim["relative"]),
            claim["verdict"],
        ]
        for claim in bisect
    ]
    return lines + table(columns, rows)


def _one_row(report: Report, step: Step) -> list[str]:
    return column_table(_of(report, step["step"]))


def _log(report: Report, step: Step) -> list[str]:
    lines = ["Documented wording, key by key, beside the strict verdict:", ""]
    return lines + log_table(step, _of(report, step["step"]))


def _statement(report: Report, step: Step) -> list[str]:
    lines = []
    for claim in _of(report, step["step"]):
        lines += [f"> {claim['documented']}", ""]
    return lines


def _training(report: Report, _: Step) -> list[str]:
    return f1_tables(report["claims"], report["training"])


DOCUMENTED: dict[int, Callable[[Report, Step], list[str]]] = {
    1: _forward,
    2: _log,
    3: _log,
    4: _one_row,
    5: _statement,
    6: _one_row,
    7: _statement,
    8: _one_row,
    9: _one_row,
    10: _statement,
    11: _training,
}


def claims_table(claims: list[Claim]) -> list[str]:
    """Every number of a section with its verdict and one sentence of reason."""
    columns = ["number", "documented", "from the published files", "measured now", "relative", "verdict", "reason"]
    columns += ["evidence (sha256)"]
    rows = [
        [
            f"{claim['id']}: {claim['what']}",
            claim["documented"],
            rederived(claim),
            exact(claim["measured"]),
            number(claim["relative"]),
            claim["verdict"],
            claim["reason"],
            evidence_cell(claim),
        ]
        for claim in claims
    ]
    return table(columns, rows)


def _disagreements(step: Step) -> list[str]:
    found = step["reprod_log"]["disagreements"]
    if not found:
        return []
    count = len(found)
    lines = [f"**Where `reprod_log` says something else** ({count} of {len(step['records'])} records)", ""]
    rows = [[item["name"], item["theirs"], item["ours"], item["reason"]] for item in found[:10]]
    lines += table(["key", "reprod_log", "strict", "why"], rows)
    if count > 10:
        lines += [f"The other {count - 10} are in `report.json`, `steps[].reprod_log.disagreements`.", ""]
    return lines


def _value(entry: Any) -> Any:
    """Losses and rates need the nine digits of a float32 to be told apart; sizes of differences do not."""
    return number(entry, 9) if isinstance(entry, float) and abs(entry) >= 1e-2 else entry


def _further(step: Step) -> list[str]:
    lines = []
    for item in step["tables"]:
        rows = item["rows"]
        lines += [
            f"**{item['title']}**",
            "",
            *table(item["columns"], [[_value(entry) for entry in row] for row in rows[:30]]),
        ]
        if len(rows) > 30:
            lines += [f"The first 30 of {len(rows)} rows; all of them are in `report.json`.", ""]
    for note in step["notes"]:
        lines += [f"- {' '.join(note.split())}"]
    return [*lines, ""] if step["notes"] else lines


def section(report: Report, step: Step) -> list[str]:
    """The section of one step."""
    claims = _of(report, step["step"])
    lines = [f"## {step['step']}. {step['heading']} · {step['title']}", ""]
    lines += [f"**{step['status']}** — {' '.join(step['summary'].split())}", ""]
    lines += DOCUMENTED[step["step"]](report, step)
    lines += ["**Each documented number**", "", *claims_table(claims)]
    for finding in report["findings"]:
        # a contradiction of the document already stands in the reason of its claim
        if finding["step"] == step["step"] and finding["kind"] != "document inconsistent":
            lines += [f"> **{finding['kind']}**: {' '.join(finding['text'].split())}", ""]
    lines += record_tables(step)
    lines += _disagreements(step)
    lines += _further(step)
    lines += ["Made again by:", "", *fenced([step["command"]], "sh")]
    return lines + provenance_lines(step)
