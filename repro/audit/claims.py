"""The documented claims, each answered from the published files: documented, in the committed log, from the dumps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from repro.audit import derive
from repro.audit.agreement import agree, mean_error, prints_as
from repro.audit.evidence import Check, Folder
from repro.audit.facts import Facts
from repro.audit.findings import Finding
from repro.audit.manifest import Entry
from repro.audit.reprod_log import helper_log
from repro.claims import Claim
from repro.claims.consistency import mean_fault
from repro.errors import InputError
from repro.numerics.record import ClaimVerdict

# Findings on a key that a reader of its claim should know, whatever the verdict.
REMARKS = (
    "threshold of another scale",
    "growing difference",
    "shift cancels",
    "too exact",
    "same bytes",
    "same evidence",
)


@dataclass(frozen=True)
class Answer:
    """A claim and what the published files say.

    Attributes:
        logged: the number in committed logs, file -> text.
        rederived: the number from the arrays, as text; None where there are none.
        relative: relative L2 of the difference over the entries that carry information.
        files: path -> sha256 of what it rests on.
    """

    id: str
    documented: str
    rederived: str | None
    verdict: ClaimVerdict
    reason: str
    logged: dict[str, str] = field(default_factory=dict)
    relative: float | None = None
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Case:
    """A claim, the files that the manifest ties to it, and what was found on its key."""

    folder: Folder
    claim: Claim
    entry: Entry
    check: Check | None
    findings: tuple[Finding, ...] = ()

    @property
    def key(self) -> str:
        if self.entry.key is None and self.check is not None:
            return self.check.keys[0]
        return self.entry.key or ""

    @property
    def facts(self) -> Facts | None:
        return self.check.facts.get(self.key) if self.check else None

    def logged(self) -> dict[str, str]:
        """The claim's number as its logs print it."""
        lines = {path: self.folder.logs.get(path, []) for path in self.entry.logs}
        return {path: line.value for path, found in lines.items() for line in found if line.name == self.key}

    def arrays(self, name: str) -> list[np.ndarray]:
        """Both sides of a pair of files: the key, or the only array where the files name it otherwise."""
        sides = [self.folder.load(path) for path in self.entry.sides(name)]
        return [side[self.key] if self.key in side else next(iter(side.values())) for side in sides]

    def answer(
        self, verdict: ClaimVerdict, reasons: list[str], rederived: str | None = None, relative: float | None = None
    ) -> Answer:
        files = {path: self.folder.hashes[path] for path in self.entry.files() if path in self.folder.hashes}
        text = " ".join(f"{_capital(reason.rstrip('.'))}." for reason in reasons)
        return Answer(self.claim.id, self.claim.value, rederived, verdict, text, self.logged(), relative, files)


def _capital(text: str) -> str:
    """First letter large, unless the sentence begins with a file's name."""
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
    logged, stated, found = case.logged(), case.claim.value, []
    if logged:
        beside, value = next(iter(logged.items()))
        if not agree(stated, value):
            same = [path for path, text in logged.items() if agree(stated, text)]
            source = f"stands in {', '.join(same)}, of another run" if same else "stands in no log"
            found.append(f"the documented {stated} {source}; {beside} prints {value}")
            if rederived:
                found[-1] += f" and the dumps beside it give {rederived}"
            return found
    if rederived and not agree(stated, rederived, mean_error(case.facts.size if case.facts else 1)):
        found.append(f"the document says {stated}, the dumps give {rederived}")
    return found


def _rederived(case: _Case) -> str | None:
    """The mean difference as ``reprod_log`` prints it for this key alone, or why it prints none."""
    if case.check is None or case.entry.pair is None:
        return None
    if printed := case.check.helper.means.get(case.key):
        return printed
    a, b = case.arrays(case.entry.pair)
    alone = helper_log({case.key: a}, {case.key: b})
    return alone.means.get(case.key)


def _powerless(case: _Case) -> list[str]:
    """Why the published comparison of this key would have passed whatever the programs did."""
    facts = case.facts
    found = [item.text for item in case.findings if item.kind in ("same file", "threshold passes anything")]
    if facts is not None and (facts.constant or facts.counting):
        found += [item.text for item in case.findings if item.kind == "no information"]
    return found


def _further(case: _Case) -> list[str]:
    """What the manifest has computed besides the mean difference."""
    entry, pair = case.entry, case.entry.pair or ""
    if entry.derive == "cross_entropy" and entry.arrays and entry.inputs:
        logits, losses = case.arrays(entry.arrays), case.arrays(pair)
        values = float(losses[0].ravel()[0]), float(losses[1].ravel()[0])
        return [derive.cross_entropy(logits[0], logits[1], case.folder.load(entry.inputs), values)]
    if entry.derive == "schedule":
        rates = case.arrays(pair)
        return [derive.schedule(rates[0], rates[1])]
    return []


def _difference(case: _Case) -> Answer:
    """A documented mean difference."""
    rederived, facts = _rederived(case), case.facts
    relative = facts.informative.relative_l2 if facts and facts.informative else None
    if relative is not None and not np.isfinite(relative):
        relative = None
    contradictions = _stated_and_logged(case, rederived)
    remarks = [item.text for item in case.findings if item.kind in REMARKS] + _further(case)
    contradictions += [
        item.text for item in case.findings if item.kind in ("shapes differ", "not finite", "out of range")
    ]
    if case.entry.count and facts and facts.size < case.entry.count:
        contradictions.append(f"the document speaks of {case.entry.count} values, the dumps hold {facts.size}")
    if case.entry.derive == "equal_arrays" and case.entry.arrays:
        first, second = (case.folder.load(path) for path in case.entry.sides(case.entry.arrays))
        equal, text = derive.equal_arrays(first, second, case.arrays(case.entry.pair or "")[0])
        (remarks if equal else contradictions).append(text)
    if powerless := _powerless(case):
        return case.answer("published check could not fail", [*powerless, *contradictions], rederived, relative)
    if contradictions:
        return case.answer("document inconsistent", [*contradictions, *remarks], rederived, relative)
    if rederived is None:
        return case.answer("not run", ["the dumps give no mean difference", *remarks])
    agreement = f"document{' , log' if case.logged() else ''} and dumps agree on {rederived}".replace(" ,", ",")
    foreign = [item.text for item in case.findings if item.kind == "log of other files"]
    return case.answer("reproduced", [agreement, *foreign, *remarks], rederived, relative)


def _part(case: _Case) -> Answer:
    a, b = case.arrays(case.entry.pair or "")
    rederived, text = derive.part(a, b, case.entry.index or 0)
    return case.answer("not run", [text], rederived or None)


def _product(case: _Case) -> Answer:
    facts = case.facts
    if facts is None:
        return case.answer("not run", ["the dumps have no such key"])
    reasons = [
        "an absolute difference that grows with the values is no loss of accuracy: "
        + derive.product(facts, case.entry.length or 1),
        "how large the inputs of the product are was not published, and whether the product adds anything beyond"
        " rounding,"
        " only a float64 run can settle",
    ]
    relative = facts.informative.relative_l2 if facts.informative else None
    return case.answer("document inconsistent", reasons, None, relative)


def _value(case: _Case) -> Answer:
    """A documented number that a file holds itself."""
    path = case.entry.values or ""
    found = case.folder.load(path).get(case.key)
    if found is None or found.size != 1:
        return case.answer("not run", [f"{path} holds no number {case.key}"])
    value = float(found.ravel()[0])
    if not prints_as(case.claim.value, value):
        return case.answer(
            "document inconsistent", [f"{path} holds {value!r}, which does not print as documented"], repr(value)
        )
    return case.answer("reproduced", [f"{path} holds {value!r}"], repr(value))


def _respond(case: _Case) -> Answer:
    special = {"part": _part, "product": _product}
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


def _logs_only(case: _Case) -> Answer:
    contradictions = _stated_and_logged(case, None)
    text = "the arrays were not published, so that only the print can be compared"
    if contradictions:
        return case.answer("document inconsistent", [*contradictions, text])
    return case.answer("not run", [text])


def answer_claims(
    folder: Folder,
    claims: dict[str, Claim],
    entries: dict[str, Entry],
    findings: dict[tuple[str, str], tuple[Finding, ...]],
) -> list[Answer]:
    """Every claim, in the order of the document.

    Args:
        findings: (pair, key) -> what was found on it.
    """
    checks = {check.name: check for check in folder.checks}
    answers: dict[str, Answer] = {}
    for claim in claims.values():
        entry = entries.get(claim.id, Entry(claims=claim.id))
        check = checks.get(entry.pair or "")
        case = _Case(folder, claim, entry, check)
        case = _Case(folder, claim, entry, check, findings.get((entry.pair or "", case.key), ()))
        if not entry.files():
            answers[claim.id] = case.answer("not run", [claim.rederive])
        elif missing := _missing(folder, entry):
            answers[claim.id] = case.answer("not run", [missing])
        else:
            answers[claim.id] = _respond(case)
        _hold_against_rows(answers, claim, claims)
    return [_pointed(answer, claims, answers) for answer in answers.values()]


def _hold_against_rows(answers: dict[str, Answer], claim: Claim, claims: dict[str, Claim]) -> None:
    """An average that is not the mean of its rows is inconsistent, whatever file confirms the average."""
    rows = {name: claims[name].value for name in claim.mean_of}
    if rows and (fault := mean_fault(claim.value, rows)):
        old = answers[claim.id]
        confirmed = f" {old.reason}" if old.verdict == "reproduced" else ""
        answers[claim.id] = Answer(
            old.id, old.documented, old.rederived, "document inconsistent", fault + confirmed, files=old.files
        )


def _pointed(answer: Answer, claims: dict[str, Claim], answers: dict[str, Answer]) -> Answer:
    """A claim without a number of its own has the verdict of the claim to which the document points."""
    target = claims[answer.id].refers_to
    if target is None:
        return answer
    other = answers[target]
    reason = f"No number of its own; the document points to {target}, which is: {other.verdict}."
    return Answer(answer.id, answer.documented, None, other.verdict, reason, files=other.files)
