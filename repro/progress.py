"""Progress of long work: a bar on a terminal, lines with the time left in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LOG_SECONDS = 10.0


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
            last = now
