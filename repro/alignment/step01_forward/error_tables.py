"""What stage ``measure`` measured, as tables, sentences and records of step 1.

Attributions are by framework (``pytorch``, ``paddle``), each from that framework's float64 pass.
"""

from collections.abc import Sequence

from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.numerics.error_propagation import input_error
from repro.results import Record, Table
from repro.results.precision import Attribution, Shares

SHOWN = ("embeddings", "sequence_output", "start_temp", "start_logits_unmasked", "model_output[unmasked]")
PRODUCTS = ("start_logits_unmasked", "end_logits_unmasked")


def attributions(context: CompareContext) -> dict[str, Attribution]:
    """By framework; empty where nothing was measured."""
    return {side: m.attribution for side, m in context.precision.items() if m.attribution is not None}


def relative_errors(attribution: Attribution, name: str) -> tuple[float, float, float | None, float]:
    """Relative errors of an operation: of its inputs, local; amplification of the input error; error of its result."""
    inputs = input_error(name, attribution.operations, attribution.errors)
    error = attribution.errors[name]
    amplification = error.relative("propagated") / inputs if inputs else None
    return inputs, error.relative("local"), amplification, error.relative("total")


def sum_record(side: str, shares: Shares) -> Record:
    """Whether a framework's shares sum to the final difference."""
    bound, off = shares.total_error(), abs(shares.total() - 1.0)
    return Record(
        name=f"shares.{side}",
        outcome="compared",
        dtype="float64",
        mean_abs=off,
        max_abs=off,
        tolerance=bound,
        derivation=f"8 n half ulp of float64 of the logits, relative to their difference: {bound:.3g}",
        verdict="as declared" if off <= bound else "different semantics",
        reason=f"the shares of {len(shares.dot)} operations sum to 1 within {off:.2g}",
    )


def by_operation(measured: dict[str, Attribution], rows_of_batch: int) -> Table:
    """Every operation: error of its inputs, local error, amplification, error, and share in the final difference."""
    columns = ["operation"]
    for side in measured:
        columns += [f"{BACKEND_NAMES[side]}: input error", "local error", "amplified", "error"]
    columns += [f"share, by {BACKEND_NAMES[side]}'s float64" for side in measured]
    rows = [
        [
            name,
            *(error for attribution in measured.values() for error in relative_errors(attribution, name)),
            *(attribution.shares.share(name) for attribution in measured.values()),
        ]
        for name in next(iter(measured.values())).operations
    ]
    what = "relative L2 against float64, and share in the difference of the logits"
    return Table(title=f"Error by operation, {rows_of_batch} rows: {what}", columns=columns, rows=rows)


def scaled_sizes(pairs: Sequence[tuple[Record, Record]], factor: float, measured: dict[str, Attribution]) -> Table:
    """The same head with both classifiers scaled: absolute differences grow, relative ones do not.

    Args:
        pairs: record of a tensor, and of the same tensor with scaled classifiers.
    """
    rows = [
        [
            *(plain.name, plain.scale, plain.mean_abs, plain.relative_l2),
            *(scaled.scale, scaled.mean_abs, scaled.relative_l2, scaled.gap64, scaled.verdict),
            *(
                errors[plain.name].relative("local")
                for attribution in measured.values()
                for errors in (attribution.errors, attribution.scaled)
            ),
        ]
        for plain, scaled in pairs
    ]
    columns = ["tensor", "scale (rms)", "mean |diff|", "relative L2"]
    columns += ["scaled: scale", "mean |diff|", "relative L2", "float64 gap", "verdict"]
    for side in measured:
        columns += [f"local error, {BACKEND_NAMES[side]}", "scaled"]
    title = f"Classifiers as they are, and times {factor:g}: logits of the size in the published dumps"
    return Table(title=title, columns=columns, rows=rows)


def noise_table(context: CompareContext) -> Table:
    """What each change moves, in each framework."""
    noise = {side: measurement.noise for side, measurement in context.precision.items()}
    kinds = list(dict.fromkeys(kind for moves in noise.values() for name in SHOWN for kind in moves[name]))
    rows = [
        [f"{name}, {BACKEND_NAMES[side]}", *(moves[name].get(kind) for kind in kinds)]
        for name in SHOWN
        for side, moves in noise.items()
    ]
    title = "Noise floor: relative L2 by which a framework's own float32 result moves when these are changed"
    return Table(title=title, columns=["tensor", *kinds], rows=rows)


def determinism_tables(context: CompareContext) -> list[Table]:
    """What was run twice; and what decides the rounding."""
    checks = [
        [BACKEND_NAMES[side], dtype, check.forward, check.one_by_one, check.backward]
        for side, measurement in context.precision.items()
        for dtype, check in measurement.determinism.items()
    ]
    columns = ["framework", "precision", "forward", "operations one by one", "backward"]
    twice = Table(title="Determinism check: the same inputs twice in one process", columns=columns, rows=checks)
    settings = {side: measurement.arithmetic for side, measurement in context.precision.items()}
    names = list(dict.fromkeys(name for values in settings.values() for name in values))
    rows = [[name, *(values.get(name) for values in settings.values())] for name in names]
    columns = ["setting", *(BACKEND_NAMES[side] for side in settings)]
    return [twice, Table(title="Recorded before anything was computed", columns=columns, rows=rows)]


def sentence(measured: dict[str, Attribution]) -> str:
    """What the table says about the products that the notes blame."""
    parts = []
    for side, attribution in measured.items():
        errors = [relative_errors(attribution, name) for name in PRODUCTS]
        inputs, local = max(error[0] for error in errors), max(error[1] for error in errors)
        parts.append(
            f"{BACKEND_NAMES[side]}'s get a relative error of {inputs:.2g} with their inputs and add {local:.2g}"
        )
    first = next(iter(measured.values()))
    layers = [name for name in first.operations if name.startswith(("embeddings", "encoder."))]
    encoder = sum(map(first.shares.share, layers))
    shares = dict.fromkeys(round(sum(map(a.shares.share, PRODUCTS)), 4) for a in measured.values())
    return (
        "Of the difference of the logits, the two products that the notes blame make"
        f" {' and '.join(f'{100 * value:.1f} %' for value in shares)}, the encoder {100 * encoder:.1f} %:"
        f" {'; '.join(parts)}"
    )


def not_measured(context: CompareContext) -> str:
    """Why there are no tables; empty where there are."""
    if not context.precision:
        missing = ", ".join(f"precision/{side}.json" for side in BACKENDS)
        return f"Noise floor, error by operation and determinism: not run, {missing} are missing or of other inputs."
    if all(measurement.attribution for measurement in context.precision.values()):
        return ""
    reasons = dict.fromkeys(measurement.reason for measurement in context.precision.values())
    return f"Error by operation: not run. {' '.join(reasons)}"
