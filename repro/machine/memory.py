"""Memory of this process and of the machine, as Linux reports it."""

import os
from pathlib import Path

from repro.machine import cgroup

_PROCESS = Path("/proc/self")


def peak_memory() -> int:
    """Peak resident memory in bytes since the process began or ``forget_peak``; 0 if the kernel does not report it."""
    try:
        lines = (_PROCESS / "status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def forget_peak() -> None:
    """Start a new peak from the present memory; if the kernel does not allow it, the old peak stays."""
    try:
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def memory_limit() -> int:
    """Bytes of memory that this process may use: the machine's, or a control group's limit if that is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(total, cgroup.memory_limit() or total)
