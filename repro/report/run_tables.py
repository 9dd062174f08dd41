"""The block with everything in which two runs may differ: profile, machine, times, inputs."""

from collections.abc import Iterator, Sequence

from repro.config.profile import BackendName
from repro.markdown import clock, short_hash
from repro.pages import Code, Joined, Phrase, phrase
from repro.pages.grids import Grid, Rows, grid
from repro.results import Attempt, TrainingAttempts
from repro.results.inputs import InputFile, RunInputs
from repro.results.run_block import MissingInputs, RunBlock


def run_table(run: RunBlock) -> Grid:
    """Profile, machine, versions, durations."""
    rows: Rows = [
        [phrase("profile"), run.profile],
        [phrase("protocol"), run.protocol],
        [phrase("run directory (`$RUN` below)"), Code(run.directory)],
        [phrase("machine"), ", ".join(f"{name} {value}" for name, value in run.machine.items())],
        ["repro", run.repro],
    ]
    for backend in run.backends:
        packages = ", ".join(f"{name} {version}" for name, version in run.versions.get(backend, {}).items())
        seconds = [value for name, value in run.durations.trainings.items() if name.startswith(f"{backend}/")]
        rows += [
            [phrase("{framework}: device", framework=backend), run.device.get(backend)],
            [phrase("{framework}: versions", framework=backend), packages or None],
            [phrase("{framework}: time in captures", framework=backend), clock(run.durations.captures.get(backend, 0))],
            [phrase("{framework}: time in {n} trainings", framework=backend, n=len(seconds)), clock(sum(seconds))],
        ]
    rows.append([phrase("duration, first to last file (pauses included)"), clock(run.durations.elapsed)])
    rows.append([phrase("trainings started"), attempts_sentence(run.attempts)])
    return grid([phrase("run"), ""], rows)


def attempts_sentence(trainings: Sequence[TrainingAttempts]) -> Joined | None:
    """How many trainings were started, and each that was not simply started once and finished; None without any."""
    if not trainings:
        return None
    unusual = tuple(text for training in trainings if (text := _attempts(training)))
    started = sum(len(training.attempts) for training in trainings)
    once = phrase("{n}, {once} of them once and to the end", n=started, once=len(trainings) - len(unusual))
    return Joined((once, *unusual), "; ")


OUTCOMES: dict[str, Phrase] = {
    "interrupted": phrase("interrupted"),
    "failed": phrase("failed"),
    "unreadable": phrase("unreadable"),
}


def _attempts(training: TrainingAttempts) -> object | None:
    """Outcomes of a training, oldest first; None where it is asked for and was done at the first attempt."""
    if training.asked and [attempt.outcome for attempt in training.attempts] == ["finished"]:
        return None
    text: object = Joined((training.training, _outcome(training.attempts[0])), " ")
    for attempt in training.attempts[1:]:
        text = phrase("{earlier}, then {later}", earlier=text, later=_outcome(attempt))
    notes = [] if training.asked else [phrase("not asked for by this profile")]
    notes += [phrase("results differ, the last one counts")] if training.replaced else []
    return phrase("{what} ({n})", what=text, n=Joined(tuple(notes))) if notes else text


def _outcome(attempt: Attempt) -> object:
    if attempt.f1 is not None:
        return f"F1 {attempt.f1:.2f}"
    outcome = OUTCOMES.get(attempt.outcome, attempt.outcome)
    return Joined((outcome, attempt.reason), " ") if attempt.reason else outcome


def cost_table(run: RunBlock) -> Grid:
    """Time and peak memory of everything but the trainings of step 11; a dash where nothing was measured."""

    def time(part: str, backend: BackendName) -> str | None:
        cost = run.costs[part].get(backend)
        return clock(cost.seconds) if cost else None

    def memory(part: str, backend: BackendName) -> str | None:
        cost = run.costs[part].get(backend)
        return f"{cost.peak_memory / 1e9:.2f} GB" if cost and cost.peak_memory else None

    columns = [phrase("{framework}: peak memory", framework=backend) for backend in run.backends]
    rows = [[part, *(cell(part, side) for cell in (time, memory) for side in run.backends)] for part in run.costs]
    return grid([phrase("part"), *run.backends, *columns], rows)


def _file_rows(name: str, files: dict[str, InputFile]) -> Iterator[list[object]]:
    for key, file in files.items():
        size = "" if file.bytes is None else f" ({file.bytes} bytes)"
        yield [f"{name} {key}".strip(), Joined((Code(str(file.path)), size), ""), short_hash(file.sha256)]


def inputs_table(inputs: RunInputs | MissingInputs) -> Grid:
    """Data, vocabulary and weights: name, where, sha256."""
    return grid([phrase("input"), phrase("where"), "sha256"], _input_rows(inputs))


def _input_rows(inputs: RunInputs | MissingInputs) -> Iterator[list[object]]:
    if isinstance(inputs, MissingInputs):
        yield ["missing", inputs.missing, None]
        return
    yield ["data source", inputs.data.source, None]
    if inputs.data.directory:
        yield ["data directory", Code(str(inputs.data.directory)), None]
    yield from _file_rows("data files", inputs.data.files)
    for split, count in inputs.data.counts.items():
        used = f"{count.examples - count.skipped} of {count.examples} questions, {count.windows} windows"
        yield [f"used of {split}", f"{used}, {count.unknown} of {count.tokens} word pieces unknown", None]
    yield from _file_rows("", {"vocab": inputs.vocab})
    ids = ", ".join(f"{name} {index}" for name, index in inputs.tokenizer.ids.model_dump().items())
    yield ["tokenizer", f"{'lower case' if inputs.tokenizer.lower_case else 'cased'}; ids: {ids}", None]
    yield ["weights source", inputs.weights.source, None]
    if inputs.weights.path:
        yield ["weights path", Code(str(inputs.weights.path)), None]
    if inputs.weights.reading:
        yield ["weights as read", inputs.weights.reading, None]
    yield from _file_rows("weights files", inputs.weights.files)
