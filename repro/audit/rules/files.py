"""Rules on files: logs compared with dumps, one side of a pair with the other, and checks with each other."""

from collections.abc import Iterator

from repro.audit.evidence import Check, Folder, by_content
from repro.audit.findings import finding, first_few
from repro.audit.printed import is_number
from repro.results.audit import AuditFinding


def log_findings(check: Check) -> Iterator[AuditFinding]:
    """A committed log against the log that its pair of dumps gives."""
    if check.log is None:
        return
    helper, lines = check.helper, {line.name: line for line in check.lines}
    if helper.stopped or set(lines) != set(helper.means):
        expected = helper.stopped or f"it would list {', '.join(helper.means)}"
        zeros = all(is_number(line.value) and float(line.value) == 0 for line in check.lines)
        yield finding(
            "log of other files",
            check.name,
            f"{check.log} lists {len(lines)} keys; from these two dumps reprod_log cannot write that: {expected}."
            + (" Every value in the log is 0, which is what a dump compared with itself gives." if zeros else ""),
        )
    wrong = [
        f"{name}: {line.value} in the log, {helper.means[name]} from the dumps"
        for name, line in lines.items()
        if name in helper.means and not check.gives(name, line.value)
    ]
    if wrong:
        yield finding("log differs", check.name, f"{check.log}: {'; '.join(wrong)}.")


def name_findings(check: Check) -> Iterator[AuditFinding]:
    """Keys that only one side has, and keys that hold the same numbers."""
    missing = [key for key in check.keys if key not in check.facts]
    if missing and check.compared:  # two files of weights may name their keys differently
        yield finding("keys differ", check.name, f"only one side has {', '.join(missing)}.")
    if check.repeated:
        groups = "; ".join(" = ".join(group) for group in check.repeated)
        distinct = len(check.facts) - sum(len(group) - 1 for group in check.repeated)
        text = f"{len(check.facts)} keys hold {distinct} different numbers or arrays: {groups}."
        yield finding("repeated keys", check.name, text)


def file_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Sides that are one file, checks that rest on the same numbers, sides without a counterpart."""
    for script in folder.scripts:
        if script.compares_with_itself:
            text = f"line {script.line} compares {script.first} with itself: it cannot fail."
            yield finding("same file", script.path, text)
    for check in folder.checks:
        reference, port = check.pair.reference, check.pair.port
        if folder.hashes.get(reference) == folder.hashes.get(port):
            text = "both sides are the same bytes: equal results of two programs, or one file copied; bytes cannot say."
            if others := [path for path in folder.copies(reference) if path != port]:
                text += f" The same bytes are in {first_few(others)}."
            yield finding("same bytes", check.name, text)
    for group in by_content(folder.checks):
        compared = [check for check in group if check.compared]
        names = ", ".join(check.name for check in group)
        if len(compared) > 1:
            logs = ", ".join(check.log or check.scripts[0].path for check in compared)
            yield finding("same evidence", names, f"{len(compared)} checks ({logs}) rest on the same numbers.")
        else:
            yield finding("copy", names, "the same numbers on both sides of each; judged once.")
    for path in folder.unpaired:
        if path in folder.logs:
            yield finding("unpaired", path, "no dumps of these keys go with this log.")
            continue
        copies = folder.copies(path)
        more = f"; it has the same bytes as {first_few(copies)}" if copies else ""
        yield finding("unpaired", path, f"the other side is missing{more}.")
