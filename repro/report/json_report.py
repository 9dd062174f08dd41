"""``report.json``: the data model of the report. The Markdown is rendered from this value alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import jsonschema

from repro.claims import Claim, Document
from repro.claims.consistency import Finding, check
from repro.errors import EXIT_DIFFERS, EXIT_OK, InputError
from repro.numerics.record import ClaimResult, ClaimVerdict
from repro.protocol import deviations
from repro.report.collect import Collected, Published, Step, TrainingRun, stable
from repro.report.reprod_log import disagreements
from repro.report.run_block import run_block

SCHEMA_FILE = Path(__file__).with_name("schema.json")
SCHEMA_NAME = "report.schema.json"
PREDICTIONS = "predictions.json"
EXPLAINED = ("document inconsistent", "published check could not fail")
VERDICTS: tuple[str, ...] = get_args(ClaimVerdict)
_TRAINING_FIELDS = frozenset({"backend", "init", "size", "seed", "exact", "f1", "steps"})


def _answer(claim: Claim, step: Step) -> ClaimResult:
    """The step's answer to a claim; one that is missing or unreadable becomes ``not run``."""
    for answer in step.result.claims:
        if answer.id == claim.id:
            if answer.verdict in VERDICTS:
                return answer
            reason = f"The record gives an unknown verdict, {answer.verdict!r}."
            return ClaimResult(claim.id, answer.measured, "not run", reason)
    if step.result.status == "not run":
        return ClaimResult(claim.id, None, "not run", step.result.summary)
    return ClaimResult(claim.id, None, "not run", f"Step {claim.step} ran but gave no answer to this claim.")


def _lasting(item: dict[str, str], trainings: tuple[TrainingRun, ...]) -> dict[str, str]:
    """Evidence whose hash two runs share: a training's result holds its seconds, its predictions do not."""
    for training in trainings:
        folder = f"training/{training.backend}/{training.init}-{training.size}-{training.seed}"
        if item.get("file") == f"{folder}/result.json" and PREDICTIONS in training.result.get("files", {}):
            return {"file": f"{folder}/{PREDICTIONS}", "sha256": training.result["files"][PREDICTIONS]}
    return dict(item)


def _published(claim: Claim, published: Published) -> dict[str, Any] | None:
    """What the published files say about a claim; None where they were not audited."""
    for answer in published.content.get("claims", ()):
        if answer["id"] == claim.id:
            return {name: answer[name] for name in ("logged", "rederived", "verdict", "reason")}
    return None


def _verdict(
    claim: Claim, answer: ClaimResult, published: dict[str, Any] | None, findings: list[Finding]
) -> tuple[str, str]:
    """Verdict and reason: a document that contradicts itself, or a check without power, comes before what a run says.

    Except that a run which differs is never explained away by the published files.
    """
    own = answer.reason.strip() or "The record gives no reason."
    for finding in findings:
        if finding.kind == "document inconsistent" and finding.claims[0] == claim.id:
            return finding.kind, f"{finding.text} The run by itself: {answer.verdict}; {own}"
    if published is None:
        return answer.verdict, own
    if published["verdict"] in EXPLAINED and answer.verdict != "differs":
        return published["verdict"], f"{published['reason']} The run by itself: {answer.verdict}; {own}"
    return answer.verdict, f"{own} The published files: {published['verdict']}; {published['reason']}"


def _claim(claim: Claim, document: Document, collected: Collected, findings: list[Finding]) -> dict[str, Any]:
    answer = _answer(claim, collected.steps[claim.step])
    published = _published(claim, collected.published)
    verdict, reason = _verdict(claim, answer, published, findings)
    return {
        "id": claim.id,
        "step": claim.step,
        "what": claim.what,
        "column": claim.column,
        "kind": claim.kind,
        "unit": claim.unit,
        "documented": claim.value,
        "published": published,
        "measured": answer.measured,
        "verdict": verdict,
        "reason": reason,
        "relative": answer.relative,
        "evidence": [_lasting(item, collected.trainings) for item in answer.evidence],
        "source": f"{document.sources[claim.source.document]}, {claim.source.section}",
        "rederive": claim.rederive,
    }


def _step(step: Step, document: Document) -> dict[str, Any]:
    result = step.result
    return {
        "step": result.step,
        "heading": document.steps[result.step].heading,
        "title": document.steps[result.step].title,
        "status": result.status,
        "asked": step.asked,
        "lost": step.lost,
        "summary": result.summary.strip() or "The record gives no summary.",
        "command": result.command or f"python -m repro all --out $RUN --steps {result.step}",
        "counts": dict(result.counts),
        "records": [{**asdict(record), "passed": record.passed} for record in result.records],
        "tables": [dict(table) for table in result.tables],
        "notes": list(result.notes),
        "faults": list(step.faults),
        "reprod_log": {
            "file": f"reprod_log/step{result.step:02d}.txt",
            "lines": list(step.log),
            "disagreements": [asdict(item) for item in disagreements(step.log, result.records)],
        },
        "provenance": stable(step.provenance),
    }


def _training(training: TrainingRun) -> dict[str, Any]:
    result = stable(training.result)
    return {
        "backend": training.backend,
        "init": training.init,
        "size": training.size,
        "seed": training.seed,
        "status": "not run" if training.reason else "done",
        "reason": training.reason,
        "exact": result.get("exact"),
        "f1": result.get("f1"),
        "steps": result.get("steps"),
        "details": {name: value for name, value in result.items() if name not in _TRAINING_FIELDS},
    }


def _unanswered(collected: Collected, document: Document) -> list[dict[str, Any]]:
    """Findings about the run itself: records that do not add up, claims left unanswered, work lost."""
    found: list[dict[str, Any]] = []
    for number, step in collected.steps.items():
        if step.faults:
            text = f"Step {number}: {'; '.join(step.faults)}."
            found.append({"kind": "fault", "step": number, "claims": [], "text": text})
        if step.lost:
            text = f"Step {number}: {step.result.summary}"
            found.append({"kind": "lost", "step": number, "claims": [], "text": text})
        answered = {claim.id for claim in step.result.claims}
        silent = [claim.id for claim in document.claims if claim.step == number and claim.id not in answered]
        if silent and step.result.status != "not run":
            text = f"Step {number} ran but gave no answer to {', '.join(silent)}."
            found.append({"kind": "unanswered", "step": number, "claims": silent, "text": text})
    return found


def make_report(collected: Collected, document: Document) -> dict[str, Any]:
    """The whole report as a JSON value; every documented claim stands in it exactly once."""
    documented = check({claim.id: claim for claim in document.claims})
    claims = [_claim(claim, document, collected, documented) for claim in document.claims]
    verdicts = Counter(claim["verdict"] for claim in claims)
    statuses = Counter(step.result.status for step in collected.steps.values())
    differing = deviations(collected.profile.protocol)
    findings = _unanswered(collected, document)
    for item in documented:
        step = int(item.claims[0].split(".")[0])
        findings.append({"kind": item.kind, "step": step, "claims": list(item.claims), "text": item.text})
    report: dict[str, Any] = {
        "schema": SCHEMA_NAME,
        "run": run_block(collected),
        "protocol": {
            "name": collected.profile.protocol,
            "deviations": {name: list(pair) for name, pair in differing.items()},
        },
        "summary": {
            "complete": not any(step.lost for step in collected.steps.values()),
            "claims": {"total": len(claims), **{verdict: verdicts[verdict] for verdict in VERDICTS}},
            "steps": {"total": len(collected.steps), **dict(sorted(statuses.items()))},
            "trainings": {
                "total": len(collected.trainings),
                "done": sum(not training.reason for training in collected.trainings),
            },
        },
        "claims": claims,
        "steps": [_step(step, document) for step in collected.steps.values()],
        "training": [_training(training) for training in collected.trainings],
        "findings": findings,
        "audit": {
            "reason": collected.published.reason,
            "findings": [item for item in collected.published.content.get("findings", ()) if item["level"] == "fault"],
        },
        "selftest": {
            "asked": collected.power.asked,
            "reason": collected.power.reason,
            **{name: collected.power.content.get(name) for name in ("passed", "sentence", "summary", "table")},
        },
    }
    # tuples become arrays here, once, so that the value checked and rendered is the value that is written
    return json.loads(json.dumps(report, allow_nan=False))  # type: ignore[no-any-return]


def validate(report: dict[str, Any], document: Document) -> None:
    """Check a report against its schema, and what a schema cannot say: every claim once, counts that add up.

    Raises:
        InputError: with the first thing that is wrong.
    """
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    error = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(report)), None)
    if error is not None:
        raise InputError(f"report does not fit its schema: {error.message[:300]}", where=error.json_path)
    if [claim["id"] for claim in report["claims"]] != [claim.id for claim in document.claims]:
        raise InputError("report does not hold every documented claim exactly once", where="claims")
    for name in ("claims", "steps"):
        counts = dict(report["summary"][name])
        total = counts.pop("total")
        if sum(counts.values()) != total or total != len(report[name]):
            raise InputError(f"counts of {name} do not add up to {total}", where=f"summary.{name}")


def exit_code(report: dict[str, Any]) -> int:
    """0 when no judged claim differs, no step failed, nothing that was asked for is lost and the self-test, where it
    was asked for, missed nothing; 1 otherwise.

    A documented contradiction, a published check that could not fail, a number that the profile cannot measure and
    a step that the profile leaves out are explained, not failures.
    """
    differs = any(claim["verdict"] == "differs" for claim in report["claims"])
    failed = any(step["status"] == "failed" or step["lost"] for step in report["steps"])
    blind = report["selftest"]["asked"] and not report["selftest"]["passed"]
    return EXIT_DIFFERS if differs or failed or blind else EXIT_OK
