"""Writes a reproduction as its author would: dumps, scripts, logs and documents."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from os.path import relpath
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
from safetensors.numpy import save_file

from repro.numerics.arrays import Arrays
from tests.audit.habits.layouts import Habit
from tests.audit.habits.numbers import Item
from tests.audit.habits.scripts import STYLES, notebook
from tests.audit.reproduction import MEASURE, STAMP, table

ENGLISH = "Data|Converted weights|Forward pass|Backward pass|Training losses|Learning rate|Accuracy"
CHINESE = "数据读取对齐|权重转换|前向对齐|反向对齐|训练损失对齐|学习率对齐|评估指标对齐"
ITEMS = "batch weights forward gradients losses schedule metric".split()
TITLES = {"en": ENGLISH.split("|"), "zh": CHINESE.split("|")}
# Numbers that no evidence can stand behind, because they are no results.
SETTINGS = {
    "en": "Trained 2023-05-17 on 8 GPUs, batch size 256, 90 epochs, Python 3.8, seed 42; see Table 3 of the paper.",
    "zh": "2023-05-17 于 8 卡训练，batch size 256，共 90 个 epoch，Python 3.8，随机种子 42，见论文表 3。",
}


@dataclass
class Project:
    """One reproduction: a habit, its items in order, dumps that nothing compares, and further files."""

    habit: Habit
    items: dict[str, Item]
    neighbours: list[Item] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    has_scripts: bool = True

    def step(self, item: Item) -> int:
        return 1 + [*self.items].index(item.name.removesuffix("_again"))

    def place(self, template: str, item: Item, side: int = 0, key: str = "") -> str:
        """A path of the habit, with its gaps filled."""
        names = {"item": item.name, "step": self.step(item), "side": self.habit.sides[side], "key": key}
        return template.format_map(names)

    def dump(self, item: Item, side: int, key: str = "") -> str:
        return self.place(self.habit.dumps, item, side, key)

    def key(self, key: str, side: int) -> str:
        """Name of a key inside a dump."""
        named = {"one npz": f"{key}_{self.habit.sides[side]}", "one json": f"{self.habit.sides[side]}.{key}"}
        return named.get(self.habit.container, key)

    def write(self, folder: Path) -> Path:
        texts = self._scripts() | self._logs() | self._documents()
        for path, content in (self.files | {path: text.encode() for path, text in texts.items()}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        for item in (*self.items.values(), *self.neighbours):
            self._write_dumps(item, folder)
        return folder

    def _write_dumps(self, item: Item, folder: Path) -> None:
        published = [side for side in (0, 1) if side not in item.left_out]
        sides = (item.reference | item.more, item.port)
        if self.habit.container in ("one npz", "one json"):
            both = {self.key(key, side): value for side in published for key, value in sides[side].items()}
            write_dump(folder / self.dump(item, 0), self.habit.container, both)
            return
        for side in published:
            if self.habit.container == "plain npy":
                for key, value in sides[side].items():
                    write_dump(folder / self.dump(item, side, key), self.habit.container, {key: value})
            else:
                write_dump(folder / self.dump(item, side), self.habit.container, sides[side])

    def _scripts(self) -> dict[str, str]:
        style, scripts = STYLES[self.habit.style], dict[str, str]()
        for item in self.items.values() if self.has_scripts else ():
            path = self.place(self.habit.script, item)
            lines = "".join(style.line.format_map(self._names(item, path, key)) for key in item.reference)
            body = style.body.format_map({**self._names(item, path, ""), "lines": lines})
            if not item.threshold_is_stated:
                body = body.replace(f", diff_threshold={item.threshold}", "")
            scripts[path] = scripts.get(path, style.head) + body
        return {path: notebook(text) if path.endswith(".ipynb") else text for path, text in scripts.items()}

    def _names(self, item: Item, script: str, key: str) -> dict[str, object]:
        first, second = item.sides_in_script
        here = PurePosixPath(script).parent
        return {
            "a": relpath(self.dump(item, first, key), here),
            "b": relpath(self.dump(item, second, key), here),
            "key": key,
            "side_a": self.habit.sides[first],
            "side_b": self.habit.sides[second],
            "key_a": self.key(key, first),
            "key_b": self.key(key, second),
            "log": relpath(self.place(self.habit.log, item), here) if self.habit.log else "",
            "threshold": item.threshold,
        }

    def _logs(self) -> dict[str, str]:
        items = self.items.values() if self.habit.log else ()
        return {self.place(self.habit.log, item): "".join(self._log(item)) for item in items if not item.left_out}

    def _log(self, item: Item) -> Iterator[str]:
        lines = item.lines()
        if self.habit.wording == "custom":
            for key, (value, passed) in lines.items():
                yield f"{key} mean diff {value!r} (limit {item.threshold:g}): {'PASS' if passed else 'FAIL'}\n"
            return
        for key, (value, passed) in lines.items():
            measure = MEASURE.format("mean", value).replace("True", str(passed))
            yield f"{STAMP}{key}: \n{STAMP}{measure}\n"
        yield f"{STAMP}diff check {'passed' if all(passed for _, passed in lines.values()) else 'failed'}\n"

    def _documents(self) -> dict[str, str]:
        texts = {"README.md": f"# Reproduction\n\n{SETTINGS[self.habit.language]}\n\n"}
        for item in self.items.values():
            path = self.place(self.habit.document, item)
            title = TITLES[self.habit.language][ITEMS.index(item.name)]
            numbered = "{step}" not in self.habit.document
            heading = f"## {self.step(item)}. {title}" if numbered else f"# {title}"
            texts[path] = texts.get(path, "") + f"{heading}\n\n{self._numbers(item)}\n"
        return texts

    def _numbers(self, item: Item) -> str:
        english = self.habit.language == "en"
        if item.name == "metric":
            scale, digits = (0.01, 4) if self.habit.fraction else (1, 2)
            sides = (item.reference["top1"], item.documented.get("top1", item.port["top1"]))
            shown = [f"{float(value) * scale:.{digits}f}" for value in sides]
            return table([["", "top1"], *map(list, zip(self.habit.sides, shown, strict=True))])
        gaps = {key: f"{value:.3e}" if english else repr(value) for key, (value, _) in item.lines().items()}
        gaps |= item.documented
        return table([["key", "mean diff" if english else "平均差"], *([key, text] for key, text in gaps.items())])


def write_dump(path: Path, container: str, arrays: Arrays) -> None:
    """Arrays in one of the containers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match container:
        case "npy of a dict":
            np.save(path, np.array(arrays, dtype=object), allow_pickle=True)
        case "plain npy":
            np.save(path, next(iter(arrays.values())))
        case "npz" | "one npz":
            np.savez(path, **arrays)
        case "pickle":
            path.write_bytes(pickle.dumps(arrays))
        case "safetensors":
            save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, path)
        case "json":
            path.write_text(json.dumps({key: value.tolist() for key, value in arrays.items()}))
        case "one json":
            nested: dict[str, dict[str, object]] = {}
            for key, value in arrays.items():
                side, _, name = key.partition(".")
                nested.setdefault(side, {})[name] = value.tolist()
            path.write_text(json.dumps(nested, indent=1))
        case "csv":  # as pandas writes it: a column for each key, as many digits as its type needs
            columns = [[str(entry) for entry in np.atleast_1d(value)] for value in arrays.values()]
            rows = zip(*columns, strict=True)
            path.write_text("".join(",".join(row) + "\n" for row in [[*arrays], *rows]))
        case "h5":
            with h5py.File(path, "w") as file:
                for key, value in arrays.items():
                    file[key] = value
