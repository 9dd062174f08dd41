"""A port that has the bits of another check's reference was not computed by a program of its own."""

from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.dumps import write_dump

RNG = np.random.default_rng(3)
FIRST, SECOND = (4 * np.exp(-np.arange(20) / 9) + RNG.normal(0, 0.1, 20) for _ in range(2))


def near(values: np.ndarray) -> np.ndarray:
    """The same numbers a few ulp off, as another program computes them."""
    values = values.astype(np.float32)
    return (values + RNG.normal(0, 2, values.shape) * np.spacing(values)).astype(np.float32)


def write(root: Path, name: str, key: str, values: np.ndarray) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    write_dump(root / name, {key: values.astype(np.float32)})


def one_program(root: Path) -> list[str]:
    return [item.where for item in audit(root).findings if item.kind == "one program"]


@pytest.mark.parametrize("key", ["loss", "logits"])
def test_a_neighbour_s_bits_are_seen(key: str, tmp_path: Path) -> None:
    write(tmp_path, "run_a/loss_torch.npy", key, FIRST)
    write(tmp_path, "run_b/loss_torch.npy", key, SECOND)
    write(tmp_path, "run_a/loss_paddle.npy", key, near(FIRST))
    write(tmp_path, "run_b/loss_paddle.npy", key, near(SECOND))
    assert one_program(tmp_path) == []
    write(tmp_path, "run_b/loss_paddle.npy", key, FIRST)
    assert one_program(tmp_path) == ["run_b/loss_*.npy"]


def test_keys_of_single_numbers_count_together(tmp_path: Path) -> None:
    for run, values in (("a", FIRST), ("b", SECOND)):
        sides = {"torch": values.astype(np.float32), "paddle": FIRST.astype(np.float32) if run == "b" else near(FIRST)}
        for side, numbers in sides.items():
            (tmp_path / run).mkdir(exist_ok=True)
            write_dump(tmp_path / run / f"bp_{side}.npy", {f"loss_{n}": np.array(v) for n, v in enumerate(numbers)})
    assert one_program(tmp_path) == ["b/bp_*.npy"]


@pytest.mark.parametrize(("key", "values"), [("input_x", FIRST), ("weight", FIRST), ("loss", FIRST[:3])])
def test_inputs_weights_and_a_few_numbers_may_be_equal(key: str, values: np.ndarray, tmp_path: Path) -> None:
    write(tmp_path, "a/x_torch.npy", key, values)
    write(tmp_path, "a/x_paddle.npy", key, near(values))
    write(tmp_path, "b/x_torch.npy", key, near(values))
    write(tmp_path, "b/x_paddle.npy", key, values)
    assert one_program(tmp_path) == []


def test_a_dump_of_another_framework_outside_pairs_counts_by_its_bytes(tmp_path: Path) -> None:
    write(tmp_path, "out_torch.npy", "logits", FIRST)
    write(tmp_path, "out_paddle.npy", "logits", SECOND)
    write(tmp_path, "earlier_torch_run.npy", "logits", SECOND)
    assert one_program(tmp_path) == ["out_*.npy"]
