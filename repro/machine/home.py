"""A home folder and a name for users who have none, as containers and batch systems run them. Standard library only."""

import os
import pwd
from pathlib import Path


def _has_entry() -> bool:
    try:
        return bool(pwd.getpwuid(os.getuid()))
    except KeyError:
        return False


def home() -> Path | None:
    """The user's home folder; None where nothing names one."""
    name = os.environ.get("HOME") or (pwd.getpwuid(os.getuid()).pw_dir if _has_entry() else "")
    return Path(name) if name else None


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is not there yet."""
    nearest = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def missing_variables(scratch: Path) -> dict[str, str]:
    """What the environment lacks for programs that look up who runs them and where their caches go.

    Without a home folder they would make one called ``~`` in the working directory, or stop.

    Args:
        scratch: folder that takes the place of the home folder, and of the caches, where those cannot be written.
    """
    variables = {}
    if not _has_entry() and not {"LOGNAME", "USER", "LNAME", "USERNAME"} & set(os.environ):
        variables["USER"] = str(os.getuid())
    folder = home()
    if folder is None or not _is_writable(folder):
        folder, variables["HOME"] = scratch, str(scratch)
    cache = os.environ.get("XDG_CACHE_HOME")
    if not _is_writable(Path(cache) if cache else folder / ".cache"):
        variables["XDG_CACHE_HOME"] = str(scratch)
    return variables
