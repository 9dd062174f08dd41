"""A process per framework that has loaded it, and forks of it that run scripts: loading takes seconds, a fork none.

It stays until the tests end. Files that use it (``run_in``) go to one process of ``pytest -n``: see ``conftest.py``.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback

from repro.config.paths import PROJECT

VARIABLES = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}


SERVERS: dict[str, subprocess.Popen[str]] = {}


def _start(backend: str) -> subprocess.Popen[str]:
    """The process; it ends when its input does, with this one at the latest."""
    command, pipe = [sys.executable, "-m", "tests.frameworks", backend], subprocess.PIPE
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), **VARIABLES}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT, env=variables)


def run_in(backend: str, script: str, *arguments: object) -> str:
    """Run a script with these arguments in a process of its own that has loaded a backend; returns what it printed."""
    if backend not in SERVERS:
        SERVERS[backend] = _start(backend)
    server = SERVERS[backend]
    assert server.stdin and server.stdout
    with tempfile.NamedTemporaryFile("r", errors="replace") as output:
        print(json.dumps([output.name, script, *map(str, arguments)]), file=server.stdin, flush=True)
        code = server.stdout.readline().strip()
        printed = output.read()
    assert code == "0", f"exit code {code}: {printed[-6000:]}"
    return printed


def end() -> None:
    """End these processes."""
    for server in SERVERS.values():
        server.communicate()
    SERVERS.clear()


def _become(output: str, script: str, *arguments: str) -> None:
    """Run the script in this fork as ``python -c`` does, and end."""
    code = 1
    try:
        file = os.open(output, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        sys.stdin.close()
        sys.argv = ["-c", *arguments]
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
        code = 0
    except BaseException:
        sys.stdout.flush()
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def main(backend: str) -> None:
    """Load the backend, then fork for every line of the input: a file for the output, a script, its arguments."""
    from repro.backends import load

    load(backend)
    while line := sys.stdin.readline():
        if not (child := os.fork()):
            _become(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
