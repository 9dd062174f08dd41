"""What the audit of published evidence says, as it is written to ``audit.json``."""

from typing import Literal

from pydantic import Field

from repro.results.base import Result
from repro.results.claim import ClaimVerdict

Level = Literal["fault", "note"]
Fit = Literal["same", "squeezed", "transposed", "broadcast", "none"]


class AuditFinding(Result):
    """One observation about the evidence.

    Attributes:
        level: ``fault``: the evidence contradicts the document or itself, or the check cannot show what it is meant
            to show. ``note``: a reader should know it; nothing is contradicted.
        kind: key of ``repro.audit.findings.KINDS``.
        where: the pair, log, document line or script that it is about.
        text: one or two sentences with the figures.
        severity: sorts the findings of one kind, the largest first; means nothing across kinds.
    """

    level: Level
    kind: str
    where: str
    text: str
    severity: float = 0.0


class RankedKind(Result):
    """All findings of one kind, as a reader gets to see them.

    Attributes:
        meaning: what the kind says in general.
        contradicts: whether such findings contradict a documented claim: a number, a committed log's verdict, a
            threshold in a script, or that two programs computed the two sides.
        count: of the findings; ``worst`` holds the first few of them, the worst first.
    """

    level: Level
    kind: str
    meaning: str
    contradicts: bool
    count: int
    worst: tuple[AuditFinding, ...]


class ClaimAnswer(Result):
    """A documented claim and what the published files say about it.

    Attributes:
        logged: the number in committed logs, file -> text.
        rederived: the number from the arrays, as text; None where there are none.
        relative: relative L2 of the difference over the entries that carry information.
        files: path -> sha256 of the files that the answer rests on.
    """

    id: str
    documented: str
    rederived: str | None
    verdict: ClaimVerdict
    reason: str
    logged: dict[str, str] = Field(default_factory=dict)
    relative: float | None = None
    files: dict[str, str] = Field(default_factory=dict)


class AuditedKey(Result):
    """One key of a pair of dumps. The fields from ``shape`` on are None where only one side has the key.

    Attributes:
        logged: mean difference in the committed log; ``reprod_log``: as the helper prints it for these dumps.
        shape, dtype: of the reference.
        fit: how the shapes fit.
        size: number of entries, ``equal`` of them bit-equal.
        mean_size: mean |value|; like ``relative_l2`` and ``max_ulp`` over the entries that carry information.
    """

    key: str
    logged: str | None
    reprod_log: str | None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    fit: Fit | None = None
    size: int | None = None
    equal: int | None = None
    mean_size: float | None = None
    relative_l2: float | None = None
    max_ulp: float | None = None


class ReprodLog(Result):
    """What ``reprod_log`` prints for a pair: its lines, or the exception that stops it."""

    lines: tuple[str, ...]
    stopped: str


class AuditedSeries(Result):
    """A series over steps: both sides, in order; None stands for what is no finite number."""

    key: str
    reference: tuple[float | None, ...]
    port: tuple[float | None, ...]


class AuditedPair(Result):
    """A reference dump and a port dump, with the log and the threshold of their comparison where there are any."""

    pair: str
    steps: tuple[int, ...]
    reference: str
    port: str
    log: str | None
    threshold: float | None
    reprod_log: ReprodLog
    keys: tuple[AuditedKey, ...]
    series: tuple[AuditedSeries, ...] = ()


class AuditSummary(Result):
    """How many claims have each verdict, how many findings each level, and what was there to be checked.

    Attributes:
        contradictions: findings that contradict a documented claim.
        sound: pairs that no fault is about.
        logs, scripts: how many were read; of the scripts only those that compare dumps of the folder.
    """

    claims: dict[ClaimVerdict, int]
    findings: dict[Level, int]
    contradictions: int = 0
    sound: int = 0
    logs: int = 0
    scripts: int = 0


class AuditReport(Result):
    """The whole audit; the Markdown holds nothing that is not in it.

    Attributes:
        documents: documents that were read, path -> count of numbers in them.
        claims: empty where the folder is not the published reproduction's.
        findings: every one; ``ranked`` holds the same by kind, the most serious kind first.
        files: dumps, path -> sha256.
        refused: files that were not read, path -> reason.
        unpaired: dumps and logs whose counterpart is missing.
        uncompared: files of numbers that nothing compares.
        unread: files of formats that are not read.
        left_aside: folders of other people's code, which are not walked.
        absent: dumps that scripts compare and that are not there, script -> paths.
    """

    schema_name: Literal["audit.v2"] = Field("audit.v2", alias="schema")
    summary: AuditSummary
    documents: dict[str, int]
    claims: tuple[ClaimAnswer, ...]
    findings: tuple[AuditFinding, ...]
    ranked: tuple[RankedKind, ...]
    checks: tuple[AuditedPair, ...]
    files: dict[str, str]
    refused: dict[str, str]
    unpaired: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    left_aside: tuple[str, ...] = ()
    absent: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def anything_checked(self) -> bool:
        """Whether there was evidence: a pair, a log, a comparison in a script, or something that contradicts."""
        summary = self.summary
        return bool(self.checks or summary.logs or summary.scripts or summary.findings.get("fault"))
