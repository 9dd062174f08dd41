"""Rules on files: logs compared with dumps, one side of a pair with the other, and checks with each other."""

from collections.abc import Iterator

from repro.audit.evidence import Check, Folder
from repro.audit.findings import MANY, finding, first_few
from repro.audit.printed import is_number
from repro.dumps.log import Line
from repro.results.audit import AuditFinding


def _named(line: Line) -> str:
    """How a line of a log begins: its key, and its measure where that is not the mean."""
    parts = [line.name, line.measure if line.measure != "mean" else ""]
    return f"{' '.join(filter(None, parts))}: " if any(parts) else ""


def log_findings(check: Check) -> Iterator[AuditFinding]:
    """A committed log against the log that its pair of dumps gives."""
    if check.log is None:
        return
    helper, lines = check.helper, {line.name: line for line in check.lines}
    if check.logged_by_helper and (helper.stopped or set(lines) != set(helper.means)):
        expected = helper.stopped or f"it would list {', '.join(helper.means)}"
        zeros = all(is_number(line.value) and float(line.value) == 0 for line in check.lines)
        yield finding(
            "log of other files",
            check.name,
            f"{check.log} lists {len(lines)} keys; from these two dumps reprod_log cannot write that: {expected}."
            + (" Every value in the log is 0, which is what a dump compared with itself gives." if zeros else ""),
        )
    wrong = [
        f"{_named(line)}{line.value} in the log, {dumped} from the dumps"
        for line in (*check.lines, *check.more_lines)
        if line.measure != "any"  # a script that does not say which difference it prints contradicts none
        if (dumped := check.difference(line.name, line.measure))
        and not check.gives(line.name, line.value, line.measure)
    ]
    if wrong:
        yield finding("log differs", check.name, f"{check.log}: {'; '.join(wrong)}.")


def report_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Logs that hold more than one report, which one run of the helper does not explain."""
    for path, reports in folder.reports.items():
        if len(reports) > 1:
            lists = "; ".join(first_few([line.name for line in report]) for report in reports[:MANY])
            text = (
                f"holds {len(reports)} reports ({lists}): reprod_log keeps the log of its first report open, so that"
                " later reports of the same process are written into it too. Each is judged by its own dumps."
            )
            yield finding("several reports", path, text)


def name_findings(check: Check) -> Iterator[AuditFinding]:
    """Keys that only one side has, and keys that hold the same numbers."""
    missing = [key for key in check.keys if key not in check.facts]
    if missing and check.compared:  # two files of weights may name their keys differently
        yield finding("keys differ", check.name, f"only one side has {', '.join(missing)}.")
    firsts = [(group, check.facts[group[0]]) for group in check.repeated]
    repeated = [group for group, facts in firsts if not (facts.constant and facts.low in (0, 1))]  # fresh biases, gains
    if repeated:
        groups = "; ".join(" = ".join(group) for group in repeated)
        distinct = len(check.facts) - sum(len(group) - 1 for group in repeated)
        text = f"{len(check.facts)} keys hold {distinct} different numbers or arrays: {groups}."
        yield finding("repeated keys", check.name, text)


def script_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Scripts that compare a file with itself, that make both sides with one program, or whose dumps are not here."""
    for script in folder.scripts:
        if script.compares_with_itself:
            part = f"{script.first} [{script.first_key}]" if script.first_key else script.first
            text = f"line {script.line} compares {part} with itself: it cannot fail."
            yield finding("same file", script.path, text)
    for shown in folder.one_program:
        sides = set(shown.dumps)
        checks = [check.name for check in folder.checks if sides <= {check.pair.reference, check.pair.port}]
        text = f"{shown.path}: {shown.origin.text} One program made both sides."
        yield finding("one program", checks[0] if checks else shown.path, text)
    if folder.absent:
        scripts = [f"{path} ({first_few(dumps)})" for path, dumps in folder.absent.items()]
        subject = "1 script compares" if len(scripts) == 1 else f"{len(scripts)} scripts compare"
        text = f"{subject} dumps that are not in the folder: {'; '.join(scripts[:MANY])}"
        yield finding("absent dumps", "scripts", text + ("; …" if len(scripts) > MANY else "."))


def file_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Sides that are one file, checks that rest on the same numbers, sides without a counterpart."""
    yield from script_findings(folder)
    yield from report_findings(folder)
    for check in folder.checks:
        reference, port = check.pair.reference, check.pair.port
        if not check.pair.inside and folder.hashes.get(reference) == folder.hashes.get(port):
            text = "both sides are the same bytes: equal results of two programs, or one file copied; bytes cannot say."
            if others := [path for path in folder.copies(reference) if path != port]:
                text += f" The same bytes are in {first_few(others)}."
            yield finding("same bytes", check.name, text)
    for path in folder.unpaired:
        if path in folder.logs:
            yield finding("unpaired", path, "no dumps of these keys go with this log.")
            continue
        if rivals := folder.other_dates.get(path):
            text = f"the other side has other dates: {first_few(rivals)}. Names do not say which of them belongs to it."
            yield finding("unpaired", path, text)
            continue
        copies = folder.copies(path)
        more = f"; it has the same bytes as {first_few(copies)}" if copies else ""
        yield finding("unpaired", path, f"the other side is missing{more}.")
