"""What the preloaded processes of a test fork: ends as the name of its stage says, and tells what it finds."""

import ctypes
import os
import signal
import sys

import numpy as np

BLOCK = 8 << 20


class MallInfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd".split() + list("abcde")]


def is_mapped() -> bool:
    """Whether the C library maps a large block apart, which it can give back at once."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype, libc.malloc.restype = MallInfo, ctypes.c_void_p
    before = libc.mallinfo2().hblks
    libc.malloc(ctypes.c_size_t(BLOCK))
    return bool(libc.mallinfo2().hblks > before)


def main(kind: str) -> None:
    print(*sys.argv[1:])
    print(os.getpid(), sys.stdin.read() or "no input", os.environ["OMP_NUM_THREADS"], is_mapped(), np.random.random())
    print("to stderr", file=sys.stderr)
    if kind == "parent":
        if not (child := os.fork()):
            signal.pause()
        print(child)
    if kind == "raise":
        raise RuntimeError("odd")
    if kind == "text":
        sys.exit("the reason")
    if kind == "three":
        sys.exit(3)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGSEGV)


if __name__ == "__main__":
    main(sys.argv[1])
