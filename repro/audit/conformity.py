"""Logs against dumps, sides against each other, and checks against checks."""

from __future__ import annotations

from collections.abc import Iterator

from repro.audit.agreement import same_value
from repro.audit.documents import is_number
from repro.audit.evidence import Check, Folder, by_content
from repro.audit.findings import Finding, some


def log_findings(check: Check) -> Iterator[Finding]:
    """A committed log against the log that its pair of dumps gives."""
    if check.log is None:
        return
    helper, lines = check.helper, {line.name: line for line in check.lines}
    if helper.stopped or set(lines) != set(helper.means):
        said = helper.stopped or f"it would list {', '.join(helper.means)}"
        zeros = all(is_number(line.value) and float(line.value) == 0 for line in check.lines)
        yield Finding(
            "log of other files",
            check.name,
            f"{check.log} lists {len(lines)} keys; from these two dumps reprod_log cannot write that: {said}."
            + (" Every value in the log is 0, which is what a dump compared with itself gives." if zeros else ""),
        )
    wrong = [
        f"{name}: {line.value} in the log, {helper.means[name]} from the dumps"
        for name, line in lines.items()
        if name in helper.means and not same_value(check, name, line.value)
    ]
    if wrong:
        yield Finding("log differs", check.name, f"{check.log}: {'; '.join(wrong)}.")


def key_findings(check: Check) -> Iterator[Finding]:
    """Keys of one side only, and keys that are one."""
    missing = [key for key in check.keys if key not in check.facts]
    if missing and check.compared:  # two files of weights name their keys as they like
        yield Finding("keys differ", check.name, f"only one side has {', '.join(missing)}.")
    if check.repeated:
        groups = "; ".join(" = ".join(group) for group in check.repeated)
        distinct = len(check.facts) - sum(len(group) - 1 for group in check.repeated)
        text = f"{len(check.facts)} keys hold {distinct} different numbers or arrays: {groups}."
        yield Finding("repeated keys", check.name, text)


def file_findings(folder: Folder) -> Iterator[Finding]:
    """Sides that are one file, checks that are one check, sides without another."""
    for script in folder.scripts:
        if script.first == script.second:
            text = f"line {script.comparison.line} compares {script.first} with itself: it cannot fail."
            yield Finding("same file", script.path, text)
    for check in folder.checks:
        reference, port = check.pair.reference, check.pair.port
        if folder.hashes.get(reference) == folder.hashes.get(port):
            others = [path for path in folder.copies(reference) if path != port]
            more = f" The same bytes lie in {some(others)}." if others else ""
            text = (
                "both sides are the same bytes: two programs with equal results, or one file copied; bytes cannot tell."
            )
            yield Finding("same bytes", check.name, text + more)
    for group in by_content(folder.checks):
        judged = [check for check in group if check.compared]
        names = ", ".join(check.name for check in group)
        if len(judged) > 1:
            logs = ", ".join(check.log or check.scripts[0].path for check in judged)
            yield Finding("same evidence", names, f"{len(judged)} checks ({logs}) rest on the same numbers.")
        else:
            yield Finding("copy", names, "the same numbers on both sides of each; judged once.")
    for path in folder.unpaired:
        copies = folder.copies(path)
        more = f"; it has the same bytes as {some(copies)}" if copies else ""
        what = (
            "no dumps of these keys go with this log" if path in folder.logs else f"the other side is not there{more}"
        )
        yield Finding("unpaired", path, f"{what}.")
