"""The effects for a reader: tables, sentences, ``deviations.md``."""

from collections.abc import Iterable, Mapping, Sequence

from repro.config.profile import BACKEND_NAMES
from repro.config.switches import BASELINE, ROUNDING, TOGETHER
from repro.context.deviations import DeviationKey
from repro.markdown import number, table
from repro.numerics.equivalence import ALPHA
from repro.numerics.seed_statistics import CONFIDENCE
from repro.numerics.verdict import SCATTER
from repro.results import Cell, Table
from repro.results.deviations import Comparison, DeviationsResult, Effect


def notes(margin: float, with_batch_of_one: Sequence[DeviationKey]) -> tuple[str, ...]:
    """How to read the tables.

    Args:
        with_batch_of_one: trainings by the paper's rules that have such a batch, in one framework.
    """
    files = ", ".join(f"{key.size} examples with seed {key.seed}" for key in with_batch_of_one) or "none"
    return (
        "Effect: F1 with the deviation minus F1 of its reference, paired by seed: the same training file, order and"
        f" dropout masks. In brackets the {100 * CONFIDENCE:.0f} % t interval of the mean over seeds, each row by"
        " itself. It takes files for independent and their differences for normal.",
        "Verdict: on the differences of each file, averaged over the frameworks, which take the same path and so count"
        f" once. *equivalent within the margin*: two one-sided t tests at {100 * ALPHA:.0f} % reject an effect of"
        f" {margin:g} points or more. *different*: they do not, and the paired t test rejects an effect of 0 at"
        f" {100 * ALPHA:.0f} %, after Holm's correction over all deviations and sizes. *not shown*: neither, which"
        " proves nothing. *no change*: every answer and every loss is the same, bit for bit.",
        "Loss: the largest change at any step of any seed, relative to the larger loss; and the first step, from 0, at"
        f" which some seed's loss changes by more than rounding explains: {SCATTER:.0f} times the largest effect so far"
        " of 1 ulp in every start weight, the limit of step 8. The first step has learning rate 0: no rule of the"
        " update can show in the loss before step 2.",
        "With another order, or without a batch of one, the same step sees other windows, and the loss differs for that"
        f" reason alone. Training files with a batch of one: {files}.",
        "Steps past the end of the schedule have learning rate 0. So the last epoch decides nothing, and its row checks"
        " the comparison itself.",
    )


def _points(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def in_points(effect: Effect) -> str:
    """``−3.21 [−5.02, −1.40]``, without the interval where there is none."""
    interval = effect.interval
    return _points(effect.mean) + (f" [{_points(interval[0])}, {_points(interval[1])}]" if interval else "")


def _merged(cells: Iterable[str]) -> str:
    """One cell of both frameworks', which mostly say the same."""
    return " / ".join(dict.fromkeys(cells))


def effects_table(size: int, compared: Sequence[Comparison]) -> Table:
    """The effects at one size: a row per variant, both frameworks beside each other."""
    rows: list[list[Cell]] = []
    for item in compared:
        beyond = [effect.curve.beyond_rounding for effect in item.effects]
        rows.append(
            [
                item.variant if item.reference == BASELINE else f"{item.variant} (beyond {item.reference})",
                *map(in_points, item.effects),
                _merged(number(effect.answers_changed, 3) for effect in item.effects),
                _merged(number(effect.curve.largest, 2) for effect in item.effects),
                _merged("never" if step is None else str(step) for step in beyond),
                item.verdict,
            ]
        )
    sides, seeds = [effect.backend for effect in compared[0].effects], len(compared[0].seeds)
    columns = ["deviation", *(f"F1, {BACKEND_NAMES[side]}" for side in sides), "answers changed, %"]
    columns += ["loss: largest change", "beyond rounding from step", "verdict"]
    return Table(title=f"{size} examples, {seeds} seed{'s' if seeds > 1 else ''}", columns=columns, rows=rows)


def sentence(compared: Sequence[Comparison]) -> str:
    """The result in a few sentences."""
    single = [item for item in compared if item.variant not in (ROUNDING, TOGETHER)]
    names = list(dict.fromkeys(item.variant for item in single))
    shown = _places([item for item in single if item.verdict == "different"])
    text = f"{len(names)} deviation{'s' if len(names) > 1 else ''} of the published programs, one at a time: "
    text += f"F1 changes with {shown}." if shown else "none is shown to change F1."
    if idle := [name for name in names if all(i.verdict == "no change" for i in single if i.variant == name)]:
        text += f" No answer and no loss changes with {' or '.join(idle)}."
    largest = max(single, key=lambda item: abs(item.mean))
    text += f" The largest mean effect: {_at(largest)} with {largest.variant}."
    if together := [item for item in compared if item.variant == TOGETHER]:
        text += f" All together: {'; '.join(map(_at, together))}."
    moved = max(abs(item.mean) for item in compared if item.variant == ROUNDING)
    return f"{text} Rounding alone changes mean F1 by at most {moved:.2f} points."


def _at(item: Comparison) -> str:
    """Both frameworks' effects in words."""
    return f"{_merged(map(in_points, item.effects))} points at {item.size} examples"


def _places(compared: Iterable[Comparison]) -> str:
    """``order (16 and 128 examples)`` of each deviation."""
    sizes: dict[str, list[str]] = {}
    for item in compared:
        sizes.setdefault(item.variant, []).append(str(item.size))
    return ", ".join(f"{name} ({' and '.join(of)} examples)" for name, of in sizes.items())


def page(result: DeviationsResult, pictures: Mapping[str, str]) -> str:
    """``deviations.md``.

    Args:
        pictures: file beside it -> what it shows.
    """
    lines = ["# What each deviation of the published programs is worth", "", f"**{result.sentence}**", ""]
    for part in (*result.tables, result.switches):
        lines += [f"## {part.title}", "", *table(part.columns, part.rows)]
    for name, text in pictures.items():
        lines += [f"## {text}", "", f"![{text}]({name})", ""]
    lines += ["## How to read this", "", *(f"- {note}" for note in result.notes)]
    return "\n".join(lines) + "\n"
