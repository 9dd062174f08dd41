"""However the files of a reproduction are damaged, an audit ends with a report or with bad input."""

import random
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.render import render, terminal
from repro.dumps import write_dump
from repro.errors import InputError
from tests.audit.planted import make_reproduction
from tests.draws import draws
from tests.untrusted.samples import damaged


@pytest.mark.parametrize("part", range(3))
def test_a_damaged_folder_is_audited_to_the_end(part: int, tmp_path: Path) -> None:
    generator = random.Random(part)
    faults = (None, "large masked logits", "data check of one dump")
    folder = make_reproduction(tmp_path / "published", faults[part], part)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    originals = {path: path.read_bytes() for path in files}
    for _ in range(draws(20)):
        chosen = [generator.choice(files) for _ in range(generator.choice([1, 1, 1, 3]))]
        for path in chosen:
            path.write_bytes(damaged(originals[path], originals[generator.choice(files)], generator))
        _ends(folder)
        for path in chosen:
            path.write_bytes(originals[path])
    for path in files:  # swapped between steps, one after the other
        other = generator.choice(files)
        content = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(content)
        if generator.random() < 0.3:
            _ends(folder)


EXTREMES = {
    "huge": np.full((3, 8), 1e308) * np.linspace(-1, 1, 8),
    "large": np.full(20, 3e38),
    "tiny": 5e-324 * np.arange(20),
    "empty": np.zeros((0, 8)),
    "unsigned": np.array([2**64 - 1] * 9, dtype=np.uint64),
    "lowest": np.array([-(2**63), 2**63 - 1] * 5),
    "truth": np.arange(16) % 3 == 0,
    "half": np.array([np.inf, 6e4] * 8, dtype=np.float16),
    "scalar": np.array(-0.0),
    "texts": np.array(["a", "b"]),
    "masked": np.where(np.arange(24).reshape(3, 8) % 2, -1e308, 3.0),
    "deep": np.zeros((1,) * 20 + (8,)),
    "float32": np.full((3, 8), 3.4e38, np.float32),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_numbers_do_not_end_it(name: str, tmp_path: Path) -> None:
    for other in EXTREMES:
        for key in ("x", "loss"):
            write_dump(tmp_path / f"1_{other}_{key}_torch.npy", {key: EXTREMES[name]})
            write_dump(tmp_path / f"1_{other}_{key}_paddle.npy", {key: EXTREMES[other]})
            (tmp_path / f"1_{other}_{key}.txt").write_text(f"{key}: \n\tmean diff: check passed: True, value: 1e308\n")
    (tmp_path / "notes.md").write_text("## 1. X\n\n| x |\n|---|\n| 1e308 |\n")
    _ends(tmp_path)
    assert len(audit(tmp_path).checks) == 2 * len(EXTREMES)


def _ends(folder: Path) -> None:
    try:
        report = audit(folder)
    except InputError:
        return
    assert render(report) and terminal(report)
