"""Box ``compare``: both frameworks' dumps of a step to ``records/stepNN.json``. Fails closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from repro.numerics.record import ClaimResult, Record, StepResult, judge
from repro.paths import RunPaths, atomic_json
from repro.profile import Profile, run_profile
from repro.progress import track
from repro.protocol import deviations
from repro.steps import s11_training
from repro.steps.pair import CompareContext, NotRunError, NotTrustedError
from repro.steps.registry import ALIGNMENT

COMMAND = "python -m repro capture --run {run} --backend {backend} --steps {step}"
COMPARE = "python -m repro compare --run {run} --steps {step}"
STRUCTURE = ("missing key", "extra key", "shape differs", "dtype differs", "not finite")


def _command(context: CompareContext) -> str:
    values = {"run": context.run.root, "step": context.step}
    lines = (
        [COMMAND.format(backend=backend, **values) for backend in context.profile.backends]
        if context.step != 11
        else []
    )
    return " && ".join([*lines, COMPARE.format(**values)])


def _not_run(context: CompareContext, title: str, claims: Iterable[str], reason: str) -> StepResult:
    answers = tuple(ClaimResult(claim, None, "not run", reason) for claim in claims)
    return StepResult(context.step, title, "not run", reason, _command(context), claims=answers)


def _failed(
    context: CompareContext, title: str, claims: Iterable[str], bad: list[Record], records: Iterable[Record]
) -> StepResult:
    """The dumps cannot be compared as what they claim to be: every claim of the step is answered by that."""
    reason = "; ".join(f"{record.name}: {record.outcome}, {record.reason}" for record in bad[:3])
    if len(bad) > 3:
        reason += f" and {len(bad) - 3} more"
    answers = tuple(
        ClaimResult(claim, None, "differs", f"The dumps do not fit each other: {reason}.") for claim in claims
    )
    kept = tuple(records)
    _, counts = judge(kept)
    text = f"The dumps do not fit each other: {reason}."
    return StepResult(context.step, title, "failed", text, _command(context), kept, answers, counts=counts)


def _deviations(profile: Profile) -> list[str]:
    """The rules in which the two programs differ under the profile's protocol, in words."""
    found = deviations(profile.protocol)
    told = ", ".join(f"{name.replace('_', ' ')} {a} in PyTorch, {b} in Paddle" for name, (a, b) in found.items())
    return [f"Rules that differ under protocol {profile.protocol}: {told}."] if found else []


def step_result(run: RunPaths, profile: Profile, step: int) -> StepResult:
    """Compare one of steps 1 to 10."""
    module = ALIGNMENT[step]
    title, claims = module.TITLE, module.CLAIMS
    context = CompareContext(run, profile, step)
    try:
        context.open()
    except NotRunError as reason:
        return _not_run(context, title, claims, str(reason))
    except NotTrustedError as error:
        record = replace(error.record, verdict="different semantics")
        return _failed(context, title, claims, [record], [record])
    bad = [record for record in context.records() if record.outcome in STRUCTURE]
    if bad:
        return _failed(context, title, claims, bad, context.records())
    outcome = module.compare(context)
    status, counts = judge(outcome.records)
    return StepResult(
        step,
        title,
        status,
        outcome.summary,
        _command(context),
        outcome.records,
        outcome.claims,
        outcome.tables,
        (*outcome.notes, *_deviations(profile)),
        counts,
    )


def compare_step(run: RunPaths, profile: Profile, step: int) -> StepResult:
    """Compare one step, write its record, return it."""
    result = s11_training.step_result(run, profile) if step == 11 else step_result(run, profile, step)
    atomic_json(run.record(step), result.to_json())
    return result


def compare(run: RunPaths, steps: Iterable[int] | None = None) -> list[StepResult]:
    """Compare several steps of a run, all of its profile unless named."""
    profile = run_profile(run)
    chosen = list(profile.steps if steps is None else steps)
    return [compare_step(run, profile, step) for step in track(chosen, total=len(chosen), title="compare")]
