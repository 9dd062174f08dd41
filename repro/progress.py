"""Progress of long work: a bar on a terminal, lines with the time left in a log."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LOG_SECONDS = 10.0
_listener: ContextVar[Callable[[float], object] | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener: Callable[[float], object]) -> Iterator[None]:
    """Within the block every ``track`` also tells ``listener`` how many seconds it expects to take from now on."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def clock(seconds: float) -> str:
    """``75`` -> ``1:15``; ``3700`` -> ``1:01:40``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def track(
    items: Iterable[Item], *, total: int, title: str, stream: TextIO | None = None, every: float = LOG_SECONDS
) -> Iterator[Item]:
    """Yield ``items`` and show progress on ``stream`` (default: stderr), in a log once in ``every`` seconds."""
    out = stream or sys.stderr
    if out.isatty():
        yield from tqdm(items, total=total, desc=title, file=out)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= every or done == total:
            left = (now - start) / done * (total - done)
            print(f"{title}: {done} of {total}, {clock(now - start)} so far, {clock(left)} left", file=out, flush=True)
            if (listener := _listener.get()) and left:
                listener(left)
            last = now
