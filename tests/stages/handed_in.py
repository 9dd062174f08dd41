"""A small run from files of one's own: data, weights, vocabulary and configuration, each of which a test may damage."""

import json
from pathlib import Path
from typing import Any

from repro.checkpoint import seeded_weights, write_checkpoint
from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.profile_file import load_profile
from repro.data.vocabulary import TOKENIZER_CONFIG
from repro.numerics.arrays import Arrays
from repro.results.inputs import RunInputs, read_inputs
from repro.stages import convert, inputs
from repro.stages.base import Stage
from tests.checkpoint.tiny_checkpoints import TINY
from tests.data.samples import HEADER, document, vocabulary, write_file, write_vocabulary

CONFIG = {**TINY, "vocab_size": len(vocabulary()), "max_position_embeddings": 80}
TEXT = "the king was born in 1918 ."


def hub_weights() -> Arrays:
    return seeded_weights(CONFIG, 3)


class HandedIn:
    """Folder of the files, and the run that starts from them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.weights, self.data = folder, folder / "weights", folder / "data"
        self.run = RunPaths(folder / "run")
        self.dev, self.train = self.data / "dev.jsonl", self.data / "train.jsonl"
        self.vocab, self.config = self.weights / "vocab.txt", self.weights / "config.json"
        self.tokenizer, self.tensors = self.weights / TOKENIZER_CONFIG, self.weights / "model.safetensors"
        self.sums, self.recipe = self.weights / "SHA256SUMS", self.weights / "recipe.yaml"
        self.restore()

    def restore(self) -> None:
        """Write every file anew, and forget the run."""
        for path in (*self.weights.glob("*"), *self.data.glob("*"), self.run.inputs):
            path.unlink(missing_ok=True)
        self.weights.mkdir(parents=True, exist_ok=True)
        write_vocabulary(self.weights)
        write_checkpoint(self.weights, hub_weights(), CONFIG, None, "hub")
        self.tokenizer.write_text(json.dumps({"do_lower_case": False}))
        for path in (self.dev, self.train):
            write_file(path, HEADER, *(document(TEXT, name=f"{path.stem}-{n}") for n in range(3)))

    def profile(self, **changes: Any) -> Profile:
        """Step 1 of the profile ``mini`` on these files; in names of fields ``__`` stands for a point."""
        fields: dict[str, Any] = {"data.directory": self.data, "data.dev": "dev.jsonl", "data.train": "train.jsonl"}
        fields |= {"weights.path": self.weights, "steps": [1], "alignment.size": 3}
        return load_profile("mini", fields | {name.replace("__", "."): value for name, value in changes.items()})

    def resolve(self, **changes: Any) -> RunInputs:
        """Do the stage ``inputs``."""
        inputs.resolve_inputs(self.run, self.profile(**changes))
        return read_inputs(self.run)

    def convert(self, **changes: Any) -> None:
        """Do the stage ``convert``."""
        convert.run(Stage("convert", self.run, self.profile(**changes)))

    def set_config(self, **changes: Any) -> None:
        """Change keys of ``config.json``; None takes one out."""
        content = {**json.loads(self.config.read_text()), **changes}
        self.config.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
