"""Where the self-test keeps what.

``clean/{seed}/`` are whole runs. ``faults/{backend}/{name}/`` is one in which that framework's capture went wrong;
everything else in it, also each step that the fault cannot reach, is a link into ``clean/0``.
"""

from dataclasses import dataclass
from pathlib import Path

from repro.config.paths import CHECKPOINTS, RunPaths
from repro.config.profile import BACKENDS

PROFILE = Path(__file__).with_name("profile.yaml")
VOCABULARY = CHECKPOINTS / "mini" / "vocab.txt"
GROUPS = ("forward", "others")  # of faults: those of a group are captured by one process, and compared by one
# What is compared together: the clean runs, and each framework's groups of faults.
COMPARED = ("clean", *(f"{backend}-{group}" for backend in BACKENDS for group in GROUPS))


@dataclass(frozen=True)
class SelftestPaths:
    """Layout of one self-test."""

    root: Path

    def clean(self, seed: int) -> RunPaths:
        """The run without a fault of a seed from 0."""
        return RunPaths(self.root / "clean" / str(seed))

    def fault(self, name: str, backend: str) -> RunPaths:
        """The run with a fault in one framework."""
        return RunPaths(self.root / "faults" / backend / name)

    def detections(self, part: str) -> Path:
        """What the steps say about the runs of one of ``COMPARED``."""
        return self.root / "detections" / f"{part}.json"

    def folder(self, run: RunPaths) -> str:
        """The name of a run in ``detections``."""
        return run.root.relative_to(self.root).as_posix()

    @property
    def json(self) -> Path:
        return self.root / "selftest.json"

    @property
    def markdown(self) -> Path:
        return self.root / "selftest.md"
