"""Make or reuse the virtual environment: pinned, hash-checked packages. Standard library only; called by setup_env.sh.

The environment is complete when its stamp says so. The stamp is written last and in one step, so an interrupted
installation is never taken for a finished one: the next call starts again.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
from repro.devices import faults, nvidia_gpus  # noqa: E402  needs the checkout on the path

LOCKS = CHECKOUT / "requirements"
STAMP = "repro-environment.json"  # complete
BEGUN = "repro-environment.begun"  # this folder is ours to delete
PADDLE_CUDA = "paddle-cuda"
EXIT_ENVIRONMENT = 3
GIB = 1 << 30

# Measured on Linux x86-64 with Python 3.11 (packages, GiB), rounded up with room for the largest wheel being unpacked.
DISK_GIB = {"cpu": 4.0, "torch-cuda": 8.0, "gpu": 16.0, "test": 0.5}

# One line of pip's for each entry of a lock file: to be downloaded, on this disk, of another Python, there already.
HANDLED = ("Collecting ", "Processing ", "Ignoring ", "Requirement already satisfied: ")

EXPLANATIONS = (
    (
        "No space left on device",
        "the disk is full",
        "free some space, or put the environment elsewhere: REPRO_VENV=DIR",
    ),
    (
        ("command 'gcc' failed", "command 'cc' failed", "linux-gnu-gcc", "Python.h"),
        "on Python 3.10 a C compiler is needed for a package without a wheel (datrie, for Snakemake 7)",
        "use Python 3.11 or 3.12 (REPRO_PYTHON), or: apt install gcc libc6-dev python3.10-dev",
    ),
    (
        "DO NOT MATCH THE HASHES",
        "a downloaded package is not the one that was locked",
        "do not trust the package source; look at `pip config list`, then try again with PIP_NO_CACHE_DIR=1",
    ),
    (
        (
            "NewConnectionError",
            "NameResolutionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ProxyError",
            "SSLError",
        ),
        "the package registry cannot be reached",
        "check network, proxy and `pip config list`; a local folder of wheels is used through PIP_FIND_LINKS",
    ),
    (
        ("No matching distribution found", "Could not find a version"),
        "a locked package is not to be had for this Python and machine",
        "use Python 3.11 on Linux x86-64 (REPRO_PYTHON), or check `pip config list`",
    ),
)


class SetupError(Exception):
    """What is wrong, where, and what to do next: printed without a traceback, exit code 3."""

    def __init__(self, what: str, where: object, next_step: str) -> None:
        super().__init__(f"error: {what}\n  where: {where}\n  next:  {next_step}")


def say(text: str) -> None:
    """One line about what is being done."""
    print(f"set-up: {text}", flush=True)


def choose_variant(asked: str) -> tuple[str, str]:
    """``cpu`` or ``gpu``, and the reason."""
    if asked in ("cpu", "gpu"):
        return asked, "as asked"
    if asked != "auto":
        raise SetupError(f"no variant {asked!r}", "REPRO_VARIANT", "set it to cpu or gpu, or leave it out")
    gpus, problem = nvidia_gpus()
    if any(not faults(gpu) for gpu in gpus):
        return "gpu", "an NVIDIA GPU is here"
    if gpus:
        return "cpu", f"{gpus[0].name}: {faults(gpus[0])[0]}"
    return "cpu", problem or "no NVIDIA GPU is here"


def check_machine() -> None:
    """Raises SetupError on a machine that the lock files are not for: on others pip would install nothing of them."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SetupError(
            "Paddle 2.6.2 has wheels for Linux on x86-64 only",
            f"{platform.system()} {platform.machine()}",
            "use such a machine, or a container for linux/amd64",
        )


def lock_files(variant: str) -> list[Path]:
    """Lock files of a variant, in the order in which they are installed."""
    names = ("gpu.txt", "paddle-cuda.txt") if variant == "gpu" else ("torch-cpu.txt", "runtime.txt", "torch-cuda.txt")
    return [LOCKS / name for name in ("build.txt", *names)]


def fingerprint(files: Iterable[Path], *more: str) -> str:
    """sha256 over the names and contents of files, and over further strings."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for text in more:
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def read_stamp(folder: Path) -> dict[str, str]:
    """What is completely installed; empty where nothing is, or where the stamp or the interpreter is damaged."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and (folder / "bin" / "python").exists() else {}


def write_stamp(folder: Path, stamp: dict[str, str]) -> None:
    """Write the stamp in one step."""
    aside = folder / f"{STAMP}.partial"
    with aside.open("w", encoding="utf-8") as file:
        json.dump(stamp, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / STAMP)


def check_disk(folder: Path, gib: float) -> None:
    """Raises SetupError where the environment or pip's temporary files would not fit."""
    for path, need in ((folder, gib), (Path(tempfile.gettempdir()), min(gib, 2.0))):
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        free = shutil.disk_usage(there).free / GIB
        if free < need:
            raise SetupError(
                f"{need:.1f} GiB of free disk are needed, {free:.1f} GiB are there",
                there,
                "free some space, or choose another disk: REPRO_VENV=DIR (and TMPDIR=DIR for temporary files)",
            )


def explain(output: str) -> tuple[str, str]:
    """(what is wrong, what to do) from what pip printed."""
    for signs, what, next_step in EXPLANATIONS:
        if any(sign in output for sign in ((signs,) if isinstance(signs, str) else signs)):
            return what, next_step
    return "the installation failed", "read the log, then run the same command again"


def pip(folder: Path, *arguments: str, total: int = 0, quiet: bool = False) -> None:
    """Run the environment's pip; its output goes to a log, and every tenth of ``total`` packages (from 40 on) is said.

    Args:
        quiet: leave out the last lines of a failure.

    Raises:
        SetupError: pip failed, with the cause as far as its output tells.
    """
    log, collected, output = folder / "install.log", 0, []
    command = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, close_fds=False, text=True, errors="replace",
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            output.append(line)
            if total >= 40 and line.startswith(HANDLED):
                collected += 1
                if collected * 10 // total > (collected - 1) * 10 // total:
                    say(f"  {collected} of {total} packages")
    if process.wait() != 0:
        what, next_step = explain("".join(output))
        if not quiet:
            print("".join(f"  {line.rstrip()[:300]}\n" for line in output[-8:]), end="")
        raise SetupError(what, log, next_step)


def count(lock: Path) -> int:
    """Number of entries of a lock file."""
    return sum(line[:1].isalnum() for line in lock.read_text(encoding="utf-8").splitlines())


def install_lock(folder: Path, lock: Path, *, quiet: bool = False) -> None:
    """Install exactly what a lock file lists. It is complete, so nothing is resolved (``pip check`` confirms it)."""
    say(f"installing {lock.relative_to(CHECKOUT)}")
    options = ["--no-deps", "--require-hashes", "--no-build-isolation", "--progress-bar", "off"]
    if lock.name == "paddle-cuda.txt":  # apart, or PyTorch would find it: see repro/workflow/job.py
        options += ["--target", str(folder / PADDLE_CUDA)]
    pip(folder, "install", *options, "-r", str(lock), total=count(lock), quiet=quiet)


def link_libraries(folder: Path) -> None:
    """``libcudnn.so`` beside ``libcudnn.so.8``, and so on: Paddle opens the former, the packages bring the latter."""
    for library in folder.glob("nvidia/*/lib/lib*.so.*"):
        link = library.with_name(f"{library.name.partition('.so.')[0]}.so")
        if not link.exists():
            link.symlink_to(library.name)


def install_cpu_torch(folder: Path, lock: Path) -> bool:
    """Whether a CPU build of torch was found and installed. It lies in no registry, so that it fails is usual."""
    try:
        install_lock(folder, lock, quiet=True)
    except SetupError:
        return False
    return True


def takes_cuda_torch(folder: Path) -> bool:
    """Whether the torch that pip took is the registry's CUDA build (a CPU build says so in its version)."""
    (metadata,) = folder.glob("lib/python3*/site-packages/torch-*.dist-info")
    return "+cpu" not in metadata.name


def clear(folder: Path) -> None:
    """Remove an outdated or interrupted environment; refuse a folder that is something else."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not ((folder / STAMP).exists() or (folder / BEGUN).exists()):
        raise SetupError(
            "this folder exists and was not made by this set-up",
            folder,
            "move it away, or choose another: REPRO_VENV=DIR",
        )
    say(f"removing the outdated or unfinished environment {folder}")
    (folder / BEGUN).touch()  # stays until last, so that an interrupted removal can go on
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != BEGUN:
            path.unlink()


def build(folder: Path, variant: str) -> None:
    """Make the environment with everything but the tests' packages."""
    check_disk(folder, DISK_GIB[variant])
    clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BEGUN).touch()
    say(f"making {folder} with Python {sys.version.split()[0]} ({variant}), log: {folder / 'install.log'}")
    venv.create(folder, with_pip=True, symlinks=True)
    for lock in lock_files(variant):
        if lock.name == "torch-cpu.txt":
            if not install_cpu_torch(folder, lock):
                say("no CPU build of torch is to be had here: the registry's is taken, with its CUDA libraries")
                check_disk(folder, DISK_GIB["torch-cuda"])
        elif lock.name != "torch-cuda.txt" or takes_cuda_torch(folder):
            install_lock(folder, lock)
    link_libraries(folder / PADDLE_CUDA)


def link_checkout(folder: Path) -> None:
    """Make ``import repro`` and the command ``repro`` of the environment mean this checkout."""
    pip(folder, "install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(CHECKOUT))


def make(folder: Path, variant: str, reason: str, *, test: bool) -> None:
    """Bring the environment to what is asked, doing only what is missing."""
    check_machine()
    version = ".".join(map(str, sys.version_info[:2]))
    wanted = {
        "packages": fingerprint(lock_files(variant), version, variant),
        "checkout": fingerprint([CHECKOUT / "pyproject.toml"], str(CHECKOUT)),
    }
    if test:
        wanted["test"] = fingerprint([LOCKS / "dev.txt"])
    if wanted.items() <= read_stamp(folder).items():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # where this program is killed, pip holds the lock until it is done
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this environment is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = read_stamp(folder)
        if wanted.items() <= stamp.items():
            return
        start = time.monotonic()
        if stamp.get("packages") != wanted["packages"]:
            say(f"variant {variant}: {reason}")
            build(folder, variant)
            stamp = {}
        if test and stamp.get("test") != wanted["test"]:
            check_disk(folder, DISK_GIB["test"])
            install_lock(folder, LOCKS / "dev.txt")
        link_checkout(folder)
        pip(folder, "check")
        write_stamp(folder, {**stamp, **wanted})
        say(f"ready after {time.monotonic() - start:.0f} s")


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("purpose", choices=("run", "test"), help="test: with what tests and checks need")
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--variant", default="auto", help="cpu, gpu or auto")
    options = parser.parse_args()
    try:
        variant, reason = choose_variant(options.variant)
        make(options.venv, variant, reason, test=options.purpose == "test")
    except SetupError as error:
        print(error, file=sys.stderr)
        return EXIT_ENVIRONMENT
    except OSError as error:
        print(f"error: {error}\n  next:  mend this, then run the same command again", file=sys.stderr)
        return EXIT_ENVIRONMENT
    except subprocess.CalledProcessError as error:
        print(f"error: the virtual environment cannot be made: {error}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    except KeyboardInterrupt:
        print("interrupted; the same command starts the set-up again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
