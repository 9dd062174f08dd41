"""The layout of a run directory, atomic writes, and content hashes."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from repro.config.trainings import TrainingKey
from repro.errors import InputError

if TYPE_CHECKING:
    import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent
CHECKPOINTS = PROJECT / "checkpoints"


def expand(path: Path) -> Path:
    """The path with ``~`` replaced, absolute.

    Raises:
        InputError: the home folder that it names is not known, its links form a loop, or its name is not UTF-8, as JSON
            has to be.
    """
    try:
        full = path.expanduser()
    except RuntimeError as error:
        what = "the home folder of this path is not known"
        raise InputError(what, where=path, next_step="give the path without ~") from error
    try:
        full = full.resolve()
        str(full).encode()
    except RuntimeError as error:
        raise InputError(
            "links in this path point to each other", where=path, next_step="name the file itself"
        ) from error
    except UnicodeError as error:
        what = "the name of this folder or file is not UTF-8"
        raise InputError(what, where=ascii(str(path)), next_step="rename it") from error
    return full


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """The first 32 hex digits of the sha256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


_synced = True


@contextlib.contextmanager
def unsynced() -> Iterator[None]:
    """Within the block files are not flushed to disk, for many small ones that a lost machine may lose.

    One that is lost is shorter than its completion stamp says.
    """
    global _synced
    before, _synced = _synced, False
    try:
        yield
    finally:
        _synced = before


@contextlib.contextmanager
def atomic_open(path: Path) -> Iterator[BinaryIO]:
    """Binary file that appears under ``path`` only if the block ends without an exception.

    It is written beside ``path``, flushed to disk unless ``unsynced``, then renamed. Errors of the disk name ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    except OSError as error:
        error.filename = str(path)
        raise
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if _synced:
                os.fsync(file.fileno())
        partial.chmod(0o644)
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):
            error.filename, error.filename2 = str(path), None
        raise


def atomic_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_open(path) as file:
        file.write(data)


def atomic_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically."""
    atomic_bytes(path, text.encode("utf-8"))


def atomic_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON atomically. Raises ValueError on NaN and infinity, which are not JSON."""
    atomic_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def atomic_npz(path: Path, arrays: "dict[str, np.ndarray]") -> None:
    """Write arrays as an uncompressed ``.npz`` (no object arrays) atomically."""
    import numpy as np  # here: commands that only look at profiles and paths start without it

    with atomic_open(path) as file:
        np.savez(file, **arrays)


def read_json(path: Path) -> Any:
    """Parse a JSON file that this program wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class RunPaths:
    """Layout of one run directory. Every stage reads and writes only these paths."""

    root: Path

    @property
    def profile(self) -> Path:
        """The profile with the overrides of the command line, as every job of the run uses it."""
        return self.root / "profile.json"

    @property
    def inputs(self) -> Path:
        """Where data, vocabulary and weights come from, each with its sha256."""
        return self.root / "inputs.json"

    @property
    def data(self) -> Path:
        """Folder of the generated corpus."""
        return self.root / "data"

    def checkpoint(self, backend: str, init: str = "pretrained") -> Path:
        """Directory with ``model.safetensors``, ``config.json`` and ``vocab.txt`` in the backend's layout."""
        return self.root / "checkpoint" / init / backend

    def features(self, backend: str, split: str) -> Path:
        """Features of ``dev`` or ``train-{size}-{seed}``, made with the backend's tokeniser."""
        return self.root / "features" / backend / f"{split}.npz"

    def dump(self, backend: str, step: int, dtype: str = "float32") -> Path:
        """``reprod_log`` file of one step and precision."""
        suffix = "" if dtype == "float32" else f".{dtype}"
        return self.root / "dumps" / backend / f"step{step:02d}{suffix}.npy"

    def capture(self, backend: str, step: int) -> Path:
        """Provenance of a step's dumps: versions, seconds, sha256 of each dump."""
        return self.root / "dumps" / backend / f"step{step:02d}.json"

    def record(self, step: int) -> Path:
        """Result of comparing one step: records, claim verdicts, tables."""
        return self.root / "records" / f"step{step:02d}.json"

    def reprod_log(self, step: int) -> Path:
        """The log that the helper of ``reprod_log`` writes for a step's two dumps."""
        return self.root / "reprod_log" / f"step{step:02d}.txt"

    def precision(self, backend: str) -> Path:
        """Determinism check, noise floor and error by operation of one framework."""
        return self.root / "precision" / f"{backend}.json"

    def training(self, backend: str, init: str, size: int, seed: int, repeat: int = 0) -> Path:
        """Folder of one training: losses, predictions, result."""
        return self.root / "training" / backend / TrainingKey(init, size, seed, repeat).name

    def attempts(self, backend: str, name: str) -> Path:
        """When one training was started and how it ended, every time; apart from its folder, which may be deleted."""
        return self.root / "attempts" / backend / f"{name}.jsonl"

    @property
    def deviations(self) -> Path:
        """Folder of what the deviations are worth: trainings, ``deviations.json``, ``deviations.md``, a picture."""
        return self.root / "deviations"

    def deviation(self, backend: str, name: str) -> Path:
        """Folder of one training with other rules, as ``training``."""
        return self.deviations / backend / name

    @property
    def audit(self) -> Path:
        """Verdicts on the published files; ``audit.md`` is beside it."""
        return self.root / "audit" / "audit.json"

    @property
    def selftest(self) -> Path:
        """Folder of the self-test: its run directories, ``selftest.json`` and ``selftest.md``."""
        return self.root / "selftest"

    @property
    def logs(self) -> Path:
        """Folder with one log per job."""
        return self.root / "logs"

    @property
    def report_md(self) -> Path:
        return self.root / "report.md"

    @property
    def report_zh(self) -> Path:
        """The same in Chinese."""
        return self.root / "report.zh.md"

    @property
    def report_html(self) -> Path:
        """The same as a page, in both languages."""
        return self.root / "report.html"

    def figure(self, name: str) -> Path:
        """A picture of the report."""
        return self.root / "figures" / f"{name}.svg"

    @property
    def report_json(self) -> Path:
        return self.root / "report.json"
