"""Make or reuse the virtual environment: pinned, hash-checked packages. Called by setup_env.sh, standard library only.

pip does the work, and the lock files are complete, so it resolves nothing (a fresh machine has no uv). By hand: which
lock files this machine needs, and ``FOLDER.lock`` beside the environment, which lists the finished parts. A part is
crossed out before it is touched and listed again once ``pip check`` passes, so an interrupted or failed installation
is never taken for a finished one.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
from repro.machine.devices import faults, nvidia_gpus  # noqa: E402  needs the checkout on the path
from repro.machine.home import missing_variables  # noqa: E402

LOCKS = CHECKOUT / "requirements"
VARIANTS = {"cpu": "build torch-cpu runtime torch-cuda".split(), "gpu": "build gpu paddle-cuda".split()}
DISK_GIB = {"cpu": 4, "gpu": 16}  # a finished environment and room for the largest wheel
CAUSES = {  # words in pip's output -> what they mean
    "No space left": "the disk is full: free some space, or set REPRO_VENV and TMPDIR to folders on another disk",
    "NOT MATCH THE HASHES": "a package is not the locked one: check `pip config list`, retry with PIP_NO_CACHE_DIR=1",
    "connection broken": "the package registry cannot be reached: check network, proxy and `pip config list`",
    "": "the installation failed: read the log, then run the same command again",
}


class SetupError(Exception):
    """What is wrong and what to do about it; printed without a traceback."""


def say(text: str) -> None:
    """Print one line about what is being done."""
    print(f"set-up: {text}", flush=True)


def choose_variant(request: str) -> tuple[str, str]:
    """``cpu`` or ``gpu``, and why; ``auto`` takes ``gpu`` where both frameworks support a GPU of this machine."""
    if request in VARIANTS:
        return request, "as requested"
    if request != "auto":
        raise SetupError(f"no variant {request!r}: set REPRO_VARIANT to cpu or gpu, or leave it out")
    gpus, problem = nvidia_gpus()
    if any(not faults(gpu) for gpu in gpus):
        return "gpu", "both frameworks support an NVIDIA GPU of this machine"
    return "cpu", problem or (f"{gpus[0].name}: {faults(gpus[0])[0]}" if gpus else "no NVIDIA GPU")


def pip(folder: Path, *arguments: str) -> None:
    """Run the environment's pip: its output goes to a log, every 20th package is reported. Raises SetupError."""
    command = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", **missing_variables(folder / ".cache")}
    path, lines, packages = folder / "install.log", [""], 0
    with path.open("a") as log, subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", close_fds=False,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            lines.append(line)
            log.write(line)
            if line.startswith(("Collecting ", "Processing ")):
                packages += 1
                if packages % 20 == 0:
                    say(f"  {packages} packages")
    if process.returncode:
        cause = next(cause for words, cause in CAUSES.items() if any(words in line for line in lines))
        raise SetupError(f"{cause}\n  log: {path}, which ends:\n    {'    '.join(lines[-5:])}")


def install(folder: Path, lock: str, *options: str) -> None:
    """Install exactly what a lock file lists."""
    say(f"installing requirements/{lock}.txt")
    pip(
        folder, "install", "--no-deps", "--require-hashes", "--no-build-isolation", "--progress-bar=off",
        f"--requirement={LOCKS / lock}.txt", *options,
    )  # fmt: skip


def install_packages(folder: Path, variant: str) -> None:
    """Make a new environment with everything that ``repro`` needs."""
    say(f"making {folder} with Python {platform.python_version()}, log: {folder}/install.log")
    venv.create(folder, clear=True, with_pip=True, symlinks=True)
    install(folder, "build")
    if variant == "gpu":
        install(folder, "gpu")
        paddle_cuda = folder / "paddle-cuda"  # apart, or PyTorch would load it: see requirements/paddle-cuda.in
        install(folder, "paddle-cuda", f"--target={paddle_cuda}")
        for library in paddle_cuda.glob("nvidia/*/lib/lib*.so.*"):  # Paddle opens libcudnn.so; there is libcudnn.so.8
            library.with_name(f"{library.name.partition('.so.')[0]}.so").symlink_to(library.name)
        return
    locks = ["runtime"]
    try:
        install(folder, "torch-cpu")  # in no registry, but pip finds it on some machines
    except SetupError:
        say("no CPU build of torch is available: taking the registry's, with its CUDA libraries (8 GiB)")
        locks.append("torch-cuda")
    for lock in locks:
        install(folder, lock)


def finished_parts(folder: Path, state: Path) -> dict[str, str]:
    """Part of the environment -> fingerprint of what it was made from."""
    try:
        return dict(json.loads(state.read_text())) if (folder / "bin/python").exists() else {}
    except (FileNotFoundError, ValueError):
        return {}


def fingerprint(locks: list[str], *words: str) -> str:
    """sha256 over lock files and words."""
    contents = [*((LOCKS / f"{lock}.txt").read_text() for lock in locks), *words]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def make(folder: Path, request: str, *, test: bool) -> None:
    """Bring the environment up to date, doing only what is missing. All checks come before the first change."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SetupError("Paddle 2.6.2 has wheels for Linux on x86-64 only: use such a machine or container")
    variant, reason = choose_variant(request)
    wanted = {"packages": fingerprint(VARIANTS[variant], sys.version[:4])}
    wanted |= {"test": fingerprint(["dev"])} if test else {}
    wanted["checkout"] = fingerprint([], str(CHECKOUT), (CHECKOUT / "pyproject.toml").read_text())
    state = folder.with_name(f"{folder.name}.lock")
    if wanted.items() <= finished_parts(folder, state).items():
        return
    if folder.exists() and any(folder.iterdir()) and not state.exists():
        raise SetupError(f"{folder} was not made by this set-up: move it away, or set REPRO_VENV to another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with state.open("a") as lock:
        os.set_inheritable(lock.fileno(), True)  # if this program is killed, pip holds the lock until it ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this environment")
            fcntl.flock(lock, fcntl.LOCK_EX)
        finished = finished_parts(folder, state)
        if finished.get("packages") != wanted["packages"]:
            free = shutil.disk_usage(folder.parent).free / 2**30
            if free < DISK_GIB[variant]:
                raise SetupError(f"{DISK_GIB[variant]} GiB of disk are needed, {free:.1f} are free: set REPRO_VENV")
            say(f"variant {variant}: {reason}")
            finished = {}
        missing = {part: content for part, content in wanted.items() if finished.get(part) != content}
        if [*missing] == ["checkout"]:
            pip(folder, "check")  # before the change: a damaged environment stays with the checkout that it has
        for part, content in missing.items():
            state.write_text(json.dumps({**finished, part: ""}))
            if part == "checkout":
                pip(folder, "install", "--no-deps", "--no-build-isolation", "--no-index", f"--editable={CHECKOUT}")
            else:
                install_packages(folder, variant) if part == "packages" else install(folder, "dev")
                pip(folder, "check")
            finished[part] = content
            state.write_text(json.dumps(finished))


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("purpose", choices=("run", "test"), help="test: with what tests and checks need")
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--variant", default="auto", help="cpu, gpu or auto")
    options = parser.parse_args()
    try:
        make(options.venv, options.variant, test=options.purpose == "test")
    except (SetupError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; the same command starts the set-up again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
