"""NVIDIA GPUs as the driver reports them, and what the two frameworks' wheels support.

Standard library only: ``tools/make_venv.py`` uses it before anything is installed.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

BACKENDS = ("pytorch", "paddle")
NAMES = {"pytorch": "PyTorch", "paddle": "Paddle"}
# Machine code in the CUDA 11.8 wheel paddlepaddle-gpu 2.6.2, read off its fat binaries; it has almost no PTX.
PADDLE_CAPABILITIES = ((6, 1), (7, 0), (7, 5), (8, 0), (8, 6))
# torch 2.13.0 is built with CUDA 13: compute capability 7.5 or newer, driver 580 or newer.
TORCH_MIN_CAPABILITY = (7, 5)
TORCH_MIN_DRIVER = 580
REDUCED_MIN_CAPABILITY = (8, 0)  # of TF32 and bfloat16 products
PADDLE_SUPPORTED = "6.1, 7.0, 7.5, 8.0, 8.6 or 8.9"
TORCH_SUPPORTED = "7.5 or newer"
SUPPORTED = (
    "compute capability 7.5, 8.0, 8.6 or 8.9 (T4, A100, A10, A40, L4, L40, GeForce RTX 20, 30 and 40) "
    f"with driver {TORCH_MIN_DRIVER} or newer"
)
# CUDA 11.8 needs driver 520, or 450 by minor-version compatibility; torch's demand is the stricter one.

QUERY = ("nvidia-smi", "--query-gpu=index,name,compute_cap,memory.total,driver_version", "--format=csv,noheader")
LIST = ("nvidia-smi", "-L")
LISTED = re.compile(r"GPU (\d+):.*\(UUID: (GPU-[^)]+)\)|\s+MIG .*\(UUID: (MIG-[^)]+)\)")
UNKNOWN = (
    "nvidia-smi does not list it, so what it supports is unknown "
    "(in a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility)"
)
QUERY_SECONDS = 20


@dataclass(frozen=True)
class Gpu:
    """One GPU: ``capability`` such as ``8.6``, ``memory`` and ``driver`` as ``nvidia-smi`` prints them."""

    index: str
    name: str
    capability: str
    memory: str
    driver: str


def paddle_runs_on(capability: str) -> bool:
    """Whether the Paddle wheel has machine code for a compute capability such as ``8.6``.

    Code for x.y runs on x.z with z >= y, so 8.9 is served by 8.6, and 9.0 by nothing.
    """
    major, minor = _capability(capability)
    return any(major == built[0] and minor >= built[1] for built in PADDLE_CAPABILITIES)


def torch_runs_on(capability: str) -> bool:
    """Whether the PyTorch wheel supports a compute capability."""
    return _capability(capability) >= TORCH_MIN_CAPABILITY


def faults(gpu: Gpu, backends: tuple[str, ...] = BACKENDS) -> list[str]:
    """Why a GPU cannot serve these frameworks; empty if it can."""
    reasons = []
    try:
        if "pytorch" in backends and not torch_runs_on(gpu.capability):
            reasons.append(f"PyTorch's wheel needs compute capability {TORCH_SUPPORTED}, this is {gpu.capability}")
        if "paddle" in backends and not paddle_runs_on(gpu.capability):
            reasons.append(f"Paddle's wheel needs compute capability {PADDLE_SUPPORTED}, this is {gpu.capability}")
        if "pytorch" in backends and int(gpu.driver.split(".")[0]) < TORCH_MIN_DRIVER:
            reasons.append(f"PyTorch's wheel needs driver {TORCH_MIN_DRIVER} or newer, this is {gpu.driver}")
    except ValueError:
        reasons.append(f"the driver reports compute capability {gpu.capability!r}, driver version {gpu.driver!r}")
    return reasons


def lacks(precision: str, backend: str, capability: str | None) -> str:
    """Why a framework cannot multiply in ``tf32`` or ``bf16`` on a GPU of this capability; empty if it can.

    Args:
        capability: None: on the CPU.
    """
    if precision == "float32" or (precision, backend, capability) == ("bf16", "pytorch", None):
        return ""
    if capability is None:
        return f"{NAMES[backend]} has no {precision} on a CPU"
    if _capability(capability) < REDUCED_MIN_CAPABILITY:
        return f"{precision} needs compute capability 8.0 or newer, this is {capability}"
    return ""


def _ask(command: tuple[str, ...]) -> tuple[list[str], str]:
    """Lines that ``nvidia-smi`` prints, and why it fails (empty if it does not)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUERY_SECONDS, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return [], ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi cannot be run: {error}"
    if done.returncode != 0:
        text = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return [], f"nvidia-smi fails: {text[0] if text else f'exit code {done.returncode}'}"
    return [line for line in done.stdout.splitlines() if line.strip()], ""


def nvidia_gpus() -> tuple[list[Gpu], str]:
    """GPUs of this machine, and why the query fails (empty if it works).

    A machine without ``nvidia-smi`` has no GPU, which is no failure.
    """
    lines, problem = _ask(QUERY)
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    odd = [row for row in rows if len(row) != 5]
    if odd:
        return [], f"nvidia-smi prints an unknown line: {', '.join(odd[0])}"
    return [Gpu(*row) for row in rows], problem


def gpu_indices() -> list[str]:
    """GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them.

    A batch system sets that variable to indices, or to UUIDs of GPUs or MIG slices. Without it all GPUs of the machine
    count.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [part.strip() for part in visible.split(",") if part.strip() and part.strip() != "-1"]
    if gpus := nvidia_gpus()[0]:
        return [gpu.index for gpu in gpus]
    return sorted((p.name[6:] for p in Path("/dev").glob("nvidia[0-9]*")), key=int)


def _cards(names: list[str]) -> dict[str, str]:
    """Index of the card that each name means: an index, a UUID (or its beginning), or a MIG slice of a card."""
    cards: dict[str, str] = {}
    index = ""
    for line in [] if all(name.isdecimal() for name in names) else _ask(LIST)[0]:
        if card := LISTED.match(line):
            index = card[1] or index
            cards |= {name: index for name in names if (card[2] or card[3]).startswith(name)}
    return {name: name for name in names if name.isdecimal()} | cards


def capabilities(names: list[str]) -> dict[str, str]:
    """Compute capability of those of ``names`` (from ``gpu_indices``) that the driver lists."""
    known = {gpu.index: gpu.capability for gpu in nvidia_gpus()[0]}
    return {name: known[card] for name, card in _cards(names).items() if card in known}


def refused(names: list[str], backends: tuple[str, ...] = BACKENDS) -> dict[str, str]:
    """GPU -> why it cannot serve these frameworks, for those ``names`` (from ``gpu_indices``) that cannot."""
    gpus, problem = nvidia_gpus()
    known = {gpu.index: gpu for gpu in gpus}
    cards = _cards(names)
    reasons = {}
    for name in names:
        if (gpu := known.get(cards.get(name, ""))) is None:
            reasons[name] = f"GPU {name}: {problem or UNKNOWN}"
        elif problems := faults(gpu, backends):
            reasons[name] = f"GPU {name} ({gpu.name}): {'; '.join(problems)}"
    return reasons


def _capability(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
