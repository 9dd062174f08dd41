"""Ours against what a user would write with ``transformers`` (PyTorch) and ``paddlenlp`` (Paddle).

Command:  python -m benchmarks.peers [--quick] [--parts features,step,…] [--data DIR --vocab FILE] [--out FILE.md]
Measures: CPU seconds (user and system, one thread: the time that passes on a quiet machine) and peak memory, in
          pairs of alternating order, each program in a process of its own; medians.
Prints:   progress with the time left, then one table; exit code 1 where two programs do not agree.
Duration: 10 minutes on one quiet core; with ``--quick`` 2 minutes. The largest process takes 10 GB (BERT-base).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs.material import SEED, SHAPES, Material, texts, write_weights
from benchmarks.programs.pairs import SIDES, Pairs, measure
from benchmarks.programs.table import Line, loading, render
from repro.cli.parser import positive
from repro.config.paths import PROJECT, atomic_text
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.errors import EXIT_DIFFERS, EXIT_OK, InputError, ReproError
from repro.progress import clock

REPEATS = 3
START_COST = 12.0  # of both programs, in seconds
SIZES = (16, 128, 1024)
SHARED = PROJECT.parent / "shared"
# Share of windows and answers that must be equal. paddlenlp also splits words at symbols outside ASCII, and its answers
# may begin inside a word.
LEAST_EQUAL = {"pytorch": 0.99, "paddle": 0.9}


@dataclass(frozen=True)
class Row:
    """One part of the work.

    Attributes:
        part: a name in ``benchmarks.programs.parts.PARTS``.
        argument: of the part.
        title: of the table's line.
        cost: seconds of one pair, roughly, beside those of starting it; for the time left.
        tolerance: largest relative difference of the numbers on which the programs must agree.
        long: takes minutes: one pair unless asked for more, and the two programs are not in memory together.
    """

    part: str
    argument: str
    title: str
    cost: float
    tolerance: float = 0.0
    long: bool = False


FEATURES = tuple(Row("features", str(size), f"features of {size:,} examples", size / 200) for size in SIZES)
CANDIDATES = Row("candidates", "", "candidates and metric", 1, tolerance=0.1)
BASE_STEP = Row("step", "base", "training step, BERT-base", 100, tolerance=1e-4, long=True)
ROWS = (
    *FEATURES,
    CANDIDATES,
    Row("step", "4x128", "training step, 4 × 128", 2, tolerance=1e-4),
    BASE_STEP,
    Row("evaluation", "4x128", "evaluation, 4 × 128", 15),
    Row("fine-tuning", "4x128", "fine-tuning, end to end", 120, tolerance=0.1, long=True),
)
NOT_QUICK = (*FEATURES[1:], CANDIDATES, BASE_STEP)


def known(chosen: Sequence[str], every: Iterable[str]) -> list[str]:
    """The chosen names, or all without a choice. InputError for an unknown one."""
    every = list(dict.fromkeys(every))
    if unknown := [name for name in chosen if name not in every]:
        raise InputError(f"unknown: {unknown[0]!r}", next_step=f"choose from: {', '.join(every)}")
    return list(chosen) or every


def choose(parts: Sequence[str], geometries: Sequence[str], *, quick: bool) -> list[Row]:
    """Rows of these parts, and of these geometries where a row has one; no part, no geometry: all of them.

    Raises:
        InputError: an unknown part or geometry, or nothing to measure.
    """
    parts, geometries = known(parts, (row.part for row in ROWS)), known(geometries, SHAPES)
    chosen = [
        row
        for row in ROWS
        if row.part in parts
        and (row.argument not in SHAPES or row.argument in geometries)
        and not (quick and row in NOT_QUICK)
    ]
    if not chosen:
        raise InputError("nothing to measure", next_step="name other --parts or another --geometry")
    return chosen


def agreement(pairs: Pairs, row: Row, framework: str) -> tuple[str, bool]:
    """In words, how far the last results of both programs agree, and whether that is close enough."""
    (our_items, our_numbers), (items, numbers) = (pairs.outcome(side) for side in SIDES)
    said, good = [], len(items) == len(our_items)
    if items:
        equal = sum(one == other for one, other in zip(our_items, items, strict=False))
        said.append(f"{equal} of {len(items)} equal")
        good &= equal >= LEAST_EQUAL[framework] * len(items)
    for name, ours in our_numbers.items():
        said.append(f"{name} {ours:.6g} and {numbers[name]:.6g}")
        good &= abs(ours - numbers[name]) <= row.tolerance * max(abs(ours), 1.0)
    return ("" if good else "**differs**: ") + ", ".join(said), good


def compare(
    chosen: Sequence[Row], frameworks: Sequence[str], *, repeats: int | None, material: Path, scale: float
) -> tuple[list[Line], bool]:
    """Lines of the table, and whether all programs agree. Shows progress on stderr.

    Args:
        repeats: pairs of each row; none: as each row says.
        material: file of the ``Material``.
        scale: of the rows' costs, 1 for the default sizes.
    """
    lines, measured, agreed = [], [], True
    pairs_of = {row: repeats or (1 if row.long else REPEATS) for row in chosen}
    cost = {row: START_COST + row.cost * pairs * scale for row, pairs in pairs_of.items()}
    begin, done, whole = time.monotonic(), 0.0, sum(cost.values()) * len(frameworks)
    for row in chosen:
        for framework in frameworks:
            passed = time.monotonic() - begin
            left = f", about {clock(passed / done * (whole - done))} left" if done else ""
            print(f"{row.title}, {BACKEND_NAMES[framework]}: {clock(passed)} so far{left}", file=sys.stderr, flush=True)
            pairs = measure(
                row.part,
                row.argument,
                framework,
                pairs=pairs_of[row],
                apart=row.long,
                material=material,
                log=material.with_suffix(".log"),
            )
            sentence, good = agreement(pairs, row, framework)
            lines.append(Line.of(row.title, framework, pairs.runs, sentence))
            print(lines[-1], file=sys.stderr, flush=True)
            measured.append((framework, pairs))
            agreed &= good
            done += cost[row]
    return [*loading(measured), *lines], agreed


def names(text: str) -> list[str]:
    """``a,b`` as a list."""
    return [name for name in text.split(",") if name]


def options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=(__doc__ or "").split("\n\n")[0])
    published, parts = SHARED.is_dir(), ",".join(dict.fromkeys(row.part for row in ROWS))
    add = parser.add_argument
    add("--parts", type=names, default=[], help=f"of: {parts}; default: all")
    add("--geometry", type=names, default=[], help=f"of the model: {','.join(SHAPES)}; default: both")
    add("--framework", type=names, default=[], help=f"of: {','.join(BACKENDS)}; default: both")
    add("--repeats", type=positive, help=f"pairs of each row; default: {REPEATS}, of the long rows 1")
    add("--questions", type=positive, default=300, help="how many the evaluation answers (default: %(default)s)")
    add("--steps", type=positive, default=60, help="training steps of the fine-tuning (default: %(default)s)")
    add("--data", type=Path, default=SHARED / "squad-few-shot" if published else None, help="few-shot files")
    add("--vocab", type=Path, default=SHARED / "published/splinter_init/vocab.txt" if published else None)
    add("--quick", action="store_true", help="the small rows once, 40 questions, 4 steps")
    add("--out", type=Path, metavar="FILE.md", help="also write the table to this file")
    chosen = parser.parse_args(argv)
    if chosen.quick:
        chosen.questions, chosen.steps = 40, 4
    return chosen


def command(chosen: argparse.Namespace) -> str:
    """The command line without paths and sizes, which the page states elsewhere or need not state."""
    lists = {name: ",".join(getattr(chosen, name)) for name in ("parts", "geometry", "framework")}
    values = [f"--{name} {value}" for name, value in {**lists, "repeats": chosen.repeats}.items() if value]
    return " ".join(["python -m benchmarks.peers", *(["--quick"] if chosen.quick else []), *values])


def main(argv: Sequence[str]) -> int:
    chosen = options(argv)
    try:
        frameworks = known(chosen.framework, BACKENDS)
        selected = choose(chosen.parts, chosen.geometry, quick=chosen.quick)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train, dev, vocab = texts(chosen.data, chosen.vocab, SIZES, folder)
            write_weights(folder, [row.argument for row in selected if row.argument in SHAPES])
            Material(train, dev, vocab, name, chosen.questions, chosen.steps).write(folder / "material.json")
            repeats, scale = (chosen.repeats or 1, 0.1) if chosen.quick else (chosen.repeats, 1.0)
            lines, agreed = compare(
                selected, frameworks, repeats=repeats, material=folder / "material.json", scale=scale
            )
    except ReproError as error:
        print(f"peers: {error}", file=sys.stderr)
        return error.exit_code
    source = f"few-shot SQuAD, seed {SEED}" if chosen.data else "a generated corpus"
    about = f"{source}; {chosen.questions} questions, a fine-tuning of {chosen.steps} steps on 16 examples"
    page = render(lines, command=command(chosen), about=about)
    print(page)
    if chosen.out:
        atomic_text(chosen.out, page)
    return EXIT_OK if agreed else EXIT_DIFFERS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
