"""Everything that a run left on disk, read once and checked before a word is written about it.

A file that is missing, cut off or contradicts itself never counts as done: its step becomes ``not run`` (nothing
usable there) or ``failed`` (there, but it does not add up), with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

from repro.errors import InputError
from repro.numerics.record import ClaimResult, ClaimVerdict, NumberVerdict, Outcome, Record, StepResult, judge
from repro.paths import RunPaths, sha256_file
from repro.profile import STEPS, Profile, run_profile

STATUSES = ("passed", "failed", "undecided", "not run")
VOLATILE = frozenset(
    {"seconds", "started", "finished", "time", "date", "host", "pid", "durations", "memory", "peak_memory"}
)


@dataclass(frozen=True)
class Step:
    """One step as the report sees it.

    Attributes:
        result: as recorded, with ``status`` and ``summary`` corrected where the record cannot be believed.
        asked: the profile asks for this step.
        lost: asked for, but the files of the run do not show that it was done.
        faults: what does not add up in the record.
        log: lines of ``reprod_log``'s own log, without time stamps.
        provenance: per backend, what the capture wrote down.
    """

    result: StepResult
    asked: bool = True
    lost: bool = False
    faults: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRun:
    """One training: ``result`` is empty and ``reason`` says why unless it is complete."""

    backend: str
    init: str
    size: int
    seed: int
    result: dict[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class Published:
    """The audit of the published files: ``content`` is empty and ``reason`` says why where there is none."""

    content: dict[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class Power:
    """The self-test: ``content`` is empty and ``reason`` says why where there is none.

    Attributes:
        asked: the profile asks for it, so that one which is missing is lost.
    """

    content: dict[str, Any]
    reason: str = ""
    asked: bool = True


@dataclass(frozen=True)
class Collected:
    """The files of one run."""

    paths: RunPaths
    profile: Profile
    inputs: dict[str, Any]
    steps: dict[int, Step]
    trainings: tuple[TrainingRun, ...]
    published: Published
    power: Power


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def read_object(path: Path, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: the file is missing, cut off, or no JSON object of finite numbers; ``where`` opens the message.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"{where} is missing") from error
    except ValueError as error:
        raise InputError(f"{where} is not complete ({str(error).splitlines()[0]})") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is not complete (not an object)")
    return value


def portable(value: Any, root: Path) -> Any:
    """The same value with the run directory written ``$RUN``, so that two runs can be compared byte for byte."""
    if isinstance(value, dict):
        return {key: portable(item, root) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(portable(item, root) for item in value)
    if isinstance(value, str):
        for text in sorted({str(root.resolve()), str(root)}, key=len, reverse=True):
            if len(text) > 1:
                value = value.replace(text, "$RUN")
    return value


def stable(value: Any) -> Any:
    """The same value without times, hosts and process numbers."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    return [stable(item) for item in value] if isinstance(value, list) else value


def hashes(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(name, sha256) of everything in a provenance that looks like one."""
    if isinstance(value, dict):
        for key, item in value.items():
            name = path if key == "sha256" else f"{path}/{key}".lstrip("/")
            yield from hashes(item, name)
    elif isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef"):
        yield path, value


def _stale(step: StepResult, provenance: dict[str, dict[str, Any]]) -> str | None:
    """A dump that the record names and no capture of this run wrote."""
    known = {value for content in provenance.values() for _, value in hashes(content)}
    named = {value for record in step.records for value in (record.sha256_a, record.sha256_b) if value}
    for claim in step.claims:
        named |= {item["sha256"] for item in claim.evidence if item.get("file", "").startswith("dumps/")}
    return next(iter(sorted(named - known)), None)


def _faults(step: StepResult, known_claims: set[str]) -> list[str]:
    found = []
    if step.status not in STATUSES:
        found.append(f"unknown status {step.status!r}")
    for record in step.records:
        if record.outcome not in get_args(Outcome):
            found.append(f"{record.name}: unknown outcome {record.outcome!r}")
        if record.verdict not in get_args(NumberVerdict):
            found.append(f"{record.name}: unknown verdict {record.verdict!r}")
    seen: set[str] = set()
    for claim in step.claims:
        if claim.verdict not in get_args(ClaimVerdict):
            found.append(f"claim {claim.id}: unknown verdict {claim.verdict!r}")
        if claim.id not in known_claims:
            found.append(f"claim {claim.id} is not among the documented claims of step {step.step}")
        if not claim.reason.strip():
            found.append(f"claim {claim.id}: a verdict without a reason")
        if claim.id in seen:
            found.append(f"claim {claim.id} is answered twice")
        seen.add(claim.id)
    if step.records or step.counts:
        status, counts = judge(step.records)
        wrong = {name: number for name, number in counts.items() if step.counts.get(name) != number}
        if wrong:
            found.append(f"counts {_counts(step.counts)} do not fit the records ({_counts(counts)})")
        if step.status == "passed" and status != "passed":
            found.append(f"status is 'passed' although its records are {status}")
    return found


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _parse(content: dict[str, Any]) -> StepResult:
    """StepResult of its JSON form; KeyError, TypeError or ValueError where it has another form."""
    names = {item.name for item in fields(StepResult)}
    if unknown := set(content) - names:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    records = tuple(Record(**{**item, "shape": tuple(item.get("shape", ()))}) for item in content.get("records", ()))
    claims = tuple(
        ClaimResult(**{**item, "evidence": tuple(item.get("evidence", ()))}) for item in content.get("claims", ())
    )
    changed = {"records": records, "claims": claims}
    changed |= {name: tuple(content[name]) for name in ("tables", "notes") if name in content}
    return StepResult(**{**content, **changed})


def _log_lines(path: Path) -> tuple[str, ...]:
    """Lines of a log without their time stamps (``[2021/10/22 22:36:47] root INFO: …`` becomes ``root INFO: …``)."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(line.split("] ", 1)[1] if line.startswith("[") and "] " in line else line for line in lines if line)


def _read_step(paths: RunPaths, profile: Profile, number: int, title: str, known: set[str]) -> Step:
    empty = StepResult(number, title, "not run", "")
    if number not in profile.steps:
        chosen = ", ".join(str(step) for step in profile.steps)
        return Step(replace(empty, summary=f"Left out by the profile (steps {chosen})."), asked=False)
    where = f"records/{paths.record(number).name}"
    try:
        content = portable(read_object(paths.record(number), where), paths.root)
        result = _parse(content)
        if result.step != number:
            raise InputError(f"{where} holds step {result.step}")
        provenance: dict[str, dict[str, Any]] = {}
        # step 11 stands on trainings, not on dumps
        for backend in profile.backends if number != 11 and result.status != "not run" else ():
            file = paths.capture(backend, number)
            content = read_object(file, f"dumps/{backend}/{file.name}")
            provenance[backend] = portable(content, paths.root)
        if provenance and (other := _stale(result, provenance)):
            raise InputError(f"{where} was made from other dumps than this run holds (sha256 {other[:12]})")
    except InputError as error:
        return Step(replace(empty, summary=f"{error.what}."), lost=True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Step(replace(empty, summary=f"{where} is not a step's record ({error})."), lost=True)
    faults = tuple(_faults(result, known))
    if faults:
        text = f"The record does not add up: {'; '.join(faults)}. {result.summary}".strip()
        result = replace(result, status="failed", summary=text)
    # with one framework only there is nothing to compare, which is no loss
    lost = result.status == "not run" and len(profile.backends) > 1
    return Step(result, lost=lost, faults=faults, log=_log_lines(paths.reprod_log(number)), provenance=provenance)


def _read_training(paths: RunPaths, backend: str, init: str, size: int, seed: int) -> TrainingRun:
    where = f"training/{backend}/{init}-{size}-{seed}/result.json"
    try:
        content = read_object(paths.training(backend, init, size, seed) / "result.json", where)
        for name in ("exact", "f1"):
            number = content.get(name)
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                raise InputError(f"{where} is not complete (no number {name})")
            if not 0 <= number <= 100:
                raise InputError(f"{where} cannot be right ({name} {number} is no percentage)")
        for name, value in {"backend": backend, "init": init, "size": size, "seed": seed}.items():
            if content.get(name, value) != value:
                raise InputError(f"{where} is of another training ({name} {content[name]})")
        for name, expected in content.get("files", {}).items():
            file = paths.training(backend, init, size, seed) / name
            if not file.is_file() or sha256_file(file) != expected:
                raise InputError(f"{where} names {name}, which is not there as the training wrote it")
    except InputError as error:
        return TrainingRun(backend, init, size, seed, {}, error.what)
    return TrainingRun(backend, init, size, seed, portable(content, paths.root))


def _read_audit(paths: RunPaths, profile: Profile) -> Published:
    if profile.evidence.source == "none":
        return Published({}, "The published files were not audited in this run; --evidence DIR names them.")
    try:
        content = portable(read_object(paths.audit, "audit/audit.json"), paths.root)
    except InputError as error:
        return Published({}, f"{error.what}.")
    if not content.get("claims"):
        return Published(
            {}, "The folder of --evidence does not hold the files that stand behind the documented claims."
        )
    return Published(content)


def _read_selftest(paths: RunPaths, profile: Profile) -> Power:
    if reason := profile.no_selftest():
        return Power({}, reason, asked=False)
    where = "selftest/selftest.json"
    try:
        content = portable(read_object(paths.selftest / "selftest.json", where), paths.root)
        if not isinstance(content.get("passed"), bool) or not {"sentence", "summary", "table"} <= content.keys():
            raise InputError(f"{where} is not complete (no result)")
    except InputError as error:
        return Power({}, f"{error.what}.")
    return Power(content)


def _withdraw(step: Step, trainings: tuple[TrainingRun, ...]) -> Step:
    """Step 11 without what it was made of is not done."""
    missing = [training.reason for training in trainings if training.reason]
    if not missing or not step.asked or step.lost:
        return step
    text = f"{len(missing)} of {len(trainings)} trainings are not complete: {'; '.join(missing[:3])}"
    text += f" and {len(missing) - 3} more." if len(missing) > 3 else "."
    result = replace(step.result, status="not run", summary=text, claims=(), records=(), tables=(), counts={})
    return replace(step, result=result, lost=True)


def collect(paths: RunPaths, titles: dict[int, str], claims: dict[int, set[str]]) -> Collected:
    """Read a run directory.

    Args:
        titles: English title of every step, for steps without a record.
        claims: ids of the documented claims of every step.

    Raises:
        InputError: there is no readable ``profile.json``.
    """
    profile = run_profile(paths)
    try:
        inputs = portable(stable(read_object(paths.inputs, "inputs.json")), paths.root)
    except InputError as error:
        inputs = {"missing": error.what}
    steps = {number: _read_step(paths, profile, number, titles[number], claims.get(number, set())) for number in STEPS}
    trainings: tuple[TrainingRun, ...] = ()
    if 11 in profile.steps:
        trainings = tuple(
            _read_training(paths, backend, *training)
            for backend in profile.backends
            for training in profile.trainings()
        )
        steps[11] = _withdraw(steps[11], trainings)
    published, power = _read_audit(paths, profile), _read_selftest(paths, profile)
    return Collected(paths, profile, inputs, steps, trainings, published, power)
