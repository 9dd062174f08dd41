"""A result of ``repro deviations`` without any training: one deviation that changes nothing, beside rounding."""

from repro.deviations.tables import effects_table, notes
from repro.deviations.words import switches_table
from repro.results.deviations import Comparison, CurveEffect, DeviationsResult, Effect


def comparison(variant: str) -> Comparison:
    """Two seeds at 16 examples in both frameworks; no F1 changes."""
    curve = CurveEffect(change=(0.0, 1e-7, 2e-7), beyond_rounding=None)
    common: dict[str, object] = {"interval": (0.0, 0.0), "answers_changed": 0.0, "curve": curve, "unchanged": False}
    effects = [{"backend": side, "differences": (0.0, 0.0), "mean": 0.0, **common} for side in ("pytorch", "paddle")]
    return Comparison(
        variant=variant,
        reference="paper",
        size=16,
        seeds=(42, 43),
        effects=tuple(map(Effect.model_validate, effects)),
        mean=0.0,
        p_adjusted=None if variant == "rounding" else 1.0,
        verdict="reference" if variant == "rounding" else "equivalent within the margin",
    )


def deviations_result() -> DeviationsResult:
    """The whole file."""
    compared = (comparison("rounding"), comparison("order"))
    return DeviationsResult(
        sentence="Nothing changes.",
        switches=switches_table(["order"]),
        tables=(effects_table(16, compared),),
        notes=notes(1.0, []),
        margin=1.0,
        comparisons=compared,
        seconds=75.0,
    )
