"""Limits of the control groups that this process is in: its own and every one above it, of which the smallest counts.

Standard library only. Linux has two versions, often side by side: version 1 with a tree for each controller, version 2
with one for all (Linux, ``Documentation/admin-guide/cgroup-v2.rst`` and ``cgroup-v1/``).
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self")
UNLIMITED = 1 << 60  # version 1 writes the largest multiple of a page in place of "max"


def _mounts(proc: Path) -> dict[str, list[tuple[PurePosixPath, Path]]]:
    """Controller (``""`` for version 2) -> (folder of the tree that is mounted, where), from ``mountinfo``."""
    mounts: dict[str, list[tuple[PurePosixPath, Path]]] = {}
    for line in (proc / "mountinfo").read_text(errors="replace").splitlines():
        fields, _, kind = line.partition(" - ")
        root, point = (re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), text) for text in fields.split()[3:5])
        filesystem, _, options = kind.split()[:3]
        controllers = {"cgroup": options.split(","), "cgroup2": [""]}.get(filesystem, [])
        for controller in controllers:
            mounts.setdefault(controller, []).append((PurePosixPath(root), Path(point)))
    return mounts


def _groups(controller: str, proc: Path) -> Iterator[Path]:
    """Folders of this process's control groups, from its own upwards as far as they are mounted."""
    mounts = _mounts(proc)
    for line in (proc / "cgroup").read_text(errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(",") and controllers:
            continue
        for root, point in mounts.get(controller if controllers else "", []):
            # a container may see its own group as the root of the mount, under the name that the host gave it
            inside = PurePosixPath(path).relative_to(root) if PurePosixPath(path).is_relative_to(root) else None
            folder = point / inside if inside is not None else point
            yield folder
            yield from (above for above in folder.parents if above.is_relative_to(point))


def _numbers(folder: Path, name: str) -> list[int]:
    """The whole numbers in a file of a group; empty where it is missing, unreadable, or says ``max``."""
    try:
        words = (folder / name).read_text().split()
    except OSError:
        return []
    return [int(word) for word in words if word.lstrip("-").isdecimal()] if "max" not in words else []


def memory_limit(proc: Path = PROC) -> int | None:
    """Bytes that the control groups allow this process; None where they set no limit, or the system has none."""
    try:
        limits = [
            limit
            for folder in _groups("memory", proc)
            for name in ("memory.max", "memory.limit_in_bytes")
            for limit in _numbers(folder, name)
        ]
    except (OSError, ValueError):
        return None
    return min((limit for limit in limits if limit < UNLIMITED), default=None)


def cpu_limit(proc: Path = PROC) -> float | None:
    """Cores' worth of time that the control groups allow this process: 0.5 is half of one core; None: no limit."""
    shares = []
    try:
        for folder in _groups("cpu", proc):
            pairs = [_numbers(folder, "cpu.max")]
            pairs += [_numbers(folder, "cpu.cfs_quota_us") + _numbers(folder, "cpu.cfs_period_us")]
            shares += [pair[0] / pair[1] for pair in pairs if len(pair) == 2 and min(pair) > 0]
    except (OSError, ValueError):
        return None
    return min(shares, default=None)
