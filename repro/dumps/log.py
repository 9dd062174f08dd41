"""``reprod_log``'s text logs: the verdict and the value that its helper prints for every key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VALUE = re.compile(r"(mean|max|min) diff: check passed: (True|False), value: (\S+)")
_STAMP = re.compile(r"^\[[^\]]*\]\s*")
_LEVEL = re.compile(r"^\S+ (?:DEBUG|INFO|WARNING|ERROR): ")


@dataclass(frozen=True)
class Line:
    """``reprod_log``'s own verdict on one key; ``value`` as it printed it.

    ``measure`` of |a - b| is ``mean``, unless the script asked for ``max`` or ``min`` or for several.
    """

    name: str
    passed: bool
    value: str
    measure: str = "mean"


def messages(log: Iterable[str]) -> list[str]:
    """What was logged: lines without time stamp, logger and level (``[2021/10/22 22:36:47] root INFO: …``)."""
    return [_LEVEL.sub("", _STAMP.sub("", text)) for text in log]


def parse(log: Iterable[str]) -> list[Line]:
    """Keys of a log in their order; lines in another wording are passed over (the last one, ``diff check passed``)."""
    lines: list[Line] = []
    name = ""
    for text in messages(log):
        if match := _VALUE.search(text):
            lines.append(Line(name, match[2] == "True", match[3], match[1]))
        else:
            name = text.strip().removesuffix(":")
    return lines


def means(log: Iterable[str]) -> list[Line]:
    """Lines about mean differences, which is what documents give."""
    return [line for line in parse(log) if line.measure == "mean"]
