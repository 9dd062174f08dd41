"""A process with little memory that reads foreign files, and how much it used: peak memory and number of calls.

Calls, of Python and of C, measure work without a clock and do not depend on the speed of the machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import cProfile, resource, sys

def calls(work):
    profile = cProfile.Profile(subcalls=False)
    result = profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats()), result

def peak():
    # not ru_maxrss, which a process inherits from the one that started it
    return 1024 * next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

def allow(more):
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
"""


def run_bounded(script: str, *arguments: object, cwd: Path = ROOT) -> tuple[dict[str, Any], str]:
    """Run a script after ``PRELUDE``; returns the JSON of its last line on stderr, and all its output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", PRELUDE + script, *map(str, arguments)]
    ended = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stderr.splitlines()[-1]), ended.stdout + ended.stderr
