"""The audit: what a folder of published evidence says about itself and about the documented claims. No model is run and
no framework is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repro.audit.claims import Answer, answer_claims
from repro.audit.conformity import file_findings, key_findings, log_findings
from repro.audit.documents import MAX_DOCUMENT, MAX_NUMBERS, read_sections
from repro.audit.evidence import Check, Folder, by_content, read_folder
from repro.audit.findings import Finding
from repro.audit.judge import Compared, judge
from repro.audit.manifest import Entry, entries_by_claim, load_entries
from repro.audit.statements import document_findings
from repro.claims import load_claims
from repro.dumps.source import read_text
from repro.errors import InputError

__all__ = ["Audit", "audit"]


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        claims: answers to the documented claims; empty where the folder is not the published reproduction's.
        checks: every pair of dumps, with what ``reprod_log`` prints for it.
        documents: audited documents, path -> number of documented numbers read from it.
    """

    folder: Folder
    claims: list[Answer]
    findings: list[Finding]
    checks: list[Check]
    documents: dict[str, int] = field(default_factory=dict)


def _documents(folder: Folder, notes: Sequence[Path]) -> dict[str, str]:
    """Name -> text of the documents: those named, else those in the folder."""
    found = {}
    paths = {str(path): path for path in notes} or {name: folder.root / name for name in folder.inventory.documents}
    for name, path in paths.items():
        try:
            found[name] = read_text(path, MAX_DOCUMENT)
        except InputError as error:
            if notes:
                raise
            folder.inventory.refused[name] = error.what
    return found


def _is_published(folder: Folder, entries: Sequence[Entry]) -> bool:
    """Whether the manifest's files are in this folder; a few may be missing."""
    here = {*folder.inventory.dumps, *folder.inventory.refused, *folder.logs}
    return any(path in here for entry in entries for path in entry.files())


def _once(checks: list[Check]) -> list[Check]:
    """Checks without those that repeat the numbers of another; of these the one with a log is kept."""
    repeated = {
        id(check)
        for group in by_content(checks)
        for check in sorted(group, key=lambda check: (check.log is None, check.name))[1:]
        if not check.compared
    }
    return [check for check in checks if id(check) not in repeated]


def _bound(entries: dict[str, Entry]) -> dict[tuple[str, str], int]:
    """(pair, key) -> end of the range of its values."""
    return {(entry.pair or "", key): end for entry in entries.values() for key, end in entry.below.items()}


def _judge_keys(folder: Folder, entries: dict[str, Entry]) -> dict[tuple[str, str], tuple[Finding, ...]]:
    """(pair, key) -> findings on it."""
    below, found = _bound(entries), {}
    for check in _once(folder.checks):
        for key, facts in check.facts.items():
            where = f"{check.name} [{key}]" if key else check.name
            compared = Compared(where, facts, check.threshold, below.get((check.name, key)))
            found[check.name, key] = tuple(judge(compared))
    return found


def _about(check: Check, item: Finding) -> bool:
    """Whether a finding on files is about a check: its pair, or its script that compares a file with itself."""
    return item.where == check.name or any(s.path == item.where and s.first == s.second for s in check.scripts)


def audit(root: Path, notes: Sequence[Path] = (), own: Path | None = None) -> Audit:
    """Audit a folder of published evidence.

    Args:
        notes: documents whose numbers are held against the evidence; by default the markdown files of the folder.
        own: folder that audits are written to, which is no evidence.

    Raises:
        InputError: no such folder or document, or nothing in it that an audit can read.
    """
    folder = read_folder(root, own)
    documents = _documents(folder, notes)
    if not (folder.checks or folder.logs or documents or folder.inventory.dumps or folder.inventory.refused):
        raise InputError("no dumps, logs or documents in this folder", where=root, next_step="repro audit DIR")
    claims = load_claims()
    entries = entries_by_claim(claims, load_entries()) if _is_published(folder, load_entries()) else {}
    by_key, of_files = _judge_keys(folder, entries), list(file_findings(folder))
    findings = list(of_files)
    bearing: dict[tuple[str, str], tuple[Finding, ...]] = {}
    for check in folder.checks:
        of_check = [*log_findings(check), *key_findings(check)]
        findings += of_check
        shared = [*(item for item in of_files if _about(check, item)), *of_check]
        for key in check.keys:
            own_findings = by_key.get((check.name, key), ())
            findings += own_findings
            bearing[check.name, key] = (*own_findings, *shared)
    sizes = {}
    for name, text in documents.items():
        sections = read_sections(text)
        count = sum(len(section.cells) for section in sections)
        if count > MAX_NUMBERS:
            why = f"document of more than {MAX_NUMBERS} numbers"
            if notes:
                raise InputError(why, where=name)
            folder.inventory.refused[name] = why
            continue
        sizes[name] = count
        findings += document_findings(folder, sections, Path(name).name)
    findings += [Finding("refused", path, f"{why}.") for path, why in sorted(folder.inventory.refused.items())]
    answers = answer_claims(folder, claims, entries, bearing) if entries else []
    return Audit(folder, answers, sorted(findings, key=lambda item: item.level), folder.checks, sizes)
