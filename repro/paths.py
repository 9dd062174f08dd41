"""Every path in one place, and writing that never leaves a partial file under a final name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent
CHECKPOINTS = PROJECT / "checkpoints"


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file, read in 1 MiB blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def atomic_open(path: Path) -> Iterator[BinaryIO]:
    """Binary file that appears under ``path`` only when the block ends without an exception.

    Written aside in the same directory, flushed to disk, then renamed over ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o644)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def atomic_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_open(path) as file:
        file.write(data)


def atomic_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically."""
    atomic_bytes(path, text.encode("utf-8"))


def atomic_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity are refused (they are not JSON)."""
    atomic_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def atomic_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as an uncompressed ``.npz`` (no object arrays) atomically."""
    with atomic_open(path) as file:
        np.savez(file, **arrays)


def read_json(path: Path) -> Any:
    """Parse a JSON file that this program wrote itself."""
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class RunPaths:
    """Layout of one run directory. Every box of the workflow reads and writes only these."""

    root: Path

    @property
    def profile(self) -> Path:
        """The profile after command-line overrides, as used by every job of the run."""
        return self.root / "profile.json"

    @property
    def inputs(self) -> Path:
        """Where data, vocabulary and weights came from, each with its sha256."""
        return self.root / "inputs.json"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def checkpoint(self, backend: str, init: str = "pretrained") -> Path:
        """Directory with ``model.safetensors``, ``config.json`` and ``vocab.txt`` in the backend's layout."""
        return self.root / "checkpoint" / init / backend

    def features(self, backend: str, split: str) -> Path:
        """Features of ``dev`` or ``train-{size}-{seed}`` by the backend's own tokeniser."""
        return self.root / "features" / backend / f"{split}.npz"

    def dump(self, backend: str, step: int, dtype: str = "float32") -> Path:
        """``reprod_log`` file of one step."""
        suffix = "" if dtype == "float32" else f".{dtype}"
        return self.root / "dumps" / backend / f"step{step:02d}{suffix}.npy"

    def capture(self, backend: str, step: int) -> Path:
        """Provenance of a step's dumps: fingerprint, versions, seconds, sha256 of each dump."""
        return self.root / "dumps" / backend / f"step{step:02d}.json"

    def record(self, step: int) -> Path:
        return self.root / "records" / f"step{step:02d}.json"

    def reprod_log(self, step: int) -> Path:
        """The log that ``reprod_log``'s own helper writes for the step's pair of dumps."""
        return self.root / "reprod_log" / f"step{step:02d}.txt"

    def precision(self, backend: str) -> Path:
        """Determinism, noise floor and error by operation of one framework."""
        return self.root / "precision" / f"{backend}.json"

    def training(self, backend: str, init: str, size: int, seed: int) -> Path:
        return self.root / "training" / backend / f"{init}-{size}-{seed}"

    @property
    def audit(self) -> Path:
        """What the published files say; ``audit.md`` beside it."""
        return self.root / "audit" / "audit.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def report_md(self) -> Path:
        return self.root / "report.md"

    @property
    def report_json(self) -> Path:
        return self.root / "report.json"
