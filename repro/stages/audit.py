"""Stage ``audit``: what the published files say, judged by themselves.

Reads the published dumps, logs and notes; writes ``audit/audit.{json,md,zh.md,html}``.
"""

from repro.audit import audit
from repro.audit.render import write
from repro.fetch import fetch_evidence
from repro.stages.base import Stage
from repro.stages.locate import evidence_directory


def run(stage: Stage) -> None:
    """Audit the published files, fetched where no folder is named."""
    evidence = stage.profile.evidence
    with stage.task():
        folder = evidence_directory(stage.profile) or fetch_evidence(stage.mirror)
        write(audit(folder, [evidence.notes] if evidence.notes else []), stage.run.audit.parent)
