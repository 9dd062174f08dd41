"""What box ``precision`` measured, as tables, sentences and records of step 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from repro.numerics.attribution import Error, Shares, handed
from repro.numerics.record import NumberVerdict, Record
from repro.steps.pair import NAMES, SIDES, CompareContext

SHOWN = ("embeddings", "sequence_output", "start_temp", "start_logits_unmasked", "model_output[unmasked]")
PRODUCTS = ("start_logits_unmasked", "end_logits_unmasked")
Table = dict[str, Any]


class Attribution:
    """One framework's float64 view of where the error comes from."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.operations: dict[str, list[str]] = content["operations"]
        self.errors = {name: Error(**values) for name, values in content["errors"].items()}
        self.scaled = {name: Error(**values) for name, values in content["scaled"].items()}
        shares = content["shares"]
        self.shares = Shares(shares["dot"], shares["moves"], shares["difference"], shares["size"])

    def row(self, name: str) -> list[float | None]:
        """Relative errors of an operation: handed to it, added by it; its amplification; the error of its result."""
        given = handed(name, {name: tuple(self.operations[name])}, self.errors)
        error = self.errors[name]
        passed_on = error.relative("handed_on")
        return [given, error.relative("added"), passed_on / given if given else None, error.relative("total")]

    def share(self, names: Iterable[str]) -> float:
        """Share of several operations in the final difference."""
        return sum(self.shares.share(name) for name in names)


def attributions(context: CompareContext) -> dict[str, Attribution]:
    """By framework; empty where it was not measured."""
    contents = {side: content["attribution"] for side, content in context.precision.items()}
    return {side: Attribution(content) for side, content in contents.items() if content}


def sum_records(found: dict[str, Attribution]) -> list[Record]:
    """Whether each framework's shares sum to the final difference."""
    records = []
    for side, attribution in found.items():
        total, bound = attribution.shares.total(), attribution.shares.total_error()
        off = abs(total - 1.0)
        verdict: NumberVerdict = "as declared" if off <= bound else "different semantics"
        reason = f"the shares of {len(attribution.shares.dot)} operations sum to 1 within {off:.2g}"
        why = f"8 n half units of float64 of the logits, relative to their difference: {bound:.3g}"
        values: dict[str, Any] = {"mean_abs": off, "max_abs": off, "tolerance": bound, "derivation": why}
        records.append(Record(f"shares.{side}", "compared", (), "float64", verdict=verdict, reason=reason, **values))
    return records


def by_operation(found: dict[str, Attribution], rows_of_batch: int) -> Table:
    """Every operation: what it is handed, what it adds, how it amplifies, and its share in the final difference."""
    columns = ["operation"]
    for side in found:
        columns += [f"{NAMES[side]}: handed", "added", "amplified", "error"]
    columns += [f"share, by {NAMES[side]}'s float64" for side in found]
    rows: list[list[Any]] = []
    for name in next(iter(found.values())).operations:
        row: list[Any] = [name]
        for attribution in found.values():
            row += attribution.row(name)
        rows.append([*row, *(attribution.shares.share(name) for attribution in found.values())])
    what = "relative L2 against float64, and share in the difference of the logits"
    return {"title": f"Error by operation, {rows_of_batch} rows: {what}", "columns": columns, "rows": rows}


def scaled_sizes(
    records: dict[str, Record], factor: float, pairs: dict[str, str], found: dict[str, Attribution]
) -> Table:
    """The same head with both classifiers scaled: absolute differences grow, relative ones do not."""
    rows = []
    for name, larger in pairs.items():
        plain, scaled = records[name], records[larger]
        rows.append([name, plain.scale, plain.mean_abs, plain.relative_l2])
        rows[-1] += [scaled.scale, scaled.mean_abs, scaled.relative_l2, scaled.gap64, scaled.verdict]
        for attribution in found.values():
            rows[-1] += [own[name].relative("added") for own in (attribution.errors, attribution.scaled)]
    columns = ["tensor", "scale (rms)", "mean |diff|", "relative L2"]
    columns += ["scaled: scale", "mean |diff|", "relative L2", "float64 gap", "verdict"]
    for side in found:
        columns += [f"{NAMES[side]} adds", "scaled"]
    title = f"Classifiers as they are, and times {factor:g}: logits of the size in the published dumps"
    return {"title": title, "columns": columns, "rows": rows}


def noise_table(context: CompareContext) -> Table:
    """What each change moves, in each framework."""
    noise = {side: content["noise"] for side, content in context.precision.items()}
    kinds = list(dict.fromkeys(kind for moved in noise.values() for name in SHOWN for kind in moved[name]))
    rows = [
        [f"{name}, {NAMES[side]}", *(moved[name].get(kind) for kind in kinds)]
        for name in SHOWN
        for side, moved in noise.items()
    ]
    title = "Noise floor: relative L2 by which a framework's own float32 result moves when these are changed"
    return {"title": title, "columns": ["tensor", *kinds], "rows": rows}


def certificates(context: CompareContext) -> list[Table]:
    """Determinism: what was run twice; and what decides the rounding."""
    rows = [
        [NAMES[side], dtype, content[key]["forward"], content[key]["one by one"], content.get(backward)]
        for side, content in context.precision.items()
        for dtype, key, backward in (
            ("float32", "certificate", "gradient_certificate"),
            ("float64", "certificate64", ""),
        )
    ]
    columns = ["framework", "precision", "forward", "operations one by one", "backward"]
    twice = {"title": "Determinism certificate: the same inputs twice in one process", "columns": columns, "rows": rows}
    settings = {side: content["arithmetic"] for side, content in context.precision.items()}
    names = list(dict.fromkeys(name for values in settings.values() for name in values))
    rows = [[name, *(values.get(name) for values in settings.values())] for name in names]
    columns = ["setting", *(NAMES[side] for side in settings)]
    return [twice, {"title": "Recorded before anything was computed", "columns": columns, "rows": rows}]


def sentence(found: dict[str, Attribution]) -> str:
    """What the table says about the products that the notes blame."""
    parts = []
    for side, attribution in found.items():
        rows = [attribution.row(name) for name in PRODUCTS]
        given, added = (max(row[i] or 0.0 for row in rows) for i in (0, 1))
        parts.append(f"{NAMES[side]}'s are handed a relative error of {given:.2g} and add {added:.2g}")
    first = next(iter(found.values()))
    layers = [name for name in first.operations if name.startswith(("embeddings", "encoder."))]
    others = {side: attribution.share(PRODUCTS) for side, attribution in found.items()}
    share = " and ".join(f"{100 * value:.1f} %" for value in dict.fromkeys(round(v, 4) for v in others.values()))
    return (
        f"Of the difference of the logits the two products that the notes blame make {share}, the encoder"
        f" {100 * first.share(layers):.1f} %: {'; '.join(parts)}"
    )


def not_measured(context: CompareContext) -> str:
    """Why there are no tables; empty where there are."""
    if not context.precision:
        missing = ", ".join(f"precision/{side}.json" for side in SIDES)
        return f"Noise floor, error by operation and determinism: not run, {missing} are not there or of other inputs."
    reasons = dict.fromkeys(str(content.get("reason")) for content in context.precision.values())
    without = not all(content["attribution"] for content in context.precision.values())
    return f"Error by operation: not run. {' '.join(reasons)}" if without else ""
