"""An audit as ``audit.json``, as ``audit.md``, and as lines for a terminal."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from repro.audit import Audit
from repro.audit.claims import Answer
from repro.audit.evidence import Check
from repro.audit.findings import KINDS, Finding
from repro.markdown import number, short_hash, table
from repro.numerics.record import ClaimVerdict
from repro.paths import atomic_json, atomic_text

NAME = "audit"
WIDTH = 110


def to_json(audit: Audit) -> dict[str, Any]:
    """The whole audit as a JSON value; the Markdown holds nothing that is not in it."""
    verdicts = Counter(answer.verdict for answer in audit.claims)
    value = {
        "schema": "audit.v1",
        "summary": {
            "claims": {name: count for name in get_args(ClaimVerdict) if (count := verdicts[name])},
            "findings": dict(Counter(item.level for item in audit.findings)),
        },
        "documents": audit.documents,
        "claims": [asdict(answer) for answer in audit.claims],
        "findings": [{"level": item.level, **asdict(item)} for item in audit.findings],
        "checks": [_check(check) for check in audit.checks],
        "files": audit.folder.hashes,
        "refused": audit.folder.inventory.refused,
    }
    return json.loads(json.dumps(value, allow_nan=False))  # type: ignore[no-any-return]


def _check(check: Check) -> dict[str, Any]:
    return {
        "pair": check.name,
        "steps": sorted(check.steps),
        "reference": check.pair.reference,
        "port": check.pair.port,
        "log": check.log,
        "threshold": check.threshold,
        "reprod_log": {"lines": list(check.helper.lines), "stopped": check.helper.stopped},
        "keys": [_key(check, key) for key in check.keys],
    }


def _key(check: Check, key: str) -> dict[str, Any]:
    facts = check.facts.get(key)
    printed = {line.name: line.value for line in check.lines}
    found: dict[str, Any] = {"key": key, "logged": printed.get(key), "reprod_log": check.helper.means.get(key)}
    if facts is not None:
        gap = facts.informative
        found |= {"shape": list(facts.shape_a), "dtype": facts.dtype_a, "fit": facts.fit}
        found |= {"size": facts.size, "equal": facts.equal, "mean_size": facts.mean_size}
        found |= {"relative_l2": gap.relative_l2 if gap and gap.relative_l2 != float("inf") else None}
        found |= {"max_ulp": gap.max_ulp if gap else None}
    return found


def _count(number_: int, one: str, many: str) -> str:
    return f"{number_} {one if number_ == 1 else many}"


def sentence(report: dict[str, Any]) -> str:
    """The result in one sentence."""
    claims, levels = report["summary"]["claims"], report["summary"]["findings"]
    parts = (
        [f"{sum(claims.values())} claims: " + ", ".join(f"{n} {verdict}" for verdict, n in claims.items())]
        if claims
        else []
    )
    parts += [
        _count(len(report["checks"]), "pair of dumps", "pairs of dumps"),
        f"{_count(levels.get('fault', 0), 'fault', 'faults')} and {_count(levels.get('note', 0), 'note', 'notes')}",
    ]
    if report["refused"]:
        parts.append(f"{_count(len(report['refused']), 'file', 'files')} refused")
    return f"{'; '.join(parts)}."


def _claims(report: dict[str, Any]) -> list[str]:
    if not report["claims"]:
        return []
    rows = [
        [
            claim["id"],
            claim["documented"],
            next(iter(claim["logged"].values()), None),
            claim["rederived"],
            number(claim["relative"]),
            claim["verdict"],
            claim["reason"],
        ]
        for claim in report["claims"]
    ]
    columns = ["claim", "documented", "in the log", "from the dumps", "relative L2", "verdict", "reason"]
    return ["## Claims", "", *table(columns, rows)]


def _findings(report: dict[str, Any]) -> list[str]:
    lines = ["## Findings", ""]
    if not report["findings"]:
        return [*lines, "None.", ""]
    rows = [[item["level"], item["kind"], f"`{item['where']}`", item["text"]] for item in report["findings"]]
    lines += table(["", "kind", "where", "what was found"], rows)
    seen = {item["kind"] for item in report["findings"]}
    rows = [[kind, level, meaning] for kind, (level, meaning) in KINDS.items() if kind in seen]
    return [*lines, "What the kinds mean:", "", *table(["kind", "weight", "meaning"], rows)]


def _checks(report: dict[str, Any]) -> list[str]:
    lines = ["## Every pair, as `reprod_log` prints it from these dumps, and strictly", ""]
    rows: list[list[Any]] = []
    for check in report["checks"]:
        said = {text.partition(":")[0]: line.strip() for text, line in _pairwise(check["reprod_log"]["lines"])}
        for key in check["keys"]:
            shape = " × ".join(map(str, key.get("shape", ()))) or "scalar"
            strict = _strict(key)
            printed = f"`{said[key['key']]}`" if key["key"] in said else None
            rows.append([f"`{check['pair']}`", key["key"], shape, key["logged"], printed, strict])
        last = check["reprod_log"]["lines"][-1:] or [f"stops: {check['reprod_log']['stopped']}"]
        rows.append([f"`{check['pair']}`", "*all*", None, None, f"`{last[0]}`", None])
    return [*lines, *table(["pair", "key", "shape", "committed log", "`reprod_log`", "strictly"], rows)] if rows else []


def _pairwise(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(line with the key, line with its value) of a log."""
    return zip(lines[:-1:2], lines[1::2], strict=False)


def _strict(key: dict[str, Any]) -> str:
    if "fit" not in key:
        return "one side only"
    if key["fit"] != "same" and (key["fit"] != "squeezed" or key["size"] != 1):
        return f"shapes differ ({key['fit']})"
    if key["equal"] == key["size"]:
        return f"{key['size']} of {key['size']} equal"
    relative = f", relative L2 {number(key['relative_l2'])}" if key["relative_l2"] is not None else ""
    ulp = f", at most {number(key['max_ulp'])} ULP" if key["max_ulp"] is not None else ""
    return f"{key['equal']} of {key['size']} equal{relative}{ulp}"


def render(report: dict[str, Any]) -> str:
    """``audit.md``."""
    lines = ["# Audit of published evidence", "", f"**{sentence(report)}**", ""]
    if report["documents"]:
        shown = ", ".join(f"`{Path(name).name}` ({count} numbers)" for name, count in report["documents"].items())
        lines += [f"Documents: {shown}.", ""]
    lines += _claims(report) + _findings(report) + _checks(report)
    rows = [[f"`{path}`", short_hash(value)] for path, value in report["files"].items()]
    return "\n".join([*lines, "## Files", "", *table(["file", "sha256"], rows)]).rstrip() + "\n"


def write(audit: Audit, folder: Path) -> Path:
    """Write ``audit.json`` and then ``audit.md``; returns the path of the latter."""
    report = to_json(audit)
    atomic_json(folder / f"{NAME}.json", report)
    path = folder / f"{NAME}.md"
    atomic_text(path, render(report))
    return path


def _claim_line(answer: Answer) -> str:
    logged = next(iter(answer.logged.values()), "—")
    value = answer.documented if len(answer.documented) <= 24 else "(statement)"
    return f"{answer.id:26}{value:24}{logged:24}{answer.rederived or '—':24}{answer.verdict}"


def _finding_lines(item: Finding) -> list[str]:
    return [
        f"{item.level}: {item.kind}: {item.where}",
        *textwrap.wrap(item.text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False),
    ]


def terminal(audit: Audit) -> str:
    """Claims and findings as plain text."""
    lines: list[str] = []
    if audit.claims:
        lines.append(f"{'claim':26}{'documented':24}{'in the log':24}{'from the dumps':24}verdict")
        lines += [_claim_line(answer) for answer in audit.claims]
        lines.append("")
    for item in audit.findings:
        lines += _finding_lines(item)
    return "\n".join([*lines, "", sentence(to_json(audit))])
