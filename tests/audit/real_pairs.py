"""Real healthy pairs, on which an audit must find no fault: ``python -m tests.audit.real_pairs [RUN]``.

Without a run the small network is trained in numpy, torch and paddle, each in a process of its own, and every two of
them are paired. With the directory of a finished run, its float32 dumps and losses are published in the habit of
``reprod_log``, with logs, scripts and a document.
"""

import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from repro.audit import audit
from repro.audit.render import terminal
from repro.dumps import read_dump, write_dump
from repro.dumps.helper import helper_log
from repro.numerics.arrays import Arrays
from tests.audit.habits.scripts import STYLES
from tests.audit.reproduction import STAMP, table

FRAMEWORKS = ("numpy", "torch", "paddle")
SIDES = {"torch": "pytorch", "paddle": "paddle"}
MASK = 1e3  # masked logits are below its negative, and no other value is
NOISE = 1e-6  # gradients smaller than this are sums that cancel to zero, of which only rounding is left
# What a run dumps besides what both frameworks should give alike: each framework's own random start, a difference of
# nearly equal weights, and thresholds that are 0 in both.
NOT_COMPARED = ("own.", "effects", "best_exact_thresh", "best_f1_thresh")


def train(folder: Path, frameworks: tuple[str, ...] = FRAMEWORKS) -> list[Path]:
    """One folder for each two frameworks, with the dumps of both and a script that compares them."""
    dumps = folder / "dumps"
    for name in frameworks:
        subprocess.run([sys.executable, "-m", "tests.audit.small_model", name, str(dumps)], check=True)
    folders = []
    for reference, port in combinations(frameworks, 2):
        place = folder / f"{reference}-{port}"
        for path in sorted(dumps.glob(f"*_{reference}.npy")):
            item = path.stem.removesuffix(f"_{reference}")
            _publish_all(place, item, {name: read_dump(dumps / f"{item}_{name}.npy") for name in (reference, port)})
        folders.append(place)
    return folders


def _publish(place: Path, item: str, sides: dict[str, Arrays], threshold: float) -> str:
    """Dumps, log and script of one item; returns its section of a document."""
    for side, arrays in sides.items():
        write_dump(place / f"{item}_{side}.npy", arrays)
    reference, port = sides.values()
    log = helper_log(reference, port, threshold)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{item}_diff.log").write_text("".join(f"{STAMP}{line}\n" for line in log.lines))
    a, b = (f"{item}_{side}.npy" for side in sides)
    names = {"a": a, "b": b, "log": f"{item}_diff.log", "threshold": threshold}
    style = STYLES["helper"]
    (place / f"check_{item}.py").write_text(style.head + style.body.format_map(names))
    return table([["key", "mean diff"], *([f"`{key}`", value] for key, value in log.means.items())])


def _by_threshold(arrays: Arrays) -> dict[float, list[str]]:
    """Keys by the threshold that a careful author would set: a ten-thousandth of the size of their values."""
    groups: dict[float, list[str]] = defaultdict(list)
    for key, values in arrays.items():
        size = float(np.abs(values).mean()) if values.dtype.kind == "f" and values.size else 0
        groups[float(f"1e{math.floor(math.log10(size)) - 4}") if size else 1e-6].append(key)
    return groups


def _publish_all(place: Path, name: str, sides: dict[str, Arrays]) -> str:
    sections = []
    for threshold, keys in _by_threshold(next(iter(sides.values()))).items():
        chosen = {side: {key: arrays[key] for key in keys if key in arrays} for side, arrays in sides.items()}
        sections.append(_publish(place, f"{name}-{threshold:g}", chosen, threshold))
    return "\n".join(sections)


def _left_out(key: str, values: np.ndarray) -> bool:
    """What a careful author does not compare: see ``NOT_COMPARED``, and logits after they are masked."""
    noise = key.startswith("gradient.") and np.abs(values).max() < NOISE
    return noise or key.startswith(NOT_COMPARED) or bool((values < -MASK).any())


def export(run: Path, folder: Path) -> Path:
    """What a run computed, published in the habit of ``reprod_log``."""
    text = ["# Alignment\n"]
    for step in range(1, 11):
        sides = {side: read_dump(run / "dumps" / name / f"step{step:02d}.npy") for side, name in SIDES.items()}
        for arrays in sides.values():
            for key in [key for key, values in arrays.items() if _left_out(key, values)]:
                arrays.pop(key)
        text += [f"## Step {step}\n", _publish_all(folder / f"Step{step}", f"step{step}", sides)]
    text.append("## Step 11\n")
    for path in sorted((run / "training" / "pytorch").iterdir()):
        losses = {side: np.load(run / "training" / name / path.name / "losses.npy") for side, name in SIDES.items()}
        sides = {side: {"loss": values.astype(np.float32)} for side, values in losses.items()}
        text.append(_publish_all(folder / "Step11", f"losses-{path.name}", sides))
    (folder / "README.md").write_text("\n".join(text))
    return folder


def main(run: Path | None) -> int:
    """Print the audit of every folder; returns 1 if one has a fault."""
    faults = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for place in [export(run, folder / "run")] if run else train(folder):
            report = audit(place)
            print(f"{place.name}\n{terminal(report)}\n")
            faults += report.summary.findings.get("fault", 0)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
