"""Kills, clocks and a full disk: ``python -m tests.workflow.endurance FOLDER [--kills N]``, by hand, some minutes long.

A real run is killed again and again at a random moment, the whole process group or the main process alone, with a clock
that is a minute early, late or right (``faketime``). Then another one meets a full disk at three moments (root may
mount a small file system). Both are brought to their end and have to give the digits of an uninterrupted run.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from repro.config.paths import PROJECT
from tests.workflow.observer import assert_none_survives

RUN = [sys.executable, "-m", "repro", "all", "--steps", "1-8,11", "--sizes", "16", "--seeds", "42,43"]
RUN += ["--set", "selftest.faults=none", "--out"]
CLOCKS: tuple[list[str], ...] = ([], ["faketime", "-f", "+60s"], ["faketime", "-f", "-60s"])
DISK_KIB = (3_000, 20_000, 60_000)


def start(out: Path, clock: list[str], log: Path) -> subprocess.Popen[bytes]:
    """The run, in a process group of its own."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [*clock, *RUN, str(out)],
            cwd=PROJECT,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def finish(out: Path, log: Path) -> None:
    """Bring a run to its end."""
    code = start(out, [], log).wait()
    assert code in (0, 1), f"exit code {code}, see {log}"


def main_process(group: int) -> int:
    """The program itself, below ``faketime`` where that has started it."""
    children = Path(f"/proc/{group}/task/{group}/children").read_text().split()
    command = Path(f"/proc/{group}/cmdline").read_bytes()
    return int(children[0]) if command.startswith(b"faketime") and children else group


def killed(out: Path, log: Path, kills: int, rng: random.Random) -> int:
    """How many times a run was killed before it came to its end."""
    for number in range(kills):
        process = start(out, CLOCKS[number % 3] if shutil.which("faketime") else [], log)
        try:
            process.wait(rng.uniform(0.3, 6.0))
            return number
        except subprocess.TimeoutExpired:
            alone = bool(rng.randrange(2))
            os.kill(main_process(process.pid), signal.SIGKILL) if alone else os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.2)
        assert_none_survives(out)
    return kills


def full_disk(out: Path, log: Path) -> list[int]:
    """Exit codes of a run on a disk that is too small, three times, and larger each time."""
    out.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB[0]}k", "none", str(out)], check=True)
    codes = []
    for size in DISK_KIB:
        subprocess.run(["mount", "-o", f"remount,size={size}k", str(out)], check=True)
        codes.append(start(out, [], log).wait())
    subprocess.run(["mount", "-o", "remount,size=1g", str(out)], check=True)
    return codes


def main() -> int:
    """0 where every run gives the same digits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    folder, log = options.folder.resolve(), options.folder.resolve() / "log.txt"
    folder.mkdir(parents=True, exist_ok=True)
    finish(folder / "whole", log)
    rng, kills = random.Random(0), 0
    for number in range(100):
        if kills >= options.kills:
            break
        kills += killed(folder / f"killed-{number}", log, options.kills - kills, rng)
        finish(folder / f"killed-{number}", log)
    print(f"{kills} kills")
    compared = sorted(folder.glob("killed-*"))
    if os.geteuid() == 0:
        print(f"exit codes on a full disk: {full_disk(folder / 'full', log)}")
        finish(folder / "full", log)
        compared.append(folder / "full")
    compare = [sys.executable, "-m", "repro", "diff", str(folder / "whole")]
    return max(subprocess.run([*compare, str(run)], cwd=PROJECT).returncode for run in compared)


if __name__ == "__main__":
    sys.exit(main())
