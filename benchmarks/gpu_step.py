"""Time and memory of a BERT-base training step on a GPU: ours beside plain ``transformers``, float32 without TF32.

Command:  python -m benchmarks.gpu_step [--rounds 3] [--part-tokens 256 1024 4096] [--tiny for a test on a CPU]
          Needs torch, transformers and what this package's PyTorch backend imports, not Paddle.
          On an older checkout, in its folder: PYTHONPATH=. python THIS_FILE.
Compares: plain: ``BertModel`` with eager or SDPA attention, ``transformers``' own QASS head, AdamW, clipping, no
          deterministic kernels; ours: deterministic, with the framework's dropout masks or with the shared ones.
          Batches of 12 x 384 without padding (full), and with as much as in the few-shot files (real).
Prints:   each program in a process of its own, in turns; medians of all rounds and the ratio to plain eager.
Duration: about a minute a round on an H200.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertModel, SplinterConfig
from transformers.models.splinter.modeling_splinter import QuestionAwareSpanSelectionHead

from repro.checkpoint import check_config, seeded_weights
from repro.config.profile import Training
from repro.config.protocol import PAPER
from repro.data import dropout
from repro.numerics.arrays import Arrays

ROWS, WIDTH, WARM_UP = 12, 384, 3
BASE: dict[str, Any] = {
    "vocab_size": 28996,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.02,
}
TINY = {**BASE, "vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
TINY["num_attention_heads"] = 2
MASKS = "DropoutMasks"  # an older version has a stream of masks instead
PROGRAMS = ("plain-eager", "plain-sdpa", "ours-native", "ours-shared")
# Lengths of twelve windows of the few-shot files, two of which fill the window; their mean is 178.
REAL = (62, 79, 99, 112, 127, 137, 162, 180, 194, 218, 384, 384)
SETTINGS = Training()


def batch(lengths: tuple[int, ...], vocab_size: int, seed: int) -> Arrays:
    """Rows of [CLS] question [MASK] [SEP] context [SEP] padding with random tokens and answers."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(110, vocab_size, (len(lengths), WIDTH))
    mask = (np.arange(WIDTH) < np.array(lengths)[:, None]).astype(np.int64)
    ids[:, 0], ids[:, 8], ids[:, 9] = 101, 103, 102
    ids[np.arange(len(lengths)), np.array(lengths) - 1] = 102
    starts = generator.integers(10, np.array(lengths) - 6)
    segments = np.zeros_like(ids)
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "token_type_ids": segments,
        "start_positions": starts,
        "end_positions": starts + 2,
    }


class Plain(torch.nn.Module):
    """What one writes with ``transformers``: BERT, its QASS head, the loss."""

    def __init__(self, config: dict[str, Any], attention: str) -> None:
        super().__init__()
        bert = BertConfig(**config, attn_implementation=attention)
        self.bert = BertModel(bert, add_pooling_layer=False)
        self.head = QuestionAwareSpanSelectionHead(SplinterConfig(**config))

    def forward(self, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        ids, length = tensors["input_ids"], tensors["input_ids"].shape[1]
        mask = tensors["attention_mask"].masked_fill(ids == 102, 0)
        positions = (ids == 103).int().argmax(-1, keepdim=True)
        hidden = self.bert(input_ids=ids.masked_fill(ids == 103, 104), attention_mask=mask).last_hidden_state
        unmasked = self.head(hidden, positions)
        start, end = (logits.squeeze(1) + (1 - mask) * -10000.0 for logits in unmasked)
        losses = [
            cross_entropy(logits, tensors[name].clamp(0, length), ignore_index=length)
            for logits, name in ((start, "start_positions"), (end, "end_positions"))
        ]
        return sum(losses) / 2


def plain_step(config: dict[str, Any], attention: str, place: str) -> Callable[[Arrays], float]:
    """A training step of the plain program, which returns the loss."""
    model = Plain(config, attention).to(place).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=SETTINGS.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))

    def step(rows: Arrays) -> float:
        loss = model({name: torch.from_numpy(array).to(place) for name, array in rows.items()})
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step


def our_step(config: dict[str, Any], shared: bool, place: str) -> Callable[[Arrays], float]:
    """A training step of this package, which returns the loss."""
    from repro.backends.pytorch import device, make_trainer
    from repro.backends.pytorch.model import Model, SplinterQA

    device.setup(device="gpu" if place == "cuda" else "cpu", threads=torch.get_num_threads())
    model = Model(SplinterQA(check_config(config), seeded_weights(config, 1, "bert"), dropout=0.1), PAPER)
    trainer = make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=1000)
    masks = getattr(dropout, MASKS if hasattr(dropout, MASKS) else "DropoutStream")(7) if shared else None
    return lambda rows: trainer.step(rows, masks).loss


def splits() -> bool:
    """Whether this version computes a batch in parts; older ones do not."""
    from repro.backends.pytorch import device

    return hasattr(device, "_limits")


def milliseconds(step: Callable[[Arrays], float], batches: list[Arrays]) -> float:
    """Median wall time of a step; each ends when its loss is known."""
    times = []
    for number in range(WARM_UP + len(batches)):
        rows = batches[number % len(batches)]
        start = time.perf_counter()
        if not math.isfinite(step(rows)):
            raise SystemExit("the loss is not finite")
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[WARM_UP:])


def measured(program: str, options: argparse.Namespace) -> Iterator[tuple[str, float, float]]:
    """(what, milliseconds, GB of GPU memory) of one program."""
    place = "cpu" if options.tiny else "cuda"
    config = TINY if options.tiny else BASE
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    kind, variant = program.split("-")
    step = plain_step(config, variant, place) if kind == "plain" else our_step(config, variant == "shared", place)
    for text, lengths in (("full", (WIDTH,) * ROWS), ("real", REAL)):
        batches = [batch(lengths, config["vocab_size"], seed) for seed in range(options.steps)]
        for part_tokens in options.part_tokens if kind == "ours" and text == "real" and splits() else [0]:
            if part_tokens:
                from repro.backends.pytorch import device

                device._limits = device._limits._replace(part_tokens=part_tokens)
            if place == "cuda":
                torch.cuda.reset_peak_memory_stats()
            spent = milliseconds(step, batches)
            memory = torch.cuda.max_memory_allocated() / 1e9 if place == "cuda" else 0.0
            yield f"{text}{f' parts {part_tokens}' if part_tokens else ''}", spent, memory


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_step", description="Time a training step on a GPU beside plain transformers."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--part-tokens", type=int, nargs="+", default=[256, 512, 1024, 2048, 8192])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--program", choices=PROGRAMS, help="only this one, in this process")
    options = parser.parse_args()
    if options.program:
        print(json.dumps(list(measured(options.program, options))), flush=True)
        return
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    memory: dict[tuple[str, str], float] = {}
    for _ in range(options.rounds):
        for program in PROGRAMS:
            command = [sys.executable, __file__, *sys.argv[1:], "--program", program]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            for what, spent, held in json.loads(ended.stdout.splitlines()[-1]):
                times[program, what].append(spent)
                memory[program, what] = held
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    print(f"{name}, torch {torch.__version__}, float32, milliseconds a step")
    for (program, what), spent in times.items():
        baseline = statistics.median(times["plain-eager", what.split(" ")[0]])
        middle = statistics.median(spent)
        share = f"{middle / baseline:5.2f} of plain eager, {memory[program, what]:5.2f} GB"
        print(f"{program:<12} {what:<16} {middle:8.1f}  {share}   {[round(value, 1) for value in spent]}")


if __name__ == "__main__":
    main()
