"""What Snakemake starts for a job that a preloaded process can do.

``python -S -m repro.workflow.ask SOCKET NAME PARENT`` asks that process and waits for the exit code. Where there is
none, or it ends before the job, this one becomes the wrapper that does the job from scratch (``repro.workflow.job``).
Every job starts one of these, so it imports little, and nothing that is installed.
"""

import os
import socket
import sys

from repro.workflow.process import die_with


def ask(address: str, name: str) -> int | None:
    """Have a preloaded process do a job, with this process's output as its own.

    Returns:
        the exit code of ``repro.workflow.job.work``; None where nobody has done the job to its end.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(address)
            socket.send_fds(connection, [name.encode()], [1, 2])
            answer = connection.recv(16)
    except OSError:
        return None
    return int(answer) if answer else None


if __name__ == "__main__":
    address, *arguments = sys.argv[1:]
    die_with(int(arguments[1]))
    if (code := ask(address, arguments[0])) is None:
        os.execv(sys.executable, [sys.executable, "-m", "repro.workflow.job", *arguments])
    sys.exit(code)
