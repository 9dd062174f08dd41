"""Rows and sentences of the first page: the result, the steps, what needs attention, and the block with every time."""

from collections.abc import Iterator

from repro.config.profile import BackendName
from repro.markdown import clock, exact, short_hash
from repro.results.inputs import InputFile, RunInputs
from repro.results.report import MissingInputs, Report, RunBlock

Rows = list[list[object]]


def _judgement(report: Report) -> str:
    differs = [claim.id for claim in report.claims if claim.verdict == "differs"]
    failed = [str(step.step) for step in report.steps if step.status == "failed"]
    lost = [str(step.step) for step in report.steps if step.lost]
    parts = [f"documented claims that differ: {', '.join(differs)}"] if differs else []
    parts += [f"steps that failed: {', '.join(failed)}"] if failed else []
    parts += [f"INCOMPLETE RUN, without usable files of steps {', '.join(lost)}"] if lost else []
    return "; ".join(parts) or "every claim that could be judged is reproduced or explained"


def _counted(counts: dict[str, int], noun: str) -> str:
    parts = [f"{number} {name}" for name, number in counts.items() if number and name != "total"]
    return f"{counts['total']} {noun}: {', '.join(parts)}"


def result_sentence(report: Report) -> str:
    """The result in one sentence."""
    parts = [_counted(report.summary.steps, "steps"), _counted(report.summary.claims, "documented claims")]
    trainings = report.summary.trainings
    if trainings.total:
        parts.append(f"{trainings.done} of {trainings.total} trainings complete")
    judgement = _judgement(report)
    return f"{judgement[0].upper()}{judgement[1:]} — {'; '.join(parts)}."


def step_rows(report: Report) -> Rows:
    """One row per step, with a link to its section."""
    return [
        [f"[{step.step}](#step-{step.step}) {step.heading} · {step.title}", step.status, step.summary]
        for step in report.steps
    ]


def attention(report: Report) -> list[str]:
    """Claims that differ, remarks on the inputs, and findings, which a reader should not have to look for."""
    lines = [
        f"**differs** {claim.id}: documented {claim.documented}, measured {exact(claim.measured)}. {claim.reason}"
        for claim in report.claims
        if claim.verdict == "differs"
    ]
    if isinstance(report.run.inputs, RunInputs):
        lines += [f"**input**: {sentence}" for sentence in report.run.inputs.warnings]
    return lines + [f"**{finding.kind}**: {finding.text}" for finding in report.findings]


def deviation_rows(report: Report) -> Rows:
    """Rules in which the two programs differ."""
    return [[f"`{name}`", *values] for name, values in report.protocol.deviations.items()]


def run_rows(run: RunBlock) -> Rows:
    """Profile, machine, versions, durations."""
    rows: Rows = [
        ["profile", run.profile],
        ["protocol", run.protocol],
        ["run directory (`$RUN` below)", f"`{run.directory}`"],
        ["machine", ", ".join(f"{name} {value}" for name, value in run.machine.items())],
        ["repro", run.repro],
    ]
    for backend in run.backends:
        packages = ", ".join(f"{name} {version}" for name, version in run.versions.get(backend, {}).items())
        seconds = [value for name, value in run.durations.trainings.items() if name.startswith(f"{backend}/")]
        rows += [
            [f"{backend}: device", run.device.get(backend)],
            [f"{backend}: versions", packages or None],
            [f"{backend}: time in captures", clock(run.durations.captures.get(backend, 0.0))],
            [f"{backend}: time in {len(seconds)} trainings", clock(sum(seconds))],
        ]
    return [*rows, ["duration, first to last file (pauses included)", clock(run.durations.elapsed)]]


def cost_columns(run: RunBlock) -> list[str]:
    """Headings of ``cost_rows``."""
    return ["part", *run.backends, *(f"{backend}: peak memory" for backend in run.backends)]


def cost_rows(run: RunBlock) -> Rows:
    """Time and peak memory of everything but the trainings of step 11; a dash where nothing was measured."""

    def time(part: str, backend: BackendName) -> str | None:
        cost = run.costs[part].get(backend)
        return clock(cost.seconds) if cost else None

    def memory(part: str, backend: BackendName) -> str | None:
        cost = run.costs[part].get(backend)
        return f"{cost.peak_memory / 1e9:.2f} GB" if cost and cost.peak_memory else None

    return [[part, *(cell(part, side) for cell in (time, memory) for side in run.backends)] for part in run.costs]


def _file_rows(name: str, files: dict[str, InputFile]) -> Iterator[list[object]]:
    for key, file in files.items():
        size = "" if file.bytes is None else f" ({file.bytes} bytes)"
        yield [f"{name} {key}".strip(), f"`{file.path}`{size}", short_hash(file.sha256)]


def input_rows(inputs: RunInputs | MissingInputs) -> Iterator[list[object]]:
    """Data, vocabulary and weights: name, where, sha256."""
    if isinstance(inputs, MissingInputs):
        yield ["missing", inputs.missing, "—"]
        return
    yield ["data source", inputs.data.source, "—"]
    if inputs.data.directory:
        yield ["data directory", f"`{inputs.data.directory}`", "—"]
    yield from _file_rows("data files", inputs.data.files)
    for split, count in inputs.data.counts.items():
        used = f"{count.examples - count.skipped} of {count.examples} questions, {count.windows} windows"
        yield [f"used of {split}", f"{used}, {count.unknown} of {count.tokens} word pieces unknown", "—"]
    yield from _file_rows("", {"vocab": inputs.vocab})
    ids = ", ".join(f"{name} {index}" for name, index in inputs.tokenizer.ids.model_dump().items())
    yield ["tokenizer", f"{'lower case' if inputs.tokenizer.lower_case else 'cased'}; ids: {ids}", "—"]
    yield ["weights source", inputs.weights.source, "—"]
    if inputs.weights.path:
        yield ["weights path", f"`{inputs.weights.path}`", "—"]
    if inputs.weights.reading:
        yield ["weights as read", inputs.weights.reading, "—"]
    yield from _file_rows("weights files", inputs.weights.files)
