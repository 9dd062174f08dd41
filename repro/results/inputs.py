"""``inputs.json``: the files that a run starts from, each with its sha256."""

from pathlib import Path
from typing import Self

from pydantic import Field

from repro.config.paths import RunPaths, sha256_file
from repro.errors import InputError
from repro.results.base import Result


class InputFile(Result):
    """One file. Paths are absolute."""

    path: Path
    sha256: str
    bytes: int | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file as it is now."""
        return cls(path=path, sha256=sha256_file(path), bytes=path.stat().st_size)


class DataInputs(Result):
    """The few-shot files: one of each split, ``dev`` or ``train-{size}-{seed}``."""

    source: str = "generated"
    directory: Path | None = None
    files: dict[str, InputFile]


class WeightsInputs(Result):
    """The start weights: folder or file, and the files that belong to them by name. Seeded weights have neither."""

    source: str = "seeded"
    path: Path | None = None
    files: dict[str, InputFile] = Field(default_factory=dict)


class RunInputs(Result):
    """What the stage ``inputs`` writes and every other stage reads."""

    data: DataInputs
    vocab: InputFile
    weights: WeightsInputs

    def split(self, name: str) -> Path:
        """The few-shot file of a split. Raises InputError where there is none."""
        if name not in self.data.files:
            raise InputError(f"inputs.json names no file for {name}", next_step="repro stage inputs --run DIR")
        return self.data.files[name].path


def read_inputs(run: RunPaths) -> RunInputs:
    """The inputs of a run.

    Raises:
        InputError: the stage ``inputs`` has not run, or the file holds something else.
    """
    try:
        return RunInputs.read(run.inputs, "inputs.json")
    except InputError as error:
        raise InputError(error.what, where=run.inputs, next_step="repro stage inputs --run DIR") from error
