"""What this machine has, and whether each profile can run on it. No framework is imported."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO

import psutil
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repro.devices import SUPPORTED, Gpu, faults, gpu_indices, nvidia_gpus, refused
from repro.errors import EXIT_ENVIRONMENT, EXIT_OK, InputError
from repro.installed import installed_version, installed_versions
from repro.paths import CHECKPOINTS, PROJECT

GIB = 1 << 30
VISIBLE = "CUDA_VISIBLE_DEVICES"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")
PYTHONS = ((3, 10), (3, 12))

# Memory of one job and disk of a whole run, GiB; and what the user must give, as (option, needed without network only).
PROFILES: dict[str, dict[str, Any]] = {
    "mini": {"memory": 3.0, "disk": 1.0, "options": (), "shipped": CHECKPOINTS, "gpu": False},
    "base": {
        "memory": 3.0,
        "disk": 6.0,
        "options": ("--data DIR: the few-shot files", "--vocab FILE: the published vocabulary"),
        "shipped": None,
        "gpu": False,
    },
    "paper": {
        "memory": 12.0,
        "disk": 20.0,
        "options": ("network, or --data DIR and --weights DIR: published few-shot files and weights",),
        "shipped": None,
        "gpu": True,
    },
}


def locked_versions(lock: Path) -> dict[str, str]:
    """Canonical name -> version of a lock file's entries for this Python and machine; empty without a file."""
    if not lock.is_file():
        return {}
    found: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line[:1].isalnum():
            continue
        try:
            entry = Requirement(line.rstrip(" \\"))
        except InvalidRequirement as error:
            raise InputError(f"a line of a lock file is not a requirement: {line}", where=lock) from error
        if entry.marker is None or entry.marker.evaluate():
            found[canonicalize_name(entry.name)] = str(entry.specifier).removeprefix("==")
    return found


def mismatches(locks: Path) -> list[str]:
    """Packages that differ from the lock file; a local label such as ``+cpu`` does not count."""
    gpu = installed_version("paddlepaddle-gpu") is not None
    pins = locked_versions(locks / ("gpu.txt" if gpu else "runtime.txt"))
    found = []
    for name, wanted in pins.items():
        have = installed_version(name)
        if have is None or have.split("+")[0] != wanted:
            found.append(f"{name}: {have or 'not installed'}, locked {wanted}")
    return found


def cpu_model() -> str:
    """The processor's name as the kernel gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor() or "unknown"
    return platform.processor() or platform.machine()


def memory_limit() -> int:
    """Bytes of memory that this process may use: the machine's, or the control group's limit where that is lower."""
    total = int(psutil.virtual_memory().total)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if (limit := Path(path)).is_file() and (text := limit.read_text().strip()).isdigit():
            return min(total, int(text))
    return total


def collect(folder: Path | None = None, locks: Path = PROJECT / "requirements") -> dict[str, Any]:
    """Facts about the machine and the installed packages.

    Args:
        folder: where runs would go, for the free disk; the working directory by default.
        locks: folder of the lock files.

    Returns:
        ``python os cpu cores threads memory memory_free disk_free packages mismatches gpus gpu_problem``;
        memory and disk in bytes.
    """
    gpus, problem = nvidia_gpus()
    return {
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": {name: os.environ.get(name, "") for name in THREAD_VARIABLES},
        "memory": memory_limit(),
        "memory_free": psutil.virtual_memory().available,
        "disk_free": shutil.disk_usage(folder or Path.cwd()).free,
        "packages": installed_versions("pytorch") | installed_versions("paddle"),
        "locked": (locks / "runtime.txt").is_file(),
        "mismatches": mismatches(locks),
        "gpus": gpus,
        "gpu_problem": problem,
    }


def no_gpu() -> list[str]:
    """Why ``--device gpu`` is refused here; empty where a GPU serves both frameworks."""
    there = gpu_indices()
    wrong = refused(there) if there else {}
    if len(wrong) < len(there):
        return []
    return list(wrong.values()) or [f"no GPU on this machine; supported: {SUPPORTED}"]


def missing(profile: str, facts: dict[str, Any], device: str = "auto") -> tuple[list[str], list[str], list[str]]:
    """(faults that stop a profile here, warnings, what must be given on the command line)."""
    needs = PROFILES[profile]
    stop, warn = [], []
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        stop.append(f"Python {facts['python']}: 3.10 to 3.12 is needed (no Paddle wheel for others)")
    for names in (("torch",), ("transformers",), ("paddlepaddle", "paddlepaddle-gpu"), ("paddlenlp",), ("reprod-log",)):
        if not any(name in facts["packages"] for name in names):
            stop.append(f"{names[0]} is not installed: ./run_all.sh makes the environment")
    for key, what in (("memory", "memory"), ("disk_free", "free disk")):
        need = needs["memory" if key == "memory" else "disk"]
        if facts[key] < need * GIB:
            stop.append(f"{need:g} GiB of {what} are needed, {facts[key] / GIB:.1f} GiB are there")
    if needs["shipped"] and not any(needs["shipped"].rglob("*.safetensors")):
        stop.append(f"the checkpoint that ships with the project is not in {needs['shipped']}")
    if facts["mismatches"]:
        warn.append(f"{len(facts['mismatches'])} package(s) differ from the lock file")
    if device == "gpu":
        stop += no_gpu()
    elif needs["gpu"] and not any(not faults(gpu) for gpu in facts["gpus"]):
        warn.append("no GPU that both frameworks support: one to two weeks on 2 CPU cores (estimated) instead of hours")
    return stop, warn, list(needs["options"])


def _gpu_lines(gpus: list[Gpu], problem: str) -> list[str]:
    if problem:
        return [problem]
    lines = []
    for gpu in gpus:
        lines.append(f"{gpu.index}: {gpu.name}, compute capability {gpu.capability}, {gpu.memory}, driver {gpu.driver}")
        lines += [f"   {fault}" for fault in faults(gpu)] or ["   both frameworks support it"]
    if any(faults(gpu) for gpu in gpus):
        lines.append(f"supported: {SUPPORTED}")
    if gpus and VISIBLE in os.environ:
        lines.append(f"{VISIBLE}={os.environ[VISIBLE]}: a run uses none but these")
    return lines or ["none: everything runs on the CPU"]


def _row(name: str, values: list[str]) -> list[str]:
    return [f"{name if number == 0 else '':<14}{value}" for number, value in enumerate(values)]


def _fact_lines(facts: dict[str, Any]) -> list[str]:
    threads = [f"{name}={value}" for name, value in facts["threads"].items() if value]
    agreement = facts["mismatches"] or ["as locked"]
    return [
        *_row("Python", [f"{facts['python']} ({sys.executable})"]),
        *_row("system", [facts["os"]]),
        *_row("CPU", [f"{facts['cpu']}, {facts['cores']} core(s) for this process"]),
        *_row("threads", [", ".join(threads) or "not set here; each job sets its own"]),
        *_row("memory", [f"{facts['memory'] / GIB:.1f} GiB, {facts['memory_free'] / GIB:.1f} GiB free"]),
        *_row("free disk", [f"{facts['disk_free'] / GIB:.1f} GiB"]),
        *_row("GPU", _gpu_lines(facts["gpus"], facts["gpu_problem"])),
        *_row("packages", [f"{name} {version}" for name, version in facts["packages"].items()] or ["none"]),
        *_row(
            "lock file",
            agreement if facts["locked"] else ["not here (not run from a checkout): nothing to compare with"],
        ),
    ]


def run_doctor(profile: str | None, out: TextIO, device: str = "auto") -> int:
    """Print the facts, and for each profile whether it can run and what it must be given.

    Args:
        profile: the profile that decides the exit code (``mini`` if None); if given, only this one is printed.
        device: ``gpu``: without a GPU that both frameworks support nothing can run.

    Returns:
        0 if the profile can run here, 3 if not.

    Raises:
        InputError: no such profile.
    """
    if profile is not None and profile not in PROFILES:
        raise InputError(f"no profile {profile!r}", next_step=f"choose one of: {', '.join(PROFILES)}")
    facts = collect()
    lines = [*_fact_lines(facts), ""]
    for name in (profile,) if profile else PROFILES:
        stop, warn, options = missing(name, facts, device)
        verdict = "cannot run here" if stop else "can run here"
        lines += _row(
            f"{name}",
            [
                verdict,
                *(f"missing: {text}" for text in stop),
                *(f"warning: {text}" for text in warn),
                *(f"needs {text}" for text in options),
            ],
        )
    print("\n".join(lines), file=out)
    return EXIT_ENVIRONMENT if missing(profile or "mini", facts, device)[0] else EXIT_OK
