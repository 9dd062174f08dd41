"""A small published reproduction as healthy evidence: dumps of two float32 implementations, logs, scripts, notes.

It has everything that occurs in healthy evidence and could mislead a rule: equal integers of another width, a loss with
an axis, converted weights, rates cast to float32, logs with all three measures, shortened numbers, tables of settings
and of values.
"""

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from repro.dumps import write_dump
from repro.dumps.helper import HelperLog, helper_log
from repro.numerics.arrays import Arrays
from tests.untrusted.containers import op, tensor, torch_zip

STAMP = "[2024/03/05 12:00:00] root INFO: "
MEASURE = "\t{} diff: check passed: True, value: {}"
SCRIPTS = (
    """helper = ReprodDiffHelper()
reference = helper.load_info("./{name}_torch.npy")
helper.compare_info(reference, helper.load_info("./{name}_paddle.npy"))
helper.report(path="./{name}_diff.txt", diff_threshold={threshold})
""",
    """HERE, THRESHOLD = ".", {threshold}
class Check:
    def run(self):
        a, b = (self.helper.load_info(p) for p in ("x.npy", "y.npy"))
        self.torch = self.helper.load_info(os.path.join(HERE, "{name}_torch.npy"))
        self.paddle = self.helper.load_info(f"{{HERE}}/{name}_paddle.npy")
        self.helper.compare_info(self.torch, self.paddle)
        self.helper.report(diff_threshold=THRESHOLD)
""",
    """names = ["{name}_torch.npy", "{name}_paddle.npy"]
one = np.load(Path(__file__).parent / "{name}_torch.npy", allow_pickle=True).item()
other = np.load("{name}_paddle.npy", allow_pickle=True).item()
for key in one:
    np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol={threshold})
helper.compare_info(helper.load_info("{name}_torch.npy"), helper.load_info("{name}_paddle.npy"))
helper.report(diff_threshold={threshold})
""",
)


@dataclass
class Step:
    """One step: both sides' arrays under ``folder/name_{torch,paddle}.npy``, its log, script and section."""

    folder: str
    name: str
    title: str
    torch: Arrays
    paddle: Arrays
    threshold: float = 1e-6
    text: str = ""
    printed: str = "table"  # how the notes give its numbers: table, log
    script: str | None = SCRIPTS[0]
    log: HelperLog | None = None  # None: what the helper prints for these arrays
    documented: dict[str, str] = field(default_factory=dict)  # instead of the log's numbers
    digits: int | None = None  # of the table's numbers, where the notes shorten them
    left_out: tuple[str, ...] = ()  # sides that are not published
    all_measures: bool = False  # log of ``diff_method="all"``

    def printed_log(self) -> HelperLog:
        return self.log or helper_log(self.torch, self.paddle, self.threshold)

    def lines(self) -> list[str]:
        """Lines of the committed log."""
        log, lines, key = self.printed_log(), list[str](), ""
        for line in log.lines:
            if self.all_measures and "mean diff" in line:
                least, largest = (log.extremes.get(measure, {}).get(key, "0.0") for measure in ("min", "max"))
                lines += [MEASURE.format("min", least), line, MEASURE.format("max", largest)]
            else:
                lines.append(line)
                key = line.rstrip().removesuffix(":")
        return lines

    def change(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    def both(self, key: str, array: np.ndarray) -> None:
        self.torch[key], self.paddle[key] = array, array.copy()

    def port(self, key: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
        self.paddle[key] = change(self.paddle[key])

    def document(self, key: str, factor: float) -> None:
        """Document another mean than the log prints."""
        self.documented[key] = f"{float(self.printed_log().means[key]) * factor:.6g}"

    def change_log(self, key: str, factor: float) -> None:
        """A log that prints another mean than the arrays have."""
        log = self.printed_log()
        value = f"{float(log.means[key]) * factor}"
        lines = tuple(line.replace(log.means[key], value) for line in log.lines)
        self.log = HelperLog(lines, {**log.means, key: value}, log.passed)


@dataclass
class Reproduction:
    """Steps by name, an F1 table, and further files."""

    steps: dict[str, Step]
    scores: dict[int, float]
    average: str
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        texts = {"notes.md": "\n".join([*self._sections(), ""])}
        for step in self.steps.values():
            path = f"{step.folder}/{step.name}"
            (folder / step.folder).mkdir(parents=True)
            for side, arrays in (("torch", step.torch), ("paddle", step.paddle)):
                if side not in step.left_out:
                    write_dump(folder / f"{path}_{side}.npy", arrays)
            texts[f"{path}_diff.txt"] = "".join(f"{STAMP}{line}\n" for line in step.lines())
            script = (step.script or "").format(name=step.name, threshold=step.threshold)
            texts[f"{step.folder}/check_{step.name}.py"] = script
        for name, content in (self.files | {name: text.encode() for name, text in texts.items() if text}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def _sections(self) -> Iterable[str]:
        yield "# Alignment of the port\n"
        for step in self.steps.values():
            yield f"## {step.folder[0]}. {step.title}\n\n{step.text}\n"
            if step.printed == "log":
                yield "\n".join(["```", *(STAMP + line for line in step.lines()), "```", ""])
                continue
            numbers = step.printed_log().means
            if step.digits:
                numbers = {key: f"{float(value):.{step.digits}e}" for key, value in numbers.items()}
            yield table([list(numbers | step.documented), list((numbers | step.documented).values())])
        scores = [[f"seed {seed}", f"{score:.2f}"] for seed, score in self.scores.items()]
        yield "## Results\n\n" + table([["", "F1"], *scores, ["average", self.average]])


def table(rows: list[list[str]]) -> str:
    """A markdown table; the first row holds the headings."""
    rule = ["---"] * len(rows[0])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [rows[0], rule, *rows[1:]])


def rounding(rng: np.random.Generator, values: np.ndarray, units: float = 2.0) -> np.ndarray:
    """The same numbers as another float32 program would compute them, some ulp off."""
    off = rng.normal(0, units, values.shape) * np.spacing(np.abs(values).astype(np.float32))
    return (values + off).astype(values.dtype)


def _forward(rng: np.random.Generator) -> Step:
    logits = (3 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    pooled = rng.normal(size=(8, 32)).astype(np.float32)
    reference = {"logits": logits, "pooled": pooled}
    port = {key: rounding(rng, array) for key, array in reference.items()}
    settings = table([["batch size", "layer norm eps", "threshold"], ["2", "1e-06", "1e-06"]])
    digits = int(rng.integers(2, 9)) if rng.random() < 0.5 else None
    measures = bool(rng.random() < 0.3)
    step = Step("1_forward", "forward", "Forward pass", reference, port, text=settings)
    step.change(digits=digits, all_measures=measures)
    return step


def _data(rng: np.random.Generator) -> Step:
    ids = rng.integers(100, 29_000, (4, 8, 64))
    data = {"input_ids": ids, "labels": rng.integers(0, 64, (4, 8)), "mask": (ids > 5000).astype(np.int64)}
    port = {**data, "mask": data["mask"].astype(rng.choice(["int32", "int64"]))}
    return Step("2_data", "batch", "Data", data, port, printed="log")


def _metric(rng: np.random.Generator) -> Step:
    correct, total = int(rng.integers(200, 400)), 697
    exact, f1 = 100 * correct / total, 100 * (correct + rng.random() * 50) / total
    metric = {"exact": np.array(exact), "f1": np.array(f1), "total": np.array(total)}
    shown = [f"{exact:.2f}", f"{f1:.2f}", f"{total}"]
    text = table([["", *metric], ["torch", *shown], ["paddle", *shown]])
    return Step("3_metric", "metric", "Metric", metric, dict(metric), printed="log", text=text)


def _loss(rng: np.random.Generator) -> Step:
    loss = np.array(2 + rng.random(), dtype=np.float32)
    port = np.array(np.nextafter(loss, np.float32(9)))
    return Step("4_loss", "loss", "Loss", {"loss": loss}, {"loss": port.reshape(1) if rng.random() < 0.5 else port})


def _backward(rng: np.random.Generator) -> Step:
    losses = (4 * np.exp(-np.arange(20) / 12) + rng.normal(0, 0.1, 20)).astype(np.float32)
    shown = [[str(step), f"{value:.4f}"] for step, value in enumerate(losses[:3], 1)]
    text = "Losses of 20 of the 200 steps, the same batches on both sides.\n\n" + table([["step", "loss"], *shown])
    # float32 numbers stored as float64, as loss.item() returns them
    reference, port = losses.astype(np.float64), rounding(rng, losses).astype(np.float64)
    return Step("5_backward", "train", "Backward pass", {"loss": reference}, {"loss": port}, text=text)


def _rates(rng: np.random.Generator) -> Step:
    rates = 3e-5 * np.concatenate([np.arange(20) / 20, 1 - np.arange(180) / 180])
    rates = rates.astype(rng.choice(["float32", "float64"]))  # computed in Python on both sides
    return Step("6_learning_rate", "lr", "Learning rate", {"lr": rates}, {"lr": rates.copy()}, threshold=1e-9)


def healthy(seed: int) -> Reproduction:
    """A reproduction with nothing wrong in it."""
    rng = np.random.default_rng(seed)
    steps = [make(rng) for make in (_forward, _data, _metric, _loss, _backward, _rates)]
    for step in steps:
        step.script = str(rng.choice(SCRIPTS))
    scores = {seed: round(float(50 + 10 * rng.random()), 2) for seed in range(42, 47)}
    average = f"{sum(scores.values()) / 5:.2f}"
    weights = rng.normal(0, 0.02, (16, 8)).astype(np.float32)
    stored = torch_zip(
        b"}" + op("linear.weight") + tensor(count=128, shape=(16, 8), strides=(8, 1)) + b"s", {"0": weights.tobytes()}
    )
    files = {
        "1_forward/align/weights_torch.bin": stored,
        "1_forward/align/weights_paddle.bin": pickle.dumps({"linear.weight": weights.T}),
        "1_forward/align/inputs.pkl": pickle.dumps({"input_ids": [[101, 2054, 102]]}),
    }
    return Reproduction({step.name: step for step in steps}, scores, average, files)
