"""The facts about this machine, and whether each profile can run on it. Imports no framework."""

import os
import platform
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import psutil
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repro.config.paths import PROJECT
from repro.config.profile_file import PROFILES, load_profile
from repro.errors import EXIT_ENVIRONMENT, EXIT_OK, InputError
from repro.machine.cpu import cpu_field
from repro.machine.devices import BACKENDS, SUPPORTED, Gpu, faults, gpu_indices, nvidia_gpus, refused
from repro.machine.hidden_modules import hiding_files
from repro.machine.memory import memory_limit
from repro.machine.needs import GIB, LAUNCHER, Needs, cores, needs
from repro.machine.versions import installed_version, installed_versions

DEFAULT = "mini"
VISIBLE = "CUDA_VISIBLE_DEVICES"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")
LIBRARIES = ("numpy", "torch", "transformers", "paddle", "paddlenlp", "pydantic", "yaml", "snakemake", "requests")
PYTHONS = ((3, 11), (3, 12))


@dataclass(frozen=True)
class Facts:
    """A machine and its installed packages; memory and disk in bytes."""

    python: str
    system: str
    cpu: str
    cores: int
    threads: list[str]
    memory: int  # what this process may use
    memory_free: int
    disk_free: int
    packages: dict[str, str]
    locked: bool  # whether the lock files are here to compare with
    mismatches: list[str]  # one line per package that differs from the lock file
    gpus: list[Gpu]
    gpu_problem: str  # why the GPUs are unknown; empty if they are known
    hiding: list[str] = field(default_factory=list)  # files that Python would load in place of a library


def locked_versions(lock: Path) -> dict[str, str]:
    """Canonical name -> version of a lock file's entries for this Python and machine; empty without a file."""
    if not lock.is_file():
        return {}
    versions: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line[:1].isalnum():
            continue
        try:
            entry = Requirement(line.rstrip(" \\"))
        except InvalidRequirement as error:
            raise InputError(f"a line of a lock file is not a requirement: {line}", where=lock) from error
        if entry.marker is None or entry.marker.evaluate():
            versions[canonicalize_name(entry.name)] = str(entry.specifier).removeprefix("==")
    return versions


def mismatches(locks: Path) -> list[str]:
    """Packages that differ from the lock file; a local label such as ``+cpu`` does not count."""
    gpu = installed_version("paddlepaddle-gpu") is not None
    pins = locked_versions(locks / ("gpu.txt" if gpu else "runtime.txt"))
    lines = []
    for name, locked in pins.items():
        installed = installed_version(name)
        if installed is None or installed.split("+")[0] != locked:
            lines.append(f"{name}: {installed or 'not installed'}, locked {locked}")
    return lines


def collect() -> Facts:
    """Facts about this machine; runs would go to the working directory."""
    locks = PROJECT / "requirements"
    gpus, problem = nvidia_gpus()
    return Facts(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu_field("model name") or platform.processor() or platform.machine(),
        cores=cores(),
        threads=[f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if os.environ.get(name)],
        memory=memory_limit(),
        memory_free=min(psutil.virtual_memory().available, memory_limit()),
        disk_free=shutil.disk_usage(Path.cwd()).free,
        packages=installed_versions("pytorch") | installed_versions("paddle"),
        locked=(locks / "runtime.txt").is_file(),
        mismatches=mismatches(locks),
        gpus=gpus,
        gpu_problem=problem,
        hiding=hiding_files((*(sys.stdlib_module_names & sys.modules.keys()), *LIBRARIES)),
    )


def no_gpu(backends: Iterable[str]) -> list[str]:
    """Why a GPU for each of these frameworks is refused here; empty if each has one that serves it."""
    if not (names := gpu_indices()):
        return [f"no GPU on this machine; supported: {SUPPORTED}"]
    refusals = [refused(names, (backend,)) for backend in backends]
    return list(dict.fromkeys(why for reasons in refusals if len(reasons) == len(names) for why in reasons.values()))


def fitness(needs: Needs, facts: Facts, on_gpu: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """What keeps a profile with these needs from running on a machine, with these frameworks on a GPU, and warnings."""
    missing, warnings = [], []
    if sys.version_info[:2] not in PYTHONS:
        missing.append(f"Python {facts.python}: 3.11 or 3.12 is needed")
    for names in (("torch",), ("transformers",), ("paddlepaddle", "paddlepaddle-gpu"), ("paddlenlp",), ("reprod-log",)):
        if not any(name in facts.packages for name in names):
            missing.append(f"{names[0]} is not installed: ./run_all.sh makes the environment")
    missing += [
        f"Python would load {file} in place of a library: rename it, or unset PYTHONPATH" for file in facts.hiding
    ]
    memory = needs.memory + LAUNCHER
    for what, needed, there in (("memory", memory, facts.memory), ("free disk", needs.disk, facts.disk_free)):
        if there < needed:
            missing.append(f"{needed / GIB:.1f} GiB of {what} are needed, this machine has {there / GIB:.1f} GiB")
    if needs.checkpoints and not any(needs.checkpoints.rglob("*.safetensors")):
        missing.append(f"the checkpoint that ships with the project is not in {needs.checkpoints}")
    if facts.mismatches:
        warnings.append(f"{len(facts.mismatches)} package(s) differ from the lock file")
    if on_gpu:
        missing += no_gpu(on_gpu)
    elif needs.gpu and all(faults(gpu) for gpu in facts.gpus):
        warnings.append("no GPU that both frameworks support: weeks on 2 CPU cores (estimated), not hours")
    return missing, warnings


def _gpu_lines(gpus: list[Gpu], problem: str) -> list[str]:
    if problem:
        return [problem]
    lines = []
    for gpu in gpus:
        lines.append(f"{gpu.index}: {gpu.name}, compute capability {gpu.capability}, {gpu.memory}, driver {gpu.driver}")
        lines += [f"   {fault}" for fault in faults(gpu)] or ["   both frameworks support it"]
        if faults(gpu) and not faults(gpu, ("pytorch",)):
            lines.append("   PyTorch alone can use it: --device pytorch=gpu,paddle=cpu")
    if any(faults(gpu) for gpu in gpus):
        lines.append(f"supported: {SUPPORTED}")
    if gpus and VISIBLE in os.environ:
        lines.append(f"{VISIBLE}={os.environ[VISIBLE]}: a run uses only these")
    return lines or ["none: everything runs on the CPU"]


def _row(name: str, values: list[str]) -> list[str]:
    """Lines of a table: the name stands beside the first value."""
    return [f"{name if number == 0 else '':<14}{value}" for number, value in enumerate(values)]


def _fact_lines(facts: Facts) -> list[str]:
    agreement = facts.mismatches or ["as locked"]
    return [
        *_row("Python", [f"{facts.python} ({sys.executable})"]),
        *_row("system", [facts.system]),
        *_row("CPU", [f"{facts.cpu}, {facts.cores} core(s) for this process"]),
        *_row("threads", [", ".join(facts.threads) or "not set here; each job sets its own"]),
        *_row("memory", [f"{facts.memory / GIB:.1f} GiB, {facts.memory_free / GIB:.1f} GiB free"]),
        *_row("free disk", [f"{facts.disk_free / GIB:.1f} GiB"]),
        *_row("GPU", _gpu_lines(facts.gpus, facts.gpu_problem)),
        *_row("packages", [f"{name} {version}" for name, version in facts.packages.items()] or ["none"]),
        *_row("lock file", agreement if facts.locked else ["not here (no checkout): nothing to compare with"]),
    ]


def run_doctor(profile: str | None, out: TextIO, device: str | Mapping[str, str] = "auto") -> int:
    """Print the facts, and for each profile whether it can run and which options it needs.

    Args:
        profile: the only one to print, by name or as a YAML file; None prints all that ship with the project, and
            ``mini`` decides the exit code.
        device: with ``gpu`` nothing can run without a GPU that serves both frameworks, or those for which it is named.

    Returns:
        0 if the profile can run here, 3 if not.

    Raises:
        InputError: no such profile, or it is not valid.
    """
    names = [profile] if profile is not None else sorted(path.stem for path in PROFILES.glob("*.yaml"))
    chosen = {name: needs(load_profile(name)) for name in names}
    facts = collect()
    by_framework = dict.fromkeys(BACKENDS, device) if isinstance(device, str) else device
    on_gpu = [name for name, choice in by_framework.items() if choice == "gpu"]
    lines = [*_fact_lines(facts), ""]
    unfit = set()
    for name, wanted in chosen.items():
        missing, warnings = fitness(wanted, facts, on_gpu)
        unfit |= {name} if missing else set()
        values = ["cannot run here" if missing else "can run here"]
        values += [f"missing: {text}" for text in missing]
        values += [f"warning: {text}" for text in warnings]
        values += [f"needs {text}" for text in wanted.options]
        lines += _row(name, values)
    print("\n".join(lines), file=out)
    return EXIT_ENVIRONMENT if (profile or DEFAULT) in unfit else EXIT_OK
