"""The audit: what a folder of published evidence says about itself and about the documented claims.

No model is run, nothing that is read is executed, and no framework is needed. One way through:

    discovery -> reading (scripts, log_matching, documents) -> evidence, facts -> rules -> findings -> render

and, where the folder is the published reproduction's, manifest -> claims.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from repro.audit.claims import answer_claims
from repro.audit.documents import MAX_DOCUMENT, Section, read_sections
from repro.audit.evidence import Check, Folder, by_content
from repro.audit.findings import finding
from repro.audit.manifest import Entry, entries_by_claim, load_entries
from repro.audit.reading import read_folder
from repro.audit.rules.documents import document_findings
from repro.audit.rules.files import file_findings, log_findings, name_findings
from repro.audit.rules.keys import ComparedKey, key_findings
from repro.claims import load_claims
from repro.errors import InputError
from repro.results.audit import AuditedKey, AuditedPair, AuditFinding, AuditReport, AuditSummary, ReprodLog
from repro.results.claim import ClaimVerdict
from repro.untrusted.source import read_text

__all__ = ["audit"]

ByKey = dict[tuple[str, str], tuple[AuditFinding, ...]]  # (pair, key) -> findings that bear on it


def _read_documents(folder: Folder, notes: Sequence[Path]) -> dict[str, list[Section]]:
    """Sections of the named documents, else of those in the folder; what cannot be read of the latter is refused."""
    documents = {}
    paths = {str(path): path for path in notes} or {
        name: folder.inventory.root / name for name in folder.inventory.documents
    }
    for name, path in paths.items():
        try:
            documents[name] = read_sections(read_text(path, MAX_DOCUMENT))
        except InputError as error:
            if notes:
                raise InputError(error.what, where=name) from error
            folder.inventory.refused[name] = error.what
    return documents


def _repeated(checks: list[Check]) -> set[int]:
    """``id`` of the checks that repeat the numbers of another; the one with a log is not among them."""
    return {
        id(check)
        for group in by_content(checks)
        for check in sorted(group, key=lambda check: (check.log is None, check.name))[1:]
        if not check.compared
    }


def _key_findings(checks: list[Check], entries: Mapping[str, Entry]) -> ByKey:
    below = {(entry.pair or "", key): end for entry in entries.values() for key, end in entry.below.items()}
    repeated = _repeated(checks)
    by_key: ByKey = {}
    for check in checks:
        for key, facts in check.facts.items() if id(check) not in repeated else ():
            where = f"{check.name} [{key}]" if key else check.name
            compared = ComparedKey(where, facts, check.threshold, below.get((check.name, key)))
            by_key[check.name, key] = tuple(key_findings(compared))
    return by_key


def _concerns(check: Check, item: AuditFinding) -> bool:
    """Whether a finding on files is about a check: its pair, or its script that compares a file with itself."""
    return item.where == check.name or any(s.path == item.where and s.compares_with_itself for s in check.scripts)


def _check_findings(folder: Folder, entries: Mapping[str, Entry]) -> tuple[list[AuditFinding], ByKey]:
    """Findings on files and checks, and those that bear on each key."""
    by_key, of_files = _key_findings(folder.checks, entries), list(file_findings(folder))
    findings, bearing = list(of_files), {}
    for check in folder.checks:
        of_check = [*log_findings(check), *name_findings(check)]
        findings += of_check
        shared = [*(item for item in of_files if _concerns(check, item)), *of_check]
        for key in check.keys:
            of_key = by_key.get((check.name, key), ())
            findings += of_key
            bearing[check.name, key] = (*of_key, *shared)
    return findings, bearing


def _audited_pair(check: Check) -> AuditedPair:
    logged = {line.name: line.value for line in check.lines}
    return AuditedPair(
        pair=check.name,
        steps=tuple(sorted(check.steps)),
        reference=check.pair.reference,
        port=check.pair.port,
        log=check.log,
        threshold=check.threshold,
        reprod_log=ReprodLog(lines=check.helper.lines, stopped=check.helper.stopped),
        keys=tuple(_audited_key(key, logged.get(key), check) for key in check.keys),
    )


def _audited_key(name: str, logged: str | None, check: Check) -> AuditedKey:
    facts, printed = check.facts.get(name), check.helper.means.get(name)
    if facts is None:
        return AuditedKey(key=name, logged=logged, reprod_log=printed)
    gap = facts.informative
    return AuditedKey(
        key=name,
        logged=logged,
        reprod_log=printed,
        shape=facts.shape_a,
        dtype=facts.dtype_a,
        fit=facts.fit,
        size=facts.size,
        equal=facts.equal,
        mean_size=facts.mean_size,
        relative_l2=gap.relative_l2 if gap and math.isfinite(gap.relative_l2) else None,
        max_ulp=gap.max_ulp if gap else None,
    )


def audit(root: Path, notes: Sequence[Path] = (), exclude: Path | None = None) -> AuditReport:
    """Audit a folder of published evidence.

    Args:
        notes: documents whose numbers are compared with the evidence; by default the markdown files of the folder.
        exclude: folder that audits are written to, which is no evidence.

    Raises:
        InputError: no such folder or document, or nothing in it that an audit can read.
    """
    folder = read_folder(root, exclude)
    documents = _read_documents(folder, notes)
    inventory = folder.inventory
    if not (folder.checks or folder.logs or documents or inventory.dumps or inventory.refused):
        raise InputError("no dumps, logs or documents in this folder", where=root, next_step="repro audit DIR")
    claims, manifest = load_claims(), load_entries()
    here = {*inventory.dumps, *inventory.refused, *folder.logs}
    published = any(path in here for entry in manifest for path in entry.files())  # a few may be missing
    entries = entries_by_claim(claims, manifest) if published else {}
    findings, bearing = _check_findings(folder, entries)
    for name, sections in documents.items():
        findings += document_findings(folder, sections, Path(name).name)
    findings += [finding("refused", path, f"{why}.") for path, why in sorted(inventory.refused.items())]
    findings.sort(key=lambda item: item.level)
    answers = answer_claims(folder, claims, entries, bearing) if entries else []
    numbers = {name: sum(len(section.cells) for section in sections) for name, sections in documents.items()}
    verdicts = Counter(answer.verdict for answer in answers)
    order: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)
    return AuditReport(
        summary=AuditSummary(
            claims={verdict: verdicts[verdict] for verdict in order if verdicts[verdict]},
            findings=dict(Counter(item.level for item in findings)),
        ),
        documents=numbers,
        claims=tuple(answers),
        findings=tuple(findings),
        checks=tuple(_audited_pair(check) for check in folder.checks),
        files=folder.hashes,
        refused=inventory.refused,
    )
