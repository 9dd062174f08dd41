"""Step 11: the trainings of all seeds and sizes, side by side and beside the documented table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.claims import Claim, load_claims
from repro.errors import InputError
from repro.numerics.record import ClaimResult, Record, StepResult, judge
from repro.numerics.scatter import paired_reach, prediction_interval, spread, welch_interval
from repro.paths import RunPaths, read_json, sha256_file
from repro.profile import Profile
from repro.steps.pair import NAMES, SIDES
from repro.steps.train import train_one
from repro.steps.trained_answers import answers_sentence, answers_table

__all__ = ["CLAIMS", "TITLE", "step_result", "train_one"]

TITLE = "Training"
SIZES, SEEDS = (16, 128, 1024), (42, 43, 44, 45, 46)
CLAIMS = (
    *(f"11.f1.{size}.{seed}" for size in SIZES for seed in (*SEEDS, "average")),
    *(f"11.paper.{size}" for size in SIZES),
)
FAMILY_ERROR = 0.01
Key = tuple[str, str, int, int]  # backend, init, size, seed


@dataclass(frozen=True)
class Results:
    """Every finished training of a run."""

    run: RunPaths
    profile: Profile
    found: dict[Key, dict[str, Any]]

    def f1(self, backend: str, init: str, size: int) -> dict[int, float]:
        """seed -> F1 in percent."""
        return {k[3]: float(r["f1"]) for k, r in self.found.items() if k[:3] == (backend, init, size)}

    def evidence(self, keys: Iterable[Key]) -> tuple[dict[str, str], ...]:
        """The result files behind a number."""
        paths = [self.run.training(*key) / "result.json" for key in keys]
        return tuple({"file": str(path.relative_to(self.run.root)), "sha256": sha256_file(path)} for path in paths)


def read_results(run: RunPaths, profile: Profile) -> tuple[Results, list[str]]:
    """(results, names of trainings that are missing or whose files are not those that they wrote)."""
    found: dict[Key, dict[str, Any]] = {}
    missing = []
    for backend in profile.backends:
        for init, size, seed in profile.trainings():
            key = (backend, init, size, seed)
            folder = run.training(*key)
            try:
                found[key] = _read(run, key)
            except (OSError, InputError) as error:
                why = error.what if isinstance(error, InputError) else "no result"
                missing.append(f"{backend}/{folder.name} ({why})")
    return Results(run, profile, found), missing


def _read(run: RunPaths, key: Key) -> dict[str, Any]:
    folder = run.training(*key)
    result: dict[str, Any] = read_json(folder / "result.json")
    said = tuple(result.get(name) for name in ("backend", "init", "size", "seed"))
    if said != key:
        raise InputError(f"holds the result of {said}")
    for name, expected in result["files"].items():
        if sha256_file(folder / name) != expected:
            raise InputError(f"{name} is not the file that the training wrote")
    if not all(math.isfinite(result[name]) for name in ("exact", "f1")):
        raise InputError("F1 is not a number")
    return result


def comparable(profile: Profile) -> str:
    """Why F1 cannot be held against the document; empty where it can."""
    if profile.weights.source != "fetched" or profile.data.source != "fetched":
        return f"profile {profile.name} trains other weights on other data than the document"
    if profile.protocol != "paper" and profile.backends == ("pytorch",):
        return "the published Paddle program's rules need Paddle"
    return ""


def _agreement(results: Results) -> tuple[list[Record], list[list[Any]]]:
    """Paired differences between the frameworks for every kind of weights and size with two seeds or more."""
    profile = results.profile
    cells = list(dict.fromkeys((init, size) for init, size, _ in profile.trainings()))
    pairs = {}
    for init, size in cells:
        a, b = (results.f1(side, init, size) for side in SIDES)
        seeds = sorted(set(a) & set(b))
        if seeds:
            pairs[init, size] = np.array([a[seed] - b[seed] for seed in seeds])
    tested = sum(len(gaps) > 1 for gaps in pairs.values())
    records: list[Record] = []
    rows: list[list[Any]] = []
    for (init, size), gaps in pairs.items():
        mean, deviation = spread(gaps)
        rows.append([init, size, len(gaps), mean, deviation, float(np.abs(gaps).max())])
        if len(gaps) > 1:
            records.append(_paired(f"f1.{init}.{size}", gaps, tested))
    return records, rows


def _paired(name: str, gaps: np.ndarray, tested: int) -> Record:
    """Whether the mean paired difference can be told from 0 at ``FAMILY_ERROR`` over all tests."""
    mean, _ = spread(gaps)
    level = 1 - FAMILY_ERROR / tested
    reach = paired_reach(gaps, level)
    why = f"paired t interval, {gaps.size} seeds, at {100 * level:.2f} % ({100 * FAMILY_ERROR:g} % over {tested} tests)"
    inside = abs(mean) <= reach
    text = f"mean difference of F1 (PyTorch - Paddle) {mean:.2f}, interval ± {reach:.2f}"
    return Record(
        name,
        "compared",
        (gaps.size,),
        "float64",
        mean_abs=float(np.abs(gaps).mean()),
        max_abs=float(np.abs(gaps).max()),
        tolerance=reach,
        derivation=why,
        verdict="no systematic difference" if inside else "different semantics",
        reason=text,
    )


def _seed_claim(results: Results, claim: Claim, backend: str, size: int, seed: int, why_not: str) -> ClaimResult:
    scores = results.f1(backend, "pretrained", size)
    if seed not in scores:
        return ClaimResult(claim.id, None, "not run", f"The profile does not train {size} examples with seed {seed}.")
    evidence = results.evidence([(backend, "pretrained", size, seed)])
    if why_not:
        reason = f"{NAMES[backend]} reaches this F1 here, but {why_not}."
        return ClaimResult(claim.id, scores[seed], "not comparable in this profile", reason, evidence=evidence)
    if len(scores) < 2:
        reason = "One seed alone does not show how far seeds scatter."
        return ClaimResult(claim.id, scores[seed], "not comparable in this profile", reason, evidence=evidence)
    low, high = prediction_interval(scores.values(), 1)
    inside = low <= float(claim.value) <= high
    reason = (
        f"The documented value lies {'inside' if inside else 'outside'} [{low:.2f}, {high:.2f}], where 95 % of further"
        f" runs like these {len(scores)} of {NAMES[backend]} would lie."
    )
    return ClaimResult(claim.id, scores[seed], "reproduced" if inside else "differs", reason, evidence=evidence)


def _mean_claim(
    results: Results, claim: Claim, backend: str, size: int, documented: list[float], why_not: str
) -> ClaimResult:
    scores = results.f1(backend, "pretrained", size)
    if not scores:
        return ClaimResult(claim.id, None, "not run", f"The profile does not train {size} examples.")
    evidence = results.evidence((backend, "pretrained", size, seed) for seed in scores)
    mean, deviation = spread(scores.values())
    told = f"{NAMES[backend]}'s mean over {len(scores)} seeds"
    told += f", standard deviation {deviation:.2f}" if deviation is not None else ""
    if why_not or deviation is None:
        reason = f"{told}, but {why_not or 'one seed alone does not show how far seeds scatter'}."
        return ClaimResult(claim.id, mean, "not comparable in this profile", reason, evidence=evidence)
    if documented:
        low, high = welch_interval(scores.values(), documented)
        inside, rule = low <= 0 <= high, f"Welch's 95 % interval of the difference of means is [{low:.2f}, {high:.2f}]"
    else:
        low, high = prediction_interval(scores.values(), len(SEEDS))
        inside = low <= float(claim.value) <= high
        rule = f"95 % of further means of {len(SEEDS)} seeds would lie in [{low:.2f}, {high:.2f}]"
    reason = f"{told}; {rule}."
    return ClaimResult(claim.id, mean, "reproduced" if inside else "differs", reason, evidence=evidence)


def _claims(results: Results, documented: dict[str, Claim]) -> list[ClaimResult]:
    """The per-seed and average rows are the Paddle program's, the paper's rows the PyTorch program's."""
    backends, why_not = results.profile.backends, comparable(results.profile)
    published = "paddle" if "paddle" in backends else backends[0]
    original = "pytorch" if "pytorch" in backends else backends[0]
    answers = []
    for size in SIZES:
        rows = [documented[f"11.f1.{size}.{seed}"] for seed in SEEDS]
        for row, seed in zip(rows, SEEDS, strict=True):
            answers.append(_seed_claim(results, row, published, size, seed, why_not))
        values = [float(row.value) for row in rows]
        answers.append(_mean_claim(results, documented[f"11.f1.{size}.average"], published, size, values, why_not))
        answers.append(_mean_claim(results, documented[f"11.paper.{size}"], original, size, [], why_not))
    return answers


def _tables(results: Results, agreement: list[list[Any]]) -> list[dict[str, Any]]:
    profile = results.profile
    rows: list[list[Any]] = []
    for backend in profile.backends:
        for init, size in dict.fromkeys((init, size) for init, size, _ in profile.trainings()):
            keys = [key for key in results.found if key[:3] == (backend, init, size)]
            mean, deviation = spread(results.found[key]["f1"] for key in keys)
            exact, exact_deviation = spread(results.found[key]["exact"] for key in keys)
            steps = sorted({results.found[key]["steps"] for key in keys})
            ends = sorted({results.found[key]["schedule_steps"] for key in keys})
            ones = sum(results.found[key]["batches_of_one"] for key in keys)
            runs = " to ".join(map(str, dict.fromkeys((steps[0], steps[-1]))))
            end = " to ".join(map(str, dict.fromkeys((ends[0], ends[-1]))))
            row = [NAMES[backend], init, size, len(keys), mean, deviation, exact, exact_deviation, runs, end, ones]
            rows.append(row)
    columns = ["framework", "start weights", "examples", "seeds", "mean F1", "deviation", "mean exact", "deviation"]
    columns += ["steps run", "schedule ends at", "batches of one"]
    tables = [{"title": "Trainings (standard deviation over seeds, n - 1)", "columns": columns, "rows": rows}]
    if agreement:
        columns = ["start weights", "examples", "seeds", "mean F1 difference", "deviation", "largest"]
        title = "PyTorch - Paddle, seed by seed (same order of rows)"
        tables.append({"title": title, "columns": columns, "rows": agreement})
    if effects := _effects(results):
        columns = ["framework", "examples", "F1 pretrained", "F1 random weights", "difference", "seeds in common"]
        tables.append({"title": "What the pretrained weights are worth", "columns": columns, "rows": effects})
    return tables


def _effects(results: Results) -> list[list[Any]]:
    """Pretrained against random start weights of the same geometry, over the seeds that both were run with."""
    rows: list[list[Any]] = []
    for backend in results.profile.backends:
        for size in results.profile.training.baseline.sizes:
            trained, random = (results.f1(backend, init, size) for init in ("pretrained", "random"))
            seeds = sorted(set(trained) & set(random))
            if seeds:
                a, b = (float(np.mean([scores[seed] for seed in seeds])) for scores in (trained, random))
                rows.append([NAMES[backend], size, a, b, a - b, ", ".join(map(str, seeds))])
    return rows


def _summary(results: Results, records: list[Record]) -> str:
    profile = results.profile
    parts = []
    for backend in profile.backends:
        scores = [results.f1(backend, "pretrained", size) for size in profile.training.sizes]
        means = [f"{spread(values.values())[0]:.2f}" for values in scores if values]
        parts.append(f"{NAMES[backend]} {', '.join(means)}")
    sizes = ", ".join(map(str, profile.training.sizes))
    text = f"{len(results.found)} trainings; mean F1 for {sizes} examples: {'; '.join(parts)}."
    if records:
        apart = [record.name for record in records if not record.passed]
        told = f"The frameworks differ systematically in {', '.join(apart)}." if apart else "No systematic difference."
        text += f" {told}"
    return text


def _notes(results: Results) -> tuple[str, ...]:
    settings = results.profile.training
    order = "the training file's own seed" if settings.order_seed is None else f"seed {settings.order_seed}"
    masks = "the same in both frameworks" if settings.dropout_masks == "shared" else "each framework's own"
    over = [r["steps"] - r["schedule_steps"] for r in results.found.values()]
    return (
        f"Order of rows: numpy, {order}; dropout masks: {masks}.",
        f"Whole epochs are run, so up to {max(over)} steps happen after the schedule has reached learning rate 0, as in"
        " the original.",
    )


def step_result(run: RunPaths, profile: Profile) -> StepResult:
    """Compare all trainings of a run."""
    command = f"python -m repro all --out {run.root} --steps 11"
    results, missing = read_results(run, profile)
    if missing:
        total = len(missing) + len(results.found)
        text = f"{len(missing)} of {total} trainings are not there: {', '.join(missing[:3])}"
        text += f" and {len(missing) - 3} more." if len(missing) > 3 else "."
        answers = tuple(ClaimResult(claim, None, "not run", text) for claim in CLAIMS)
        return StepResult(11, TITLE, "not run", text, command, claims=answers)
    records, agreement = _agreement(results)
    differing = answers_table(run, results.found)
    answers = tuple(_claims(results, load_claims()))
    status, counts = judge(records)
    if not records:
        status = "undecided"  # one backend or one seed: nothing to hold against each other
    return StepResult(
        11,
        TITLE,
        status,
        _summary(results, records) + answers_sentence(differing),
        command,
        tuple(records),
        answers,
        (*_tables(results, agreement), *differing),
        _notes(results),
        counts,
    )
