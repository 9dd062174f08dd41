"""What a profile needs of a machine, and how many of its jobs fit at a time. Estimated before anything is loaded.

Measured (``report.md``, cost table): a process of ``mini`` holds 0.49 GiB at most, one of ``base`` 2.9 GB for 0.44 GB
of weights, which steps 8 and 10 hold with gradients, moments and twice over in float64.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repro.config.paths import CHECKPOINTS, expand
from repro.config.profile import Profile
from repro.machine.cgroup import cpu_limit
from repro.machine.memory import memory_limit

GIB = 1 << 30
BERT_BASE = 108_000_000  # weights of the published checkpoint
PROCESS = 0.45 * GIB  # a framework, features, results
TIMES_WEIGHTS = 6  # weights, gradients, moments, and weights in float64
ACTIVATIONS = 8  # at most this part of the memory: `backends/common/limits.py`
LAUNCHER = 0.5 * GIB  # this program, Snakemake, and the two processes that fork the jobs
DISK, DISK_TIMES_WEIGHTS = GIB, 12  # dumps of steps 1 to 10 in both frameworks, two checkpoints each
DOWNLOADS = 2 * GIB
WEIGHTS_SUFFIXES = (".safetensors", ".bin", ".pdparams", ".pt", ".pth")


@dataclass(frozen=True)
class Needs:
    """What a profile needs.

    Attributes:
        memory, disk: bytes of one job and of the whole run.
        options: what the user has to name on the command line.
        checkpoints: folder of the shipped checkpoint, where the profile starts from it.
        gpu: it takes days without a GPU.
    """

    memory: int
    disk: int
    options: tuple[str, ...] = ()
    checkpoints: Path | None = None
    gpu: bool = False


def _bert_weights(geometry: Mapping[str, int | float | str]) -> int:
    """Number of weights of a BERT encoder with a QASS head; BERT-base's where the geometry is none."""
    try:
        hidden, inner = int(geometry["hidden_size"]), int(geometry["intermediate_size"])
        embeddings = int(geometry["vocab_size"]) + int(geometry.get("max_position_embeddings", 512))
        layers = int(geometry["num_hidden_layers"])
    except (KeyError, ValueError, OverflowError):
        return BERT_BASE  # the stage `inputs` says what is wrong
    layer = 4 * hidden * hidden + 2 * hidden * inner + 9 * hidden + inner
    return embeddings * hidden + layers * layer + 6 * hidden * hidden


def _weights_bytes(profile: Profile) -> int:
    """Bytes of the start weights in float32, as far as names of files and the profile say."""
    weights = profile.weights
    path = expand(weights.path) if weights.path else CHECKPOINTS / profile.name
    if weights.path or weights.source == "shipped":
        files = [path] if path.is_file() else [file for file in path.glob("*") if file.suffix in WEIGHTS_SUFFIXES]
        return max((file.stat().st_size for file in files), default=0)
    return 4 * (_bert_weights(weights.geometry) if weights.geometry else BERT_BASE)


def needs(profile: Profile) -> Needs:
    """Memory, disk, options and devices that a run of the profile needs."""
    weights, data = profile.weights, profile.data
    size = _weights_bytes(profile)
    options = []
    if data.directory is None and data.source != "generated":
        options.append("--data DIR: the few-shot files")
    if weights.path is None and weights.source in ("path", "fetched"):
        options.append("--weights DIR: the start weights")
    if weights.vocab is None and weights.source == "seeded":
        options.append("--vocab FILE: the vocabulary")
    if downloads := options and "fetched" in (data.source, weights.source):
        options = [f"network, or {' and '.join(options)}"]
    return Needs(
        memory=round(PROCESS + TIMES_WEIGHTS * size),
        disk=round(DISK + DISK_TIMES_WEIGHTS * size + (DOWNLOADS if downloads else 0)),
        options=tuple(options),
        checkpoints=CHECKPOINTS if weights.source == "shipped" and weights.path is None else None,
        gpu=11 in profile.steps and 2 * size >= 4 * BERT_BASE,
    )


def cores() -> int:
    """CPU cores that this process may use: those that it may run on, or fewer where a control group limits its time.

    A started core counts, since jobs that wait for each other cost less than time that nobody uses.
    """
    available = len(os.sched_getaffinity(0))
    return min(available, math.ceil(share)) if (share := cpu_limit()) else available


def jobs_at_a_time(profile: Profile) -> int:
    """Jobs for which there are cores and memory; at least one."""
    memory = memory_limit()
    fit = int((memory - LAUNCHER) // (needs(profile).memory + memory // ACTIVATIONS))
    return max(1, min(cores() // profile.threads, fit))
