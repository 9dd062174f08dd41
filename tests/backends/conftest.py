"""Both backends, each run once in a separate process, on one small set of seeded weights."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import BACKEND_LAYOUTS, hub_shapes, seeded_weights, write_checkpoint
from repro.results.inputs import TokenIds
from tests.frameworks import run_in

CONFIG = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.1,
}
WORDS = "the was born in town book River ##s ##ing play un ##able 10 ##0 0 £ ##° ° × ##× 2 ##2 e ##e ́ é".split()
WORKER = """
import sys
from pathlib import Path
from tests.backends.worker import main
main(sys.argv[1], Path(sys.argv[2]))
"""


@dataclass(frozen=True)
class Results:
    """Results of the worker of one backend."""

    arrays: dict[str, np.ndarray]
    texts: dict[str, Any]

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """Arrays whose name begins with ``prefix/``, without it."""
        return {n.removeprefix(f"{prefix}/"): a for n, a in self.arrays.items() if n.startswith(f"{prefix}/")}


def weights() -> dict[str, np.ndarray]:
    """Seeded weights in which no vector is constant, so that an exchanged or missing one shows."""
    generator = np.random.default_rng(0)
    arrays = seeded_weights(CONFIG, 1, "bert")
    noise = {name: generator.standard_normal(shape) * 0.1 for name, shape in hub_shapes(CONFIG).items()}
    return {name: (a + noise[name]).astype(np.float32) if a.ndim == 1 else a for name, a in arrays.items()}


def texts() -> list[str]:
    """Sentences with special tokens, symbols, combining accents, and random strings of many scripts."""
    fixed = ["Who was born in the town [MASK].", "[MASK]", "a[SEP]b", "[mask] [MASK", "playing unable Rivers", ""]
    fixed += ["10° £10 2×2", "e\u0301 \u00e9", "a" * 101, "tab\there\u00a0there\u200bx", "\u4e2d\u6587 [UNK]x"]
    generator = random.Random(2)
    ranges = [(0x20, 0x7F), (0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x2000, 0x2200), (0x4E00, 0x4E40)]
    ranges += [(0x1F300, 0x1F650)]
    random_texts = [
        "".join(chr(generator.randrange(*generator.choice(ranges))) for _ in range(generator.randint(1, 12)))
        for _ in range(2000)
    ]
    return fixed + random_texts


def _checkpoints(folder: Path) -> None:
    arrays = weights()
    name = "splinter.encoder.layer.0.attention.self.query.weight"
    broken = {**arrays, name: np.ascontiguousarray(arrays[name].T)}
    words = "splinter.embeddings.word_embeddings.weight"
    renumbered = {**arrays, words: np.ascontiguousarray(arrays[words][::-1])}
    ids = {f"{token}_token_id": CONFIG["vocab_size"] - 1 - i for token, i in TokenIds().model_dump().items()}
    for backend, layout in BACKEND_LAYOUTS.items():
        write_checkpoint(folder / "checkpoint" / backend, arrays, CONFIG, None, layout)
        write_checkpoint(folder / "renumbered" / backend, renumbered, {**CONFIG, **ids}, None, layout)
        write_checkpoint(folder / "fault-transposed" / backend, broken, CONFIG, None, layout)
        wrong = {**CONFIG, "layer_norm_eps": 1e-5}
        write_checkpoint(folder / "fault-epsilon" / backend, arrays, wrong, None, layout)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    """Results of both workers by name of the backend."""
    folder = tmp_path_factory.mktemp("backends")
    _checkpoints(folder)
    special = ["[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[QUESTION]"]
    letters = [chr(n) for n in range(33, 127)] + [f"##{chr(n)}" for n in range(97, 123)]
    vocab = list(dict.fromkeys(special + WORDS + letters))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")
    (folder / "texts.json").write_text(json.dumps(texts()), encoding="utf-8")
    by_backend = {}
    for backend in BACKEND_LAYOUTS:
        run_in(backend, WORKER, backend, folder)
        with np.load(folder / f"{backend}.npz") as arrays:
            outputs = json.loads((folder / f"{backend}.json").read_text(encoding="utf-8"))
            by_backend[backend] = Results(dict(arrays), outputs)
    return by_backend


@pytest.fixture(scope="session")
def torch_results(results: dict[str, Results]) -> Results:
    return results["pytorch"]


@pytest.fixture(scope="session")
def paddle_results(results: dict[str, Results]) -> Results:
    return results["paddle"]
