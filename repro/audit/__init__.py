"""The audit: what a folder of published evidence says about itself and about the documented claims.

No model is run, nothing that is read is executed, and no framework is needed. One way through:

    discovery -> reading (scripts, log_matching, documents) -> evidence, facts -> rules -> findings
    -> assemble -> overview -> terminal, render, page

and, where the folder is the published reproduction's, manifest -> claims.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from repro.audit.assemble import assemble
from repro.audit.claims import answer_claims
from repro.audit.documents import MAX_DOCUMENT, Section, read_sections
from repro.audit.evidence import Check, Folder
from repro.audit.findings import finding
from repro.audit.manifest import Entry, entries_by_claim, load_entries
from repro.audit.reading import read_folder
from repro.audit.rules.copies import borrowed_findings, content_findings
from repro.audit.rules.counts import documented_counts, in_documents
from repro.audit.rules.documents import document_findings
from repro.audit.rules.files import file_findings, log_findings, name_findings
from repro.audit.rules.logs import verdict_findings
from repro.audit.rules.neighbours import neighbour_findings
from repro.audit.rules.pairs import ByKey, findings_by_key
from repro.claims import load_claims
from repro.errors import InputError
from repro.results.audit import AuditFinding, AuditReport
from repro.untrusted.source import read_text

__all__ = ["audit"]

IMPLIED = ("bit-equal", "initial value")  # notes that say nothing more about a pair of equal files


def _names(root: Path, notes: Sequence[Path]) -> dict[str, Path]:
    """Name of each document for the reader: relative to the folder; outside of it no longer than tells them apart."""
    names = {}
    for path in notes:
        full = path.resolve()
        alone = sum(other.name == path.name for other in notes) == 1
        inside = full.is_relative_to(root)
        names[str(full.relative_to(root)) if inside else path.name if alone else str(path)] = path
    return names


def _read_document(path: Path) -> str:
    """Text of a document.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    text = read_text(path, MAX_DOCUMENT)
    if "\0" in text:
        raise InputError("no text but a file in a format of its own", next_step="save it as Markdown or plain text")
    return text


def _read_documents(folder: Folder, notes: Sequence[Path]) -> dict[str, list[Section]]:
    """Sections of the named documents, else of those in the folder; what cannot be read of the latter is refused."""
    documents = {}
    paths = _names(folder.inventory.root, notes) or {
        name: folder.inventory.root / name for name in folder.inventory.documents
    }
    for name, path in paths.items():
        try:
            text = _read_document(path)
            if notes and not text.strip():
                raise InputError("the document is empty", next_step="name one that holds numbers")
            documents[name] = read_sections(text, path.suffix)
        except InputError as error:
            if notes:
                raise InputError(error.what, where=name, next_step=error.next_step) from error
            folder.inventory.refused[name] = error.what
    return documents


def _concerning(check: Check, by_place: Mapping[str, Sequence[AuditFinding]]) -> Iterator[AuditFinding]:
    """Findings on files that are about a check: on its pair, or on its script that compares a file with itself."""
    for place in {check.name, *(script.path for script in check.scripts if script.compares_with_itself)}:
        yield from by_place.get(place, ())


def _check_findings(
    folder: Folder, entries: Mapping[str, Entry], samples: tuple[int, ...]
) -> tuple[list[AuditFinding], ByKey]:
    """Findings on files and checks, and those that bear on each key.

    Args:
        samples: numbers of samples that the documents speak of.
    """
    below = {(entry.pair or "", key): end for entry in entries.values() for key, end in entry.below.items()}
    by_key = findings_by_key(folder.checks, below, samples)
    of_files = [
        *file_findings(folder),
        *content_findings(folder),
        *borrowed_findings(folder),
        *neighbour_findings(folder),
    ]
    of_files += verdict_findings(folder)
    findings, bearing = list(of_files), {}
    by_place: dict[str, list[AuditFinding]] = defaultdict(list)
    for item in of_files:
        by_place[item.where].append(item)
    for check in folder.checks:
        of_check = [*log_findings(check), *name_findings(check)]
        findings += of_check
        shared = [*_concerning(check, by_place), *of_check]
        for key in check.keys:
            bearing[check.name, key] = (*by_key.get((check.name, key), ()), *shared)
    one_file = {item.where for item in of_files if item.kind == "same bytes"}
    findings += dict.fromkeys(
        item
        for (pair, _), items in by_key.items()
        for item in items
        if pair not in one_file or item.kind not in IMPLIED
    )
    return findings, bearing


def audit(root: Path, notes: Sequence[Path] = (), exclude: Path | None = None) -> AuditReport:
    """Audit a folder of published evidence.

    Args:
        notes: documents whose numbers are compared with the evidence; by default the markdown files of the folder.
        exclude: folder that audits are written to, which is no evidence.

    Raises:
        InputError: no such folder or document.
    """
    folder = read_folder(root, exclude)
    documents = _read_documents(folder, notes)
    inventory = folder.inventory
    claims, manifest = load_claims(), load_entries()
    here = {*inventory.dumps, *inventory.refused, *folder.logs}
    published = any(path in here for entry in manifest for path in entry.files())  # a few may be missing
    entries = entries_by_claim(claims, manifest) if published else {}
    findings, bearing = _check_findings(folder, entries, in_documents(chain(*documents.values())))
    findings += document_findings(folder, documents)
    for name, sections in documents.items():
        findings += documented_counts(sections, in_documents(sections), name)
    findings += [finding("refused", path, f"{why}.") for path, why in sorted(inventory.refused.items())]
    findings.sort(key=lambda item: item.level)
    answers = answer_claims(folder, claims, entries, bearing) if entries else []
    return assemble(folder, documents, answers, findings)
