"""The documented claims, each answered from the published files: documented, in the log, from the dumps."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from repro.audit import derivations
from repro.audit.evidence import Check, Folder
from repro.audit.facts import Facts
from repro.audit.manifest import Entry
from repro.audit.printed import agree, mean_error, prints_as
from repro.claims import Claim
from repro.claims.consistency import mean_fault
from repro.dumps.helper import helper_log
from repro.errors import InputError
from repro.results import ClaimVerdict
from repro.results.audit import AuditFinding, ClaimAnswer

# Findings on a key that the reader of its claim should know, whatever the verdict.
REMARKS = (
    "threshold of another scale",
    "growing difference",
    "shift cancels",
    "too exact",
    "same bytes",
    "same evidence",
)


@dataclass(frozen=True)
class _Case:
    """A claim, the files that the manifest ties to it, and the findings that bear on each (pair, key)."""

    folder: Folder
    claim: Claim
    entry: Entry
    check: Check | None
    bearing: Mapping[tuple[str, str], tuple[AuditFinding, ...]]

    @property
    def key(self) -> str:
        if self.entry.key is None and self.check is not None:
            return self.check.keys[0]
        return self.entry.key or ""

    @property
    def facts(self) -> Facts | None:
        return self.check.facts.get(self.key) if self.check else None

    @property
    def relative(self) -> float | None:
        """Relative L2 of the informative entries, where it is finite."""
        gap = self.facts.informative if self.facts else None
        return gap.relative_l2 if gap and math.isfinite(gap.relative_l2) else None

    def logged(self) -> dict[str, str]:
        """The claim's number as its logs print it."""
        lines = {path: self.folder.logs.get(path, []) for path in self.entry.logs}
        return {path: line.value for path, logged in lines.items() for line in logged if line.name == self.key}

    def texts(self, *kinds: str) -> list[str]:
        """Sentences of the findings of these kinds."""
        findings = self.bearing.get((self.entry.pair or "", self.key), ())
        return [item.text for item in findings if item.kind in kinds]

    def arrays(self, name: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Both sides of a pair of files, by default the compared one: the array of the key, else the first one."""
        sides = [self.folder.load(path) for path in self.entry.sides(name or self.entry.pair or "")]
        a, b = (side[self.key] if self.key in side else next(iter(side.values())) for side in sides)
        return a, b

    def answer(
        self, verdict: ClaimVerdict, reasons: Iterable[str], rederived: str | None = None, relative: float | None = None
    ) -> ClaimAnswer:
        files = {path: self.folder.hashes[path] for path in self.entry.files() if path in self.folder.hashes}
        text = " ".join(f"{_capital(reason.rstrip('.'))}." for reason in reasons)
        return ClaimAnswer(
            id=self.claim.id,
            documented=self.claim.value,
            rederived=rederived,
            verdict=verdict,
            reason=text,
            logged=self.logged(),
            relative=relative,
            files=files,
        )


def _capital(text: str) -> str:
    """The text with a capital first letter, unless it begins with a file name."""
    first = text.split(" ", 1)[0]
    return text if "/" in first or "_" in first else text[0].upper() + text[1:]


def _missing(folder: Folder, entry: Entry) -> str | None:
    """Why a claim's files cannot be used."""
    here = {*folder.inventory.dumps, *folder.logs}
    for path in entry.files():
        if path in folder.inventory.refused:
            return f"{path} is not read: {folder.inventory.refused[path]}"
        if path not in here:
            return f"{path} is not in the folder"
    return None


def _stated_and_logged(case: _Case, rederived: str | None) -> list[str]:
    """How document, committed logs and dumps contradict each other about one number."""
    logged, stated = case.logged(), case.claim.value
    if logged:
        beside, value = next(iter(logged.items()))
        if not agree(stated, value):
            same = [path for path, text in logged.items() if agree(stated, text)]
            source = f"is in {', '.join(same)}, of another run" if same else "is in no log"
            dumps = f" and the dumps beside it give {rederived}" if rederived else ""
            return [f"the documented {stated} {source}; {beside} prints {value}{dumps}"]
    if rederived and not agree(stated, rederived, mean_error(case.facts.size if case.facts else 1)):
        return [f"the document says {stated}, the dumps give {rederived}"]
    return []


def _rederived(case: _Case) -> str | None:
    """The mean difference as ``reprod_log`` prints it, for this key alone where it stops at another."""
    if case.check and (printed := case.check.helper.means.get(case.key)):
        return printed
    a, b = case.arrays()
    return helper_log({case.key: a}, {case.key: b}).means.get(case.key)


def _further(case: _Case) -> list[str]:
    """What the manifest asks for besides the mean difference."""
    entry = case.entry
    if entry.derive == "cross_entropy" and entry.arrays and entry.inputs:
        reference, port = (float(loss.ravel()[0]) for loss in case.arrays())
        return [
            derivations.cross_entropy(*case.arrays(entry.arrays), case.folder.load(entry.inputs), (reference, port))
        ]
    return [derivations.schedule(*case.arrays())] if entry.derive == "schedule" else []


def _difference(case: _Case) -> ClaimAnswer:
    """A documented mean difference."""
    rederived, facts, relative = _rederived(case), case.facts, case.relative
    contradictions = _stated_and_logged(case, rederived)
    remarks = case.texts(*REMARKS) + _further(case)
    contradictions += case.texts("shapes differ", "not finite", "out of range")
    if case.entry.count and facts and facts.size < case.entry.count:
        contradictions.append(f"the document mentions {case.entry.count} values, the dumps hold {facts.size}")
    if case.entry.derive == "equal_arrays" and case.entry.arrays:
        first, second = (case.folder.load(path) for path in case.entry.sides(case.entry.arrays))
        equal, text = derivations.equal_arrays(first, second, case.arrays()[0])
        (remarks if equal else contradictions).append(text)
    powerless = case.texts("same file", "one program", "threshold passes anything")
    if facts and (facts.constant or facts.counting):
        powerless += case.texts("no information", *(["constant input"] if facts.size == 1 else []))
    if powerless:
        return case.answer("published check could not fail", [*powerless, *contradictions], rederived, relative)
    if contradictions:
        return case.answer("document inconsistent", [*contradictions, *remarks], rederived, relative)
    if rederived is None:
        return case.answer("not run", ["the dumps give no mean difference", *remarks])
    agreement = f"document{', log' if case.logged() else ''} and dumps agree on {rederived}"
    return case.answer("reproduced", [agreement, *case.texts("log of other files"), *remarks], rederived, relative)


def _part(case: _Case) -> ClaimAnswer:
    rederived, text = derivations.part(*case.arrays(), case.entry.index or 0)
    return case.answer("not run", [text], rederived or None)


def _product(case: _Case) -> ClaimAnswer:
    facts = case.facts
    if facts is None:
        return case.answer("not run", ["the dumps have no such key"])
    product = derivations.product(facts, case.entry.length or 1)
    reasons = [
        f"an absolute difference that grows with the values is no loss of accuracy: {product}",
        "the size of the inputs of the product was not published, and whether the product adds anything beyond"
        " rounding, only a float64 run can settle",
    ]
    return case.answer("document inconsistent", reasons, None, case.relative)


def _value(case: _Case) -> ClaimAnswer:
    """A documented number that a file holds itself."""
    path = case.entry.values or ""
    array = case.folder.load(path).get(case.key)
    if array is None or array.size != 1:
        return case.answer("not run", [f"{path} holds no number {case.key}"])
    value = float(array.ravel()[0])
    if prints_as(case.claim.value, value):
        return case.answer("reproduced", [f"{path} holds {value!r}"], repr(value))
    reason = f"{path} holds {value!r}, which does not print as documented"
    return case.answer("document inconsistent", [reason], repr(value))


def _respond(case: _Case) -> ClaimAnswer:
    special = {"part": _part, "product": _product}
    if not case.entry.files():
        return case.answer("not run", [case.claim.rederive])
    if missing := _missing(case.folder, case.entry):
        return case.answer("not run", [missing])
    try:
        if case.entry.values:
            return _value(case)
        if case.entry.pair is None:
            return _logs_only(case)
        if case.check is None:
            return case.answer("not run", [f"{case.entry.pair} is no pair of readable dumps"])
        return special.get(case.entry.derive or "", _difference)(case)
    except InputError as error:
        return case.answer("not run", [error.what])


def _logs_only(case: _Case) -> ClaimAnswer:
    contradictions = _stated_and_logged(case, None)
    text = "the arrays were not published, so only the printed numbers can be compared"
    return case.answer("document inconsistent" if contradictions else "not run", [*contradictions, text])


def answer_claims(
    folder: Folder,
    claims: Mapping[str, Claim],
    entries: Mapping[str, Entry],
    findings: Mapping[tuple[str, str], tuple[AuditFinding, ...]],
) -> list[ClaimAnswer]:
    """Every claim, in the order of the document.

    Args:
        findings: (pair, key) -> findings that bear on it.
    """
    checks = {check.name: check for check in folder.checks}
    answers: dict[str, ClaimAnswer] = {}
    for claim in claims.values():
        entry = entries.get(claim.id, Entry(claims=claim.id))
        answer = _respond(_Case(folder, claim, entry, checks.get(entry.pair or ""), findings))
        answers[claim.id] = _compare_with_rows(answer, claim, claims)
    return [_follow_reference(answer, claims, answers) for answer in answers.values()]


def _compare_with_rows(answer: ClaimAnswer, claim: Claim, claims: Mapping[str, Claim]) -> ClaimAnswer:
    """An average that is not the mean of its rows is inconsistent, whatever file confirms the average."""
    rows = {name: claims[name].value for name in claim.mean_of}
    if not rows or not (fault := mean_fault(claim.value, rows)):
        return answer
    reason = f"{fault} {answer.reason}" if answer.verdict == "reproduced" else fault
    return answer.replace(verdict="document inconsistent", reason=reason, logged={}, relative=None)


def _follow_reference(
    answer: ClaimAnswer, claims: Mapping[str, Claim], answers: Mapping[str, ClaimAnswer]
) -> ClaimAnswer:
    """A claim without a number gets the verdict of the claim that the document refers to."""
    target = claims[answer.id].refers_to
    if target is None:
        return answer
    other = answers[target]
    reason = f"It has no number; the document refers to {target}, which is: {other.verdict}."
    return answer.replace(
        rederived=None, verdict=other.verdict, reason=reason, logged={}, relative=None, files=other.files
    )
