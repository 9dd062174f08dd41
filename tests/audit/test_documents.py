"""Numbers of documents: their places, and which of them are mean differences."""

from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.documents import read_sections
from repro.dumps import write_dump

NOTES = """# Alignment

## 1. Forward

| pretrained | whole model |
| --- | --- |
| 3.2e-07 | **1.08e-03** |

```
x = matmul(a, b)  # diff: 0.5
y = f(x) // 2.5e-07
```

## 第2步 Data

```
[2021/10/22 22:36:47] root INFO: ids:
[2021/10/22 22:36:47] root INFO:   min diff: check passed: True, value: 0.25
[2021/10/22 22:36:47] root INFO:   mean diff: check passed: True, value: 0.5
[2021/10/22 22:36:47] root INFO:   max diff: check passed: True, value: 0.75
```

## 8. Backward (20轮)

First 20 of 200 steps, 1.5 hours, 1e-03.

| step | loss |
| --- | --- |
| 1 | 2.5 |
| 2 | 70% |
"""


def test_every_number_has_its_place() -> None:
    _, _, forward, data, backward = read_sections(NOTES)
    assert [section.number for section in (forward, data, backward)] == [1, 2, 8]
    cells = [(cell.column, cell.row, cell.text, cell.place) for cell in forward.cells]
    assert cells == [
        ("pretrained", "", "3.2e-07", "row"),
        ("whole model", "", "1.08e-03", "row"),
        ("x = matmul(a, b)", "diff", "0.5", "code"),
        ("y = f(x)", "", "2.5e-07", "code"),
    ]
    assert [cell.line for cell in forward.cells] == [7, 7, 10, 11]
    assert [(cell.column, cell.text, cell.place) for cell in data.cells] == [("ids", "0.5", "log")]
    assert [(cell.column, cell.text) for cell in backward.cells[1::2]] == [("loss", "2.5"), ("loss", "70")]

    assert backward.counts() == [(200, "200 steps")] and backward.whole_numbers() == {20, 200}


@pytest.fixture
def step(tmp_path: Path) -> Path:
    """One compared step with a loss."""
    (tmp_path / "1_x").mkdir()
    write_dump(tmp_path / "1_x" / "a_torch.npy", {"loss": np.array(2.5, dtype=np.float32)})
    write_dump(tmp_path / "1_x" / "a_paddle.npy", {"loss": np.array(2.5 + 2**-20, dtype=np.float32)})
    log = "loss: \n\tmean diff: check passed: True, value: {}\n\tmax diff: check passed: True, value: 9.0\n"
    (tmp_path / "1_x" / "a_diff.txt").write_text(log.format(np.float32(2**-20)))
    return tmp_path


@pytest.mark.parametrize(
    ("columns", "row", "kinds"),
    [
        ("loss", "9.5367e-07", []),
        ("loss", "2.50", []),  # the loss itself
        ("loss", "2.6", ["document differs"]),
        ("loss", "0.0", ["document differs"]),
        ("mean diff", "8.1e-07", ["document differs"]),
        ("diff", "7", ["document differs"]),  # the only number of the section, and named a difference
        ("hidden size", "768", []),
        ("batch | threshold | eps | 学习率", "1 | 1e-06 | 1e-06 | 1e-06", []),
        ("batch | mean diff", "1 | 9.54e-07", []),
        ("batch | mean diff", "1 | 8.1e-07", ["document differs"]),
    ],
)
def test_a_cell_is_compared_with_its_quantity(columns: str, row: str, kinds: list[str], step: Path) -> None:
    rule = " | ".join("---" for _ in columns.split("|"))
    (step / "notes.md").write_text(f"## 1. Loss\n\n| {columns} |\n| {rule} |\n| {row} |\n", encoding="utf-8")
    findings = [item.kind for item in audit(step).findings if item.where.startswith("notes.md")]
    assert sorted(findings) == kinds


@pytest.mark.parametrize(
    ("text", "fewer"),
    [("Losses of 20 steps.", True), ("Losses of 8 of 20 steps.", False), ("20 steps, 1.8 hours, 8e-3 apart.", True)],
)
def test_fewer_samples_than_the_text_says(text: str, fewer: bool, tmp_path: Path) -> None:
    losses = np.random.default_rng(0).random(8)
    write_dump(tmp_path / "1_torch.npy", {"loss": losses})
    write_dump(tmp_path / "1_paddle.npy", {"loss": losses + 1e-9})
    (tmp_path / "1_diff.txt").write_text("loss: \n\tmean diff: check passed: True, value: 1e-9\n")
    (tmp_path / "notes.md").write_text(f"## 1. Training\n\n{text}\n")
    assert fewer == ("fewer samples" in {item.kind for item in audit(tmp_path).findings})


@pytest.mark.parametrize(
    ("table", "differs"),
    [
        (["| | F1 |", "|---|---|", "| 42 | 50.0 |", "| 43 | 51.0 |", "| average | 50.5 |"], False),
        (["| | F1 |", "|---|---|", "| 42 | 50.0 |", "| 43 | 51.0 |", "| average | 50.9 |"], True),
        (["| seed 1 | seed 2 | mean |", "|---|---|---|", "| 1.5 | 2.5 | 3.5 |"], True),
        (["| set | 1 | 2 | 平均 |", "|---|---|---|---|", "| dev | 1.5 | 2.5 | 2.0 |"], False),
        (["| model | F1 |", "|---|---|", "| bert | 50 |", "| ours | 60 |", "| average | 70 |"], False),
    ],
)
def test_averages_are_compared_with_runs(table: list[str], differs: bool, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("\n".join(["## Results", "", *table, ""]), encoding="utf-8")
    assert differs == ("average differs" in {item.kind for item in audit(tmp_path).findings})
