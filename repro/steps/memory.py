"""How much memory this process has held at most, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

_PROCESS = Path("/proc/self")


def peak_memory() -> int:
    """Bytes held at most since the process began or ``forget_peak``; 0 where the kernel does not tell."""
    try:
        lines = (_PROCESS / "status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def forget_peak() -> None:
    """Begin to measure anew from what is held now; where the kernel does not allow it, peaks are of all until then."""
    try:
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return
