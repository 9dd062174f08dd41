"""The habits as data."""

from dataclasses import dataclass
from typing import Literal

Container = Literal[
    "npy of a dict", "plain npy", "npz", "one npz", "pickle", "safetensors", "json", "one json", "csv", "h5"
]


@dataclass(frozen=True)
class Habit:
    """How one author works.

    Attributes:
        sides: names of reference and port.
        dumps: path of a dump, with ``{step}``, ``{item}``, ``{side}`` and, for plain arrays, ``{key}``.
        container: what a dump is.
        script: path of the comparing script; ``style`` is its entry in ``scripts.STYLES``.
        log: path of the log, empty where there is none; ``wording`` is how it is written.
        document: path of the document that gives the differences; ``language`` of it.
        fraction: accuracies are documented as fractions of 1, and stored as percent.
        items: what is compared; everything where none are named.
    """

    name: str
    sides: tuple[str, str]
    dumps: str
    container: Container
    script: str
    style: str
    log: str = ""
    wording: Literal["reprod_log", "custom"] = "custom"
    document: str = "README.md"
    language: Literal["en", "zh"] = "en"
    fraction: bool = False
    items: tuple[str, ...] = ()


HABITS = (
    Habit(
        "steps of reprod_log",
        ("torch", "paddle"),
        "pipeline/Step{step}/data/{item}_{side}.npy",
        "npy of a dict",
        "pipeline/Step{step}/check_step{step}.py",
        "helper",
        log="pipeline/Step{step}/log/{item}_diff.log",
        wording="reprod_log",
        document="pipeline/Step{step}/README.md",
        language="zh",
    ),
    Habit(
        "a folder for each framework",
        ("pytorch", "paddle"),
        "dumps/{side}/{item}.npz",
        "npz",
        "compare.py",
        "function",
        log="logs/step{step}_{item}.txt",
        wording="reprod_log",
    ),
    Habit("both sides in one file", ("torch", "jax"), "parity/{item}.npz", "one npz", "test_parity.py", "keys"),
    Habit(
        "exported and checked in a notebook",
        ("pytorch", "onnx"),
        "export/check/{item}_{key}.{side}.npy",
        "plain npy",
        "export/check_{item}.ipynb",
        "notebook",
        fraction=True,
    ),
    Habit(
        "expected and actual",
        ("expected", "actual"),
        "tests/fixtures/{item}.{side}.pkl",
        "pickle",
        "tests/compare_{item}.py",
        "arguments",
    ),
    Habit(
        "mindspore",
        ("pt", "ms"),
        "{step}_{item}/{side}_{item}.npy",
        "npy of a dict",
        "{step}_{item}/check.py",
        "loop",
        log="{step}_{item}/{item}_diff.txt",
        document="docs/精度对齐.md",
        language="zh",
    ),
    Habit(
        "tensorflow to torch",
        ("tf", "torch"),
        "artifacts/{item}_{side}.safetensors",
        "safetensors",
        "scripts/verify_{item}.py",
        "pathlib",
        document="docs/alignment.md",
        fraction=True,
    ),
    Habit("before and after", ("before", "after"), "{side}/{item}.pkl", "pickle", "diff_{item}.py", "percent"),
    Habit(
        "t and p in one file",
        ("t", "p"),
        "{item}_out.npz",
        "one npz",
        "compare.py",
        "keys",
        items=("forward", "gradients", "losses"),
    ),
    Habit(
        "a date in each name",
        ("torch", "oneflow"),
        "results/{item}_{side}_2021-05-01.npy",
        "npy of a dict",
        "check_{item}.py",
        "loop",
    ),
    Habit(
        "folders of dated runs",
        ("tf", "megengine"),
        "runs/{side}_2022-03-1{step}/{item}.npz",
        "npz",
        "runs/check.py",
        "function",
    ),
    Habit(
        "复现",
        ("原始", "复现"),
        "对齐/{side}_{item}.npy",
        "npy of a dict",
        "对齐/check_{item}.py",
        "loop",
        language="zh",
    ),
    Habit("ref and ours in json", ("ref", "ours"), "results/{side}_{item}.json", "json", "check.py", "json"),
    Habit(
        "both sides in one json",
        ("hf", "flax"),
        "compare/{item}.json",
        "one json",
        "compare/check.py",
        "nested json",
        items=("forward", "gradients", "losses", "metric"),
    ),
    Habit(
        "curves in csv",
        ("torch", "jittor"),
        "curves/{side}/{item}.csv",
        "csv",
        "plot_curves.py",
        "csv",
        items=("losses", "schedule", "metric"),
    ),
    Habit(
        "keras to paddle",
        ("keras", "paddle"),
        "step{step}/{item}_{side}.h5",
        "h5",
        "step{step}/check_{item}.py",
        "h5",
        log="step{step}/{item}_diff.log",
        document="step{step}/README.md",
        items=("forward", "gradients", "losses", "metric"),  # each file is opened in a process of its own
    ),
)
