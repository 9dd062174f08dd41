"""What both programs of a pair get: texts, vocabulary and weights."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from repro.checkpoint import BACKEND_LAYOUTS, check_config, seeded_weights, write_checkpoint
from repro.config.paths import CHECKPOINTS
from repro.config.profile import Data
from repro.data.corpus.mrqa_files import DEV_FILE, TRAIN_FILE, write_corpus
from repro.data.mrqa import Example, read_examples
from repro.errors import InputError

SEED = 42
VOCABULARY_SIZE = 28996  # of the published vocabulary; with a smaller one the last embeddings are never looked up
SHAPES = {  # layers, hidden size, heads
    "4x128": (4, 128, 2),
    "base": (12, 768, 12),
}


@dataclass(frozen=True)
class Material:
    """Files and sizes.

    Attributes:
        train: number of examples -> few-shot file.
        dev: file of the questions to answer.
        vocab: ``vocab.txt``.
        checkpoints: folder of ``{geometry}/{framework}/model.safetensors``, the same weights for both frameworks.
        questions: how many of ``dev`` are answered.
        steps: training steps of the fine-tuning.
    """

    train: dict[str, str]
    dev: str
    vocab: str
    checkpoints: str
    questions: int
    steps: int

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def training_examples(self, size: int) -> list[Example]:
        return read_examples(Path(self.train[str(size)]), training=True)

    def dev_examples(self) -> list[Example]:
        return read_examples(Path(self.dev), training=False)[: self.questions]

    def checkpoint(self, geometry: str, framework: str) -> Path:
        return Path(self.checkpoints, geometry, framework)


def texts(data: Path | None, vocab: Path | None, sizes: Sequence[int], folder: Path) -> tuple[dict[str, str], str, str]:
    """Few-shot files by size, the file of questions, the vocabulary; a corpus generated in ``folder`` without data.

    Raises:
        InputError: a file is missing.
    """
    train, dev, directory = Data(source="path").train, "dev_qass_50.jsonl", data
    if directory is None:
        train, dev, directory, vocab = TRAIN_FILE, DEV_FILE, folder, CHECKPOINTS / "mini" / "vocab.txt"
        write_corpus(folder, seed=0, sizes=sizes, seeds=(SEED,))
    files = {str(size): directory / train.format(size=size, seed=SEED) for size in sizes}
    if vocab is None:
        raise InputError("these files need their vocabulary", where=data, next_step="name it with --vocab")
    for path in (*files.values(), directory / dev, vocab):
        if not path.is_file():
            raise InputError("no such file", where=path, next_step="name the folder of the few-shot files with --data")
    return {size: str(path) for size, path in files.items()}, str(directory / dev), str(vocab)


def write_weights(folder: Path, geometries: Sequence[str]) -> None:
    """Seeded weights of each geometry in the layout of each framework."""
    for geometry in geometries:
        layers, hidden, heads = SHAPES[geometry]
        sizes = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "vocab_size": VOCABULARY_SIZE}
        sizes |= {"num_hidden_layers": layers, "num_attention_heads": heads, "max_position_embeddings": 512}
        config = check_config({**sizes, "type_vocab_size": 2})
        weights = seeded_weights(config, SEED)
        for framework, layout in BACKEND_LAYOUTS.items():
            write_checkpoint(folder / geometry / framework, weights, config, None, layout)
