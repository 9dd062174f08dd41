"""Everything that a run left on disk, read and checked once, before a word is written about it.

A file that is missing, cut off or contradicts itself never counts as done: ``Missing`` says why. A step is lost where
its record or a file behind it is missing, or where the record rests on files that this run does not hold.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from repro.claims import Document
from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import STEPS, BackendName, Profile
from repro.config.profile_file import run_profile
from repro.errors import InputError
from repro.results import CaptureProvenance, Cost, Result, StepResult, TrainingName, TrainingResult
from repro.results.audit import AuditReport
from repro.results.deviations import DeviationsResult
from repro.results.inputs import RunInputs
from repro.results.precision import PrecisionMeasurement
from repro.results.selftest import SelftestResult

R = TypeVar("R", bound=Result)
SHOWN = 3


@dataclass(frozen=True)
class Missing:
    """Why something that the report needs is not there."""

    reason: str


Source = CaptureProvenance | TrainingResult | PrecisionMeasurement | Missing


@dataclass(frozen=True)
class CollectedStep:
    """One step as the report sees it.

    Attributes:
        result: as recorded; ``not run`` with the reason where the record cannot be believed.
        asked: the profile asks for this step.
        lost: asked for, but the files of the run do not show that it was done.
        log: lines of ``reprod_log``'s log, without time stamps.
    """

    result: StepResult
    asked: bool = True
    lost: bool = False
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """The files of one run.

    Attributes:
        captures: (step, framework) -> provenance of every capture that is complete.
        trainings: every training that the profile asks for.
        costs: framework -> stage of its measurements -> cost.
    """

    paths: RunPaths
    profile: Profile
    inputs: RunInputs | Missing
    steps: dict[int, CollectedStep]
    captures: dict[tuple[int, BackendName], CaptureProvenance]
    trainings: dict[TrainingName, TrainingResult | Missing]
    costs: dict[BackendName, dict[str, Cost]]
    audit: AuditReport | Missing
    selftest: SelftestResult | Missing
    deviations: DeviationsResult | Missing


@dataclass(frozen=True)
class _Run(RunPaths):
    """A run, and the files of it that are not as they were written."""

    altered: frozenset[str]


def portable(text: str, root: Path) -> str:
    """A JSON text with the run directory written ``$RUN``, so that two runs can be compared byte for byte."""
    for name in sorted({str(root.resolve()), str(root)}, key=len, reverse=True):
        if len(name) > 1:
            text = text.replace(json.dumps(name, ensure_ascii=False)[1:-1], "$RUN")
    return text


def _read(model: type[R], path: Path, run: _Run) -> R | Missing:
    name = str(path.relative_to(run.root))
    if name in run.altered:
        return Missing(f"{name} is not as it was written")
    try:
        return model.parse(portable(path.read_text(encoding="utf-8", errors="replace"), run.root), name)
    except OSError:
        return Missing(f"{name} is missing")
    except InputError as error:
        return Missing(error.what)


def _changed(path: Path, sha256: str) -> bool:
    """Whether a file is missing, or is not the one with this hash."""
    return not path.is_file() or sha256_file(path) != sha256


def _capture(run: _Run, step: int, backend: BackendName) -> CaptureProvenance | Missing:
    """A capture whose dumps are all as it wrote them."""
    path = run.capture(backend, step)
    where = str(path.relative_to(run.root))
    result = _read(CaptureProvenance, path, run)
    if isinstance(result, Missing):
        return result
    if (result.step, result.backend) != (step, backend):
        return Missing(f"{where} is of another capture ({result.backend}, step {result.step})")
    for dtype, expected in result.dumps.items():
        if _changed(dump := run.dump(backend, step, dtype), expected.sha256):
            return Missing(f"{where} names {dump.name}, which is not there as the capture wrote it")
    return result


def _training(run: _Run, name: TrainingName) -> TrainingResult | Missing:
    """A training whose files are all as it wrote them."""
    where = f"{name.folder}/result.json"
    result = _read(TrainingResult, run.root / where, run)
    if isinstance(result, Missing):
        return result
    if result.folder != name.folder:
        return Missing(f"{where} is of another training ({result.folder})")
    for file, expected in result.files.items():
        if _changed(run.root / name.folder / file, expected):
            return Missing(f"{where} names {file}, which is not there as the training wrote it")
    return result


def _trainings(run: _Run, profile: Profile) -> dict[TrainingName, TrainingResult | Missing]:
    asked = itertools.product(profile.backends, profile.trainings() if 11 in profile.steps else ())
    names = [TrainingName.model_validate({"backend": side, **key._asdict()}) for side, key in asked]
    return {name: _training(run, name) for name in names}


def _missing(sources: Sequence[Source], kind: str) -> str:
    """How many sources are not complete, and why; empty where all of them are."""
    reasons = [source.reason for source in sources if isinstance(source, Missing)]
    if not reasons:
        return ""
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return f"{len(reasons)} of {len(sources)} {kind} are not complete: {'; '.join(reasons[:SHOWN])}{more}"


def _written(run: _Run, sources: Sequence[Source]) -> dict[str, str]:
    """File below the run directory -> sha256, of everything that the sources of a step wrote."""
    files = {}
    for source in sources:
        if isinstance(source, CaptureProvenance):
            for dtype, dump in source.dumps.items():
                files[str(run.dump(source.backend, source.step, dtype).relative_to(run.root))] = dump.sha256
        elif isinstance(source, TrainingResult):
            files[f"{source.folder}/result.json"] = sha256_file(run.root / source.folder / "result.json")
            files |= {f"{source.folder}/{name}": sha256 for name, sha256 in source.files.items()}
    return files


def _doubt(result: StepResult, files: dict[str, str], document: Document) -> str:
    """Why a record cannot be believed; empty where it can."""
    known = {claim.id for claim in document.claims_of(result.step)}
    foreign = [claim.id for claim in result.claims if claim.id not in known]
    if foreign:
        return f"answers {foreign[0]}, which is not among the documented claims of step {result.step}"
    for record in result.records:
        for sha256 in (record.sha256_a, record.sha256_b):
            if sha256 and sha256 not in files.values():
                return f"rests on a dump that no capture of this run wrote (sha256 {sha256[:12]})"
    for claim in result.claims:
        for item in claim.evidence:
            if files.get(item.file) != item.sha256:
                return f"rests on another {item.file} than this run holds (sha256 {item.sha256[:12]})"
    return ""


def _log_lines(run: _Run, step: int) -> tuple[str, ...]:
    """Lines of a log without their time stamps (``[2021/10/22 22:36:47] root INFO: …`` becomes ``root INFO: …``)."""
    path = run.reprod_log(step)
    if not path.is_file() or str(path.relative_to(run.root)) in run.altered:
        return ()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(line.split("] ", 1)[1] if line.startswith("[") and "] " in line else line for line in lines if line)


def _measurement(run: _Run, backend: BackendName) -> PrecisionMeasurement | Missing:
    """What was measured with a framework, unless the file is of the other one."""
    path = run.precision(backend)
    result = _read(PrecisionMeasurement, path, run)
    if isinstance(result, Missing) or result.backend == backend:
        return result
    return Missing(f"{path.relative_to(run.root)} is of the other framework ({result.backend})")


def _incomplete(result: StepResult, sources: Sequence[Source], measured: Sequence[Source]) -> str:
    """Which files behind a record are missing; its noise floors come from the measurements."""
    return _missing(sources, "trainings" if result.step == 11 else "captures") or (
        _missing(measured, "measurements") if any(record.noise_floor is not None for record in result.records) else ""
    )


def _step(
    run: _Run,
    profile: Profile,
    document: Document,
    number: int,
    sources: Sequence[Source],
    measured: Sequence[Source],
) -> CollectedStep:
    empty = StepResult(step=number, title=document.steps[number].title, status="not run", summary="")
    if number not in profile.steps:
        reason = f"Left out by the profile (steps {', '.join(map(str, profile.steps))})."
        return CollectedStep(empty.replace(summary=reason), asked=False)
    result = _read(StepResult, run.record(number), run)
    if isinstance(result, Missing):
        reason = result.reason
    elif result.step != number:
        reason = f"records/{run.record(number).name} holds step {result.step}"
    elif result.status == "not run":
        # with one framework only there is nothing to compare, which is no loss
        return CollectedStep(result, lost=len(profile.backends) > 1)
    elif not (reason := _incomplete(result, sources, measured)):
        doubt = _doubt(result, _written(run, sources), document)
        if not doubt:
            return CollectedStep(result, log=_log_lines(run, number))
        reason = f"records/{run.record(number).name} {doubt}"
    return CollectedStep(empty.replace(summary=f"{reason}."), lost=True)


def _audit(run: _Run, profile: Profile) -> AuditReport | Missing:
    if profile.evidence.source == "none":
        return Missing("The published files were not audited in this run; --evidence DIR names them.")
    audit = _read(AuditReport, run.audit, run)
    if isinstance(audit, Missing):
        return Missing(f"The published files have no usable audit: {audit.reason}.")
    if not audit.claims:
        return Missing("The folder of --evidence does not hold the files that stand behind the documented claims.")
    return audit


def _selftest(run: _Run, profile: Profile) -> SelftestResult | Missing:
    if reason := profile.no_selftest():
        return Missing(reason)
    result = _read(SelftestResult, run.selftest / "selftest.json", run)
    return Missing(f"{result.reason}.") if isinstance(result, Missing) else result


def _deviations(run: _Run, profile: Profile) -> DeviationsResult | Missing:
    if not profile.deviation_files():
        return Missing("The profile measures no deviations; `repro deviations` does.")
    result = _read(DeviationsResult, run.deviations / "deviations.json", run)
    return Missing(f"{result.reason}.") if isinstance(result, Missing) else result


def collect(paths: RunPaths, document: Document, altered: frozenset[str] = frozenset()) -> Collected:
    """Read a run directory.

    Args:
        altered: files of it that are not as they were written.

    Raises:
        InputError: there is no readable ``profile.json``.
    """
    run = _Run(paths.root, altered)
    profile = run_profile(run)
    captures = {
        (step, backend): _capture(run, step, backend)
        for step, backend in itertools.product(profile.steps, profile.backends)
        if step != 11
    }
    trainings = _trainings(run, profile)
    measured = {backend: _measurement(run, backend) for backend in profile.backends}
    sources: dict[int, list[Source]] = defaultdict(list, {11: [*trainings.values()]})
    for (step, _), capture in captures.items():
        sources[step].append(capture)
    return Collected(
        paths=paths,
        profile=profile,
        inputs=_read(RunInputs, run.inputs, run),
        steps={
            number: _step(run, profile, document, number, sources[number], [*measured.values()]) for number in STEPS
        },
        captures={key: capture for key, capture in captures.items() if not isinstance(capture, Missing)},
        trainings=trainings,
        costs={backend: item.cost for backend, item in measured.items() if not isinstance(item, Missing)},
        audit=_audit(run, profile),
        selftest=_selftest(run, profile),
        deviations=_deviations(run, profile),
    )
