"""Stage ``compare``: the evidence of a step to ``records/stepNN.json``. Fails closed.

A step's ``compare`` module names the evidence that it needs as ``CONTEXT``: both frameworks' dumps (``CompareContext``)
or the results of all trainings (``TrainingContext``). The module judges evidence that could be opened; here it is
decided what to say of any other.
"""

from collections.abc import Iterable
from typing import Any

from repro.alignment import step_module
from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.protocol import deviations
from repro.context.dumps import NotRunError, NotTrustedError
from repro.results import ClaimResult, ClaimVerdict, Record, StepComparison, StepResult, status_and_counts


def step_result(run: RunPaths, profile: Profile, step: int) -> StepResult:
    """Compare one step."""
    module = step_module(step, "compare")
    context = module.CONTEXT(run, profile, step)
    common: dict[str, Any] = {"step": step, "title": module.TITLE, "command": context.command}
    try:
        context.open()
    except NotRunError as error:
        reason = str(error)
        return StepResult(**common, status="not run", summary=reason, claims=_answer(module.CLAIMS, "not run", reason))
    except NotTrustedError as error:
        reason = f"The dumps do not fit each other: {_misfits(error.records)}."
        claims = _answer(module.CLAIMS, "differs", reason)
        comparison = StepComparison(records=error.records, claims=claims, summary=reason)
    else:
        comparison = module.compare(context)
        comparison = comparison.replace(notes=(*comparison.notes, *_deviations(profile)))
    status, counts = status_and_counts(comparison.records)
    return StepResult(**common, **dict(comparison), status=status if comparison.records else "undecided", counts=counts)


def _answer(claims: Iterable[str], verdict: ClaimVerdict, reason: str) -> tuple[ClaimResult, ...]:
    """The same answer to every claim of a step."""
    return tuple(ClaimResult(id=claim, measured=None, verdict=verdict, reason=reason) for claim in claims)


def _misfits(records: Iterable[Record]) -> str:
    """The first records that could not be compared, in words."""
    misfits = [record for record in records if record.outcome not in ("compared", "constant")]
    text = "; ".join(f"{record.name}: {record.outcome}, {record.reason}" for record in misfits[:3])
    return f"{text} and {len(misfits) - 3} more" if len(misfits) > 3 else text


def _deviations(profile: Profile) -> list[str]:
    """The rules in which the two programs differ under the profile's protocol, in words."""
    differing = deviations(profile.protocol)
    if not differing:
        return []
    rules = ", ".join(f"`{name}` {a} in PyTorch, {b} in Paddle" for name, (a, b) in differing.items())
    return [f"Rules that differ under protocol {profile.protocol}: {rules}."]


def compare_step(run: RunPaths, profile: Profile, step: int) -> StepResult:
    """Compare one step, write ``records/stepNN.json``, return it."""
    result = step_result(run, profile, step)
    result.write(run.record(step))
    return result
