"""``inputs.json``: the files that a run starts from, each with its sha256."""

from pathlib import Path
from typing import Self

from pydantic import Field

from repro.config.paths import RunPaths, sha256_file
from repro.errors import InputError
from repro.results.base import Count, Result, Text

NOT_VERIFIED = "The weights were given by path; they are not verified to be the published ones."


class InputFile(Result):
    """One file. Paths are absolute."""

    path: Path
    sha256: str
    bytes: int | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file as it is now."""
        return cls(path=path, sha256=sha256_file(path), bytes=path.stat().st_size)


class SplitCounts(Result):
    """What a few-shot file comes to.

    Attributes:
        examples: questions of the file.
        skipped: those without a window: their answer is not at its stated place, or there is nothing to tokenise.
        windows: of the others.
        tokens: word pieces of questions and contexts, each context once.
        unknown: those that are ``[UNK]``.
    """

    examples: Count
    skipped: Count
    windows: Count
    tokens: Count
    unknown: Count


class DataInputs(Result):
    """The few-shot files: one of each split, ``dev`` or ``train-{size}-{seed}``, and what each comes to.

    Attributes:
        published: whether every file is, byte for byte, the one that the document's numbers come from.
    """

    source: str = "generated"
    directory: Path | None = None
    files: dict[str, InputFile]
    published: bool = False
    counts: dict[str, SplitCounts] = Field(default_factory=dict)


class TokenIds(Result):
    """Ids of the special tokens; by default those of the original's vocabulary."""

    pad: Count = 0
    unk: Count = 100
    cls: Count = 101
    sep: Count = 102
    mask: Count = 103
    question: Count = 104


class TokenizerInputs(Result):
    """Ids of the special tokens of the vocabulary, and how text is prepared for it.

    Attributes:
        lower_case: text is put into lower case first.
        strip_accents: accents are taken off; None: as ``lower_case`` says.
    """

    ids: TokenIds = TokenIds()
    lower_case: bool = False
    strip_accents: bool | None = None


class WeightsInputs(Result):
    """The start weights: folder or file, and the files that belong to them by name. Seeded weights have neither.

    Attributes:
        published: whether they are known to be the published ones: fetched, or byte for byte the ones fetched once.
        reading: how the file was read, in sentences: its layout, what was left out, new or converted.
    """

    source: str = "seeded"
    path: Path | None = None
    published: bool = False
    reading: str = ""
    files: dict[str, InputFile] = Field(default_factory=dict)


class RunInputs(Result):
    """What the stage ``inputs`` writes and every other stage reads; ``warnings`` are sentences for the reader."""

    data: DataInputs
    vocab: InputFile
    tokenizer: TokenizerInputs = TokenizerInputs()
    weights: WeightsInputs
    warnings: tuple[Text, ...] = ()

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
