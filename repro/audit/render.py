"""An audit as ``audit.json``, as ``audit.md``, and as lines for a terminal."""

import textwrap
from pathlib import Path

from repro.audit.findings import KINDS
from repro.config.paths import atomic_text
from repro.markdown import number, short_hash, table
from repro.results.audit import AuditedKey, AuditReport

NAME = "audit"
WIDTH = 110


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def sentence(report: AuditReport) -> str:
    """The result in one sentence."""
    claims, levels = report.summary.claims, report.summary.findings
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in claims.items())
    parts = [f"{len(report.claims)} claims: {verdicts}"] if claims else []
    parts += [
        _count(len(report.checks), "pair of dumps", "pairs of dumps"),
        f"{_count(levels.get('fault', 0), 'fault', 'faults')} and {_count(levels.get('note', 0), 'note', 'notes')}",
    ]
    if report.refused:
        parts.append(f"{_count(len(report.refused), 'file', 'files')} refused")
    return f"{'; '.join(parts)}."


def _claims(report: AuditReport) -> list[str]:
    columns = ["claim", "documented", "in the log", "from the dumps", "relative L2", "verdict", "reason"]
    rows = [
        [c.id, c.documented, next(iter(c.logged.values()), None), c.rederived, c.relative, c.verdict, c.reason]
        for c in report.claims
    ]
    return ["## Claims", "", *table(columns, rows)] if rows else []


def _findings(report: AuditReport) -> list[str]:
    lines = ["## Findings", ""]
    if not report.findings:
        return [*lines, "None.", ""]
    rows = [[item.level, item.kind, f"`{item.where}`", item.text] for item in report.findings]
    lines += table(["level", "kind", "where", "finding"], rows)
    seen = {item.kind for item in report.findings}
    rows = [[kind, level, meaning] for kind, (level, meaning) in KINDS.items() if kind in seen]
    return [*lines, "What the kinds mean:", "", *table(["kind", "level", "meaning"], rows)]


def _checks(report: AuditReport) -> list[str]:
    lines = ["## Every pair, as `reprod_log` prints it from these dumps, and strictly", ""]
    rows: list[list[str | None]] = []
    for check in report.checks:
        log = check.reprod_log.lines  # in turn a line with the key and one with its value
        printed = {text.partition(":")[0]: line.strip() for text, line in zip(log[:-1:2], log[1::2], strict=False)}
        for key in check.keys:
            shape = " × ".join(map(str, key.shape or ())) or "scalar"
            line = f"`{printed[key.key]}`" if key.key in printed else None
            rows.append([f"`{check.pair}`", key.key, shape, key.logged, line, _strict(key)])
        last = log[-1] if log else f"stops: {check.reprod_log.stopped}"
        rows.append([f"`{check.pair}`", "*all*", None, None, f"`{last}`", None])
    return [*lines, *table(["pair", "key", "shape", "committed log", "`reprod_log`", "strictly"], rows)] if rows else []


def _strict(key: AuditedKey) -> str:
    if key.fit is None:
        return "one side only"
    if key.fit != "same" and (key.fit != "squeezed" or key.size != 1):
        return f"shapes differ ({key.fit})"
    equal = f"{key.equal} of {key.size} equal"
    if key.equal == key.size:
        return equal
    relative = f", relative L2 {number(key.relative_l2)}" if key.relative_l2 is not None else ""
    ulp = f", at most {number(key.max_ulp)} ULP" if key.max_ulp is not None else ""
    return f"{equal}{relative}{ulp}"


def render(report: AuditReport) -> str:
    """Text of ``audit.md``."""
    lines = ["# Audit of published evidence", "", f"**{sentence(report)}**", ""]
    if shown := ", ".join(f"`{Path(name).name}` ({count} numbers)" for name, count in report.documents.items()):
        lines += [f"Documents: {shown}.", ""]
    lines += _claims(report) + _findings(report) + _checks(report)
    rows = [[f"`{path}`", short_hash(value)] for path, value in report.files.items()]
    return "\n".join([*lines, "## Files", "", *table(["file", "sha256"], rows)]).rstrip() + "\n"


def write(report: AuditReport, folder: Path) -> Path:
    """Write ``audit.json`` and then ``audit.md``; returns the path of the latter."""
    report.write(folder / f"{NAME}.json")
    path = folder / f"{NAME}.md"
    atomic_text(path, render(report))
    return path


def terminal(report: AuditReport) -> str:
    """Claims, findings and the result as plain text."""
    rows = [("claim", "documented", "in the log", "from the dumps", "verdict")] if report.claims else []
    for claim in report.claims:
        value = claim.documented if len(claim.documented) <= 24 else "(statement)"
        rows.append((claim.id, value, next(iter(claim.logged.values()), "—"), claim.rederived or "—", claim.verdict))
    lines = [f"{name:26}{value:24}{logged:24}{dumped:24}{verdict}" for name, value, logged, dumped, verdict in rows]
    lines += [""] if rows else []
    text = textwrap.TextWrapper(WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    for item in report.findings:
        lines += [f"{item.level}: {item.kind}: {item.where}", *text.wrap(item.text)]
    return "\n".join([*lines, "", sentence(report)])
