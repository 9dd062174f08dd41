"""A small published reproduction as healthy evidence: dumps of two float32 implementations, logs, scripts, notes."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from repro.audit.helper import HelperLog, helper_log
from repro.dumps import write_dump

Arrays = dict[str, np.ndarray]
STAMP = "[2024/03/05 12:00:00] root INFO: "
SCRIPT = """from reprod_log import ReprodDiffHelper

if __name__ == "__main__":
    helper = ReprodDiffHelper()
    reference = helper.load_info("./{name}_torch.npy")
    port = helper.load_info("./{name}_paddle.npy")
    helper.compare_info(reference, port)
    helper.report(path="./{name}_diff.txt", diff_threshold={threshold})
"""


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
    script: str | None = SCRIPT
    log: HelperLog | None = None  # None: what the helper prints for these arrays
    documented: dict[str, str] = field(default_factory=dict)  # instead of the log's numbers
    left_out: set[str] = field(default_factory=set)  # files that are not published

    @property
    def number(self) -> int:
        return int(self.folder.split("_")[0])

    def printed_log(self) -> HelperLog:
        return self.log or helper_log(self.torch, self.paddle, self.threshold)

    def pair(self) -> str:
        return f"{self.folder}/{self.name}_*.npy"


@dataclass
class Reproduction:
    """Steps by name, an F1 table, and further files."""

    steps: dict[str, Step]
    scores: dict[int, float]
    average: str
    files: dict[str, bytes] = field(default_factory=dict)
    notes: str = ""

    def write(self, folder: Path) -> Path:
        for step in self.steps.values():
            _write_step(folder / step.folder, step)
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / "notes.md").write_text("\n".join([*self._sections(), self.notes]), encoding="utf-8")
        return folder

    def _sections(self) -> Iterable[str]:
        yield "# Alignment of the port\n"
        for step in self.steps.values():
            yield f"## {step.number}. {step.title}\n\n{step.text}\n"
            numbers = step.printed_log().means | step.documented
            if step.printed == "log":
                yield "\n".join(["```", *(STAMP + line for line in step.printed_log().lines), "```", ""])
            else:
                yield "\n".join([_row(numbers), _row("---" for _ in numbers), _row(numbers.values()), ""])
        yield "## Results\n\n| | F1 |\n|---|---|"
        yield "\n".join(f"| seed {seed} | {score:.2f} |" for seed, score in self.scores.items())
        yield f"| average | {self.average} |\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _write_step(folder: Path, step: Step) -> None:
    files: dict[str, Any] = {f"{step.name}_torch.npy": step.torch, f"{step.name}_paddle.npy": step.paddle}
    lines = step.printed_log().lines
    files[f"{step.name}_diff.txt"] = "".join(f"{STAMP}{line}\n" for line in lines) if lines else None
    files[f"check_{step.name}.py"] = step.script and step.script.format(name=step.name, threshold=step.threshold)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if content is None or name in step.left_out:
            continue
        if isinstance(content, dict):
            write_dump(folder / name, content)
        else:
            (folder / name).write_text(content, encoding="utf-8")


def rounding(rng: np.random.Generator, values: np.ndarray, units: float = 2.0) -> np.ndarray:
    """The same numbers as another float32 program would give them, some units in the last place off."""
    off = rng.normal(0, units, values.shape) * np.spacing(np.abs(values).astype(np.float32))
    return (values + off).astype(values.dtype)


def series(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses of two programs, float32 numbers kept as float64, as ``loss.item()`` gives them."""
    losses = (4 * np.exp(-np.arange(count) / 12) + rng.normal(0, 0.1, count)).astype(np.float32)
    return losses.astype(np.float64), rounding(rng, losses).astype(np.float64)


def healthy(seed: int) -> Reproduction:
    """A reproduction with nothing wrong in it."""
    rng = np.random.default_rng(seed)
    logits = (3 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    pooled = rng.normal(size=(8, 32)).astype(np.float32)
    ids = rng.integers(100, 29_000, (4, 8, 64))
    data = {"input_ids": ids, "labels": rng.integers(0, 64, (4, 8)), "mask": (ids > 5000).astype(np.int64)}
    correct, total = int(rng.integers(200, 400)), 697
    metric = {
        "exact": np.array(100 * correct / total),
        "f1": np.array(100 * (correct + rng.random() * 50) / total),
        "total": np.array(total),
    }
    loss = np.array(2 + rng.random(), dtype=np.float32)
    losses = series(rng, 20)
    rates = 3e-5 * np.concatenate([np.arange(20) / 20, 1 - np.arange(180) / 180])
    steps = [
        Step(
            "1_forward",
            "forward",
            "Forward pass",
            {"logits": logits, "pooled": pooled},
            {"logits": rounding(rng, logits), "pooled": rounding(rng, pooled)},
        ),
        Step("2_data", "batch", "Data", data, dict(data), printed="log"),
        Step("3_metric", "metric", "Metric", metric, dict(metric), printed="log"),
        Step("4_loss", "loss", "Loss", {"loss": loss}, {"loss": np.array(np.nextafter(loss, np.float32(9)))}),
        Step(
            "5_backward",
            "train",
            "Backward pass",
            {"loss": losses[0]},
            {"loss": losses[1]},
            text="Losses of 20 steps, the same batches on both sides.",
        ),
        Step("6_learning_rate", "lr", "Learning rate", {"lr": rates}, {"lr": rates.copy()}, threshold=1e-9),
    ]
    scores = {seed: round(float(50 + 10 * rng.random()), 2) for seed in range(42, 47)}
    average = f"{sum(scores.values()) / 5:.2f}"
    return Reproduction({step.name: step for step in steps}, scores, average)


class Mkdir:
    """Pickles into a call that leaves a mark."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (self.path,)


def pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)
