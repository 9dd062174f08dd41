"""Shared dropout masks: equal everywhere, like independent draws, and at what cost.

Command:  python -m benchmarks.dropout_masks [equality] [statistics] [cost] [--frameworks pytorch paddle]
          [--device cpu|gpu] [--model mini|small|base] [--rows 12] [--rounds 10]
Prints:   equality: sha256 of masks by numpy and by each framework, alone in its process, on each device that it has;
          statistics: of 3 x 10^8 draws, each with the chance of one as large;
          cost: the least time of a training step without dropout, with the framework's own and with shared masks.
          Stops with exit code 1 if masks differ or a statistic is as good as impossible.
Duration: equality 20 s; statistics 60 s; cost: a minute a framework for mini and small on a CPU, a GPU for base.
"""

import argparse
import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from repro import backends
from repro.checkpoint import BACKEND_LAYOUTS, read_config, seeded_weights, write_checkpoint
from repro.config.profile import Training
from repro.config.protocol import PAPER
from repro.data.dropout import DropoutMasks, multipliers
from tests.data.mask_statistics import counter_draws, statistics

MASKS, ROWS, PROBABILITY = DropoutMasks(42), (0, 5, 11, 70), 0.1
PLACES = [(step, call, (4, *rest)) for step in (0, 869) for call in (0, 36) for rest in ((80, 64), (12, 383, 384))]
SAMPLES = (((12, 2, 80, 80), 3, 20, 12), ((12, 384, 768), 2, 3, 5), ((12, 12, 384, 384), 1, 2, 2))  # 3.0 x 10^8 draws
IMPOSSIBLE = 1e-7
CHECKPOINT = Path(__file__).resolve().parents[1] / "checkpoints" / "mini"
SIZES = {"small": (128, 4, 2), "base": (768, 12, 12)}  # hidden, layers, heads


class OneStep(DropoutMasks):
    """Masks that are the same in every step."""

    def key(self, step: int, call: int) -> int:
        return super().key(0, call)


class OneCall(DropoutMasks):
    """Masks of which every call is the same."""

    def __init__(self, step: int, call: int) -> None:
        self._key = MASKS.key(step, call)

    def key(self, step: int, call: int) -> int:
        return self._key


def digest(mask: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:16]


def digests(compute: Callable[[int, int, tuple[int, ...]], np.ndarray]) -> list[str]:
    return [digest(compute(*place)) for place in PLACES]


def by_numpy(step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
    return multipliers(MASKS.key(step, call), ROWS, shape, PROBABILITY) > 0


def framework_digests(name: str) -> dict[str, list[str]]:
    """Masks as a training step applies them, and by tensor operations, on each device of the framework."""
    framework, module = backends.load(name), importlib.import_module(f"repro.backends.{name}.dropout")
    hashes = {}
    for device in ("cpu", *(["gpu"] if framework.devices() else [])):
        title = f"{name}, {framework.setup(device=device)}"

        def by_tensors(step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
            return np.asarray(module.keep_by_tensors(MASKS.key(step, call), ROWS, shape, PROBABILITY).cpu().numpy())

        def as_applied(step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
            return framework.shared_mask(OneCall(step, call), np.array(ROWS), shape, PROBABILITY)

        module.uploaded.cache_clear()
        hashes[f"{title}, tensors"], hashes[f"{title}, applied"] = digests(by_tensors), digests(as_applied)
    return hashes


def equality(frameworks: list[str]) -> bool:
    expected, equal = digests(by_numpy), True
    print(f"{'numpy':<44} {' '.join(expected[:3])} …")
    for name in frameworks:
        ended = subprocess.run(own_process("digests", name), capture_output=True, text=True, check=True)
        for title, hashes in json.loads(ended.stdout.splitlines()[-1]).items():
            equal &= hashes == expected
            verdict = f"{len(hashes)} of {len(hashes)} masks equal" if hashes == expected else "DIFFERS"
            print(f"{title:<44} {' '.join(hashes[:3])} … {verdict}")
    return equal


def own_process(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "benchmarks.dropout_masks", *arguments]


def draws_are_good() -> bool:
    good = True
    for shape, seeds, steps, calls in SAMPLES:
        draws = int(np.prod(shape)) * seeds * steps * calls
        print(f"\n{draws:,} draws: {seeds} seeds, {steps} steps, {calls} calls of {shape}")
        print(f"{'statistic':<44} {'deviates':>9} {'largest':>9} {'chance':>10}")
        for statistic in statistics(counter_draws, shape, seeds=seeds, steps=steps, calls=calls):
            good &= statistic.chance > IMPOSSIBLE
            print(statistic, flush=True)
    return good


def batch(rows: int, length: int, vocabulary: int) -> dict[str, np.ndarray]:
    """Windows of 35 to 80 % of the length, about half on average as in the few-shot files."""
    generator = np.random.default_rng(0)
    ids = generator.integers(110, vocabulary, (rows, length))
    ends = generator.integers(int(0.35 * length), int(0.8 * length), rows)
    mask = (np.arange(length) < ends[:, None]).astype(np.int64)
    ids[:, 0], ids[:, 8] = 101, 103
    positions = generator.integers(12, int(0.3 * length), rows)
    segments = mask * (np.arange(length) > 10)
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "token_type_ids": segments,
        "start_positions": positions,
        "end_positions": positions + 1,
    }


def cost(name: str, device: str, model: str, rows: int, rounds: int) -> None:
    """Time of one framework, which must be the only one in its process."""
    framework, module = backends.load(name), importlib.import_module(f"repro.backends.{name}.dropout")
    title = framework.setup(device=device)
    config: Any = dict(read_config(CHECKPOINT))
    if model in SIZES:
        hidden, layers, heads = SIZES[model]
        config |= {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads}
        config["intermediate_size"] = 4 * hidden
    length = 384 if model == "base" else 80
    config |= {"max_position_embeddings": length, "vocab_size": 30522 if model == "base" else config["vocab_size"]}
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), seeded_weights(config, 0), config, None, BACKEND_LAYOUTS[name])
        loaded = framework.load_model(Path(folder), rules=PAPER, dropout=PROBABILITY)
    trainer = framework.make_trainer(loaded, rules=PAPER, settings=Training(), total_steps=1000)
    examples = batch(rows, length, config["vocab_size"])

    function = "multipliers" if title == "cpu" else "keep_by_tensors"
    compute = getattr(module, function)
    known = cache(compute)  # of OneStep: as many masks as a step computes, so that they take as much of the cache

    def without() -> None:
        with patch.object(module.functional, "dropout", lambda values, *_, **__: values):
            trainer.step(examples)

    def applied() -> None:
        with patch.object(module, function, known):
            trainer.step(examples, OneStep(MASKS.seed))

    steps: dict[str, Callable[[], object]] = {
        "without dropout": without,
        "native": lambda: trainer.step(examples),
        "shared": lambda: trainer.step(examples, MASKS),
        "shared, computed before": applied,
    }
    clock = time.process_time if title == "cpu" else time.perf_counter  # each step ends by reading the loss
    seconds: dict[str, list[float]] = {kind: [] for kind in steps}
    for number in range(rounds + 1):
        for kind, step in steps.items():
            start = clock()
            step()
            if number:  # the first round warms up
                seconds[kind].append(clock() - start)
    least = {kind: min(values) for kind, values in seconds.items()}
    print(f"{name}, {title}, {model}, {rows} x {length}")
    for kind, value in least.items():
        print(f"  {kind:<28} {1e3 * value:9.2f} ms a step   {100 * (value / least['shared'] - 1):+6.1f} %")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dropout_masks", description="Check and time shared dropout masks."
    )
    parser.add_argument("what", nargs="*", choices=["equality", "statistics", "cost", []], default=[])
    parser.add_argument("--frameworks", nargs="+", choices=list(BACKEND_LAYOUTS), default=list(BACKEND_LAYOUTS))
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--model", choices=["mini", *SIZES], default="mini")
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    what, good = options.what or ["equality", "statistics", "cost"], True
    if "equality" in what:
        good &= equality(options.frameworks)
    if "statistics" in what:
        good &= draws_are_good()
    if "cost" in what:
        arguments = (options.device, options.model, str(options.rows), str(options.rounds))
        for name in options.frameworks:
            subprocess.run(own_process("time", name, *arguments), check=True)
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["digests"]:  # in a process of its own, as the next
        print(json.dumps(framework_digests(sys.argv[2])))
    elif sys.argv[1:2] == ["time"]:
        framework, device, model, rows, rounds = sys.argv[2:]
        cost(framework, device, model, int(rows), int(rounds))
    else:
        sys.exit(main())
