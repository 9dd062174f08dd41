"""What a process asks of the kernel and the C library: to end with its parent, to give memory back; how a fork ends."""

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping

PR_SET_PDEATHSIG = 1
MALLOPT = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}  # M_… of malloc.h
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, its parent, dies (``kill -9`` included).

    To be called in the child, before or after ``exec``; the setting survives ``exec``. Ends at once where the parent
    died before the call.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def set_allocator(variables: Mapping[str, str]) -> None:
    """Apply what glibc reads from the environment only when a process starts."""
    if _LIBC is not None:
        for name, parameter in MALLOPT.items():
            if name in variables:
                _LIBC.mallopt(parameter, int(variables[name]))


@contextlib.contextmanager
def exiting() -> Iterator[None]:
    """End this process, a fork, with the block, as Python does but without tearing down what it has loaded."""
    code = 1
    try:
        yield
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
