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
    """

    level: Level
    kind: str
    where: str
    text: str


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


class AuditSummary(Result):
    """How many claims have each verdict, and how many findings each level."""

    claims: dict[ClaimVerdict, int]
    findings: dict[Level, int]


class AuditReport(Result):
    """The whole audit; the Markdown holds nothing that is not in it.

    Attributes:
        documents: documents that were read, path -> count of numbers in them.
        claims: empty where the folder is not the published reproduction's.
        files: dumps, path -> sha256.
        refused: files that were not read, path -> reason.
    """

    schema_name: Literal["audit.v1"] = Field("audit.v1", alias="schema")
    summary: AuditSummary
    documents: dict[str, int]
    claims: tuple[ClaimAnswer, ...]
    findings: tuple[AuditFinding, ...]
    checks: tuple[AuditedPair, ...]
    files: dict[str, str]
    refused: dict[str, str]
