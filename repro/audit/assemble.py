"""What is known of a folder, as the result that an audit writes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from repro.audit.documents import Section
from repro.audit.evidence import Check, Folder
from repro.audit.facts import Facts
from repro.audit.findings import KINDS, ranked
from repro.results.audit import (
    AuditedKey,
    AuditedPair,
    AuditedSeries,
    AuditFinding,
    AuditReport,
    AuditSummary,
    ClaimAnswer,
    ReprodLog,
)
from repro.results.claim import ClaimVerdict


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
        series=tuple(_audited_series(facts) for facts in check.facts.values() if facts.steps),
    )


def _audited_series(facts: Facts) -> AuditedSeries:
    values = tuple(value if math.isfinite(value) else None for value in facts.values)
    return AuditedSeries(key=facts.name, reference=values[: facts.size], port=values[facts.size :])


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


def _summary(folder: Folder, answers: Sequence[ClaimAnswer], findings: Sequence[AuditFinding]) -> AuditSummary:
    verdicts = Counter(answer.verdict for answer in answers)
    order: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)
    faulty = {
        place.partition(" [")[0] for item in findings if item.level == "fault" for place in item.where.split(", ")
    }
    return AuditSummary(
        claims={verdict: verdicts[verdict] for verdict in order if verdicts[verdict]},
        findings=dict(Counter(item.level for item in findings)),
        contradictions=sum(KINDS[item.kind].contradicts for item in findings),
        sound=sum(check.name not in faulty for check in folder.checks),
        logs=len(folder.logs),
        scripts=len({script.path for script in folder.scripts}),
    )


def assemble(
    folder: Folder,
    documents: Mapping[str, Sequence[Section]],
    answers: Sequence[ClaimAnswer],
    findings: Sequence[AuditFinding],
) -> AuditReport:
    """The whole report of a folder; ``documents`` by their names for the reader."""
    return AuditReport(
        summary=_summary(folder, answers, findings),
        documents={name: sum(len(section.cells) for section in sections) for name, sections in documents.items()},
        claims=tuple(answers),
        findings=tuple(findings),
        ranked=ranked(findings),
        checks=tuple(_audited_pair(check) for check in folder.checks),
        files=folder.hashes,
        refused=folder.inventory.refused,
        unpaired=tuple(folder.unpaired),
        uncompared=tuple(folder.uncompared),
        unread=tuple(folder.inventory.unread),
        left_aside=tuple(folder.inventory.left_aside),
        absent=folder.absent,
    )
