"""``reprod_log``'s text logs: the verdict and the value that its helper prints for every key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VALUE = re.compile(r"(?:mean|max|min) diff: check passed: (True|False), value: (\S+)")
_STAMP = re.compile(r"^\[[^\]]*\]\s*")
_LEVEL = re.compile(r"^\S+ (?:DEBUG|INFO|WARNING|ERROR): ")


@dataclass(frozen=True)
class Line:
    """``reprod_log``'s own verdict on one key; ``value`` as it printed it (mean of |a - b|)."""

    name: str
    passed: bool
    value: str


def messages(log: Iterable[str]) -> list[str]:
    """What was logged: lines without time stamp, logger and level (``[2021/10/22 22:36:47] root INFO: …``)."""
    return [_LEVEL.sub("", _STAMP.sub("", text)) for text in log]


def parse(log: Iterable[str]) -> list[Line]:
    """Keys of a log in their order; lines in another wording are passed over (the last one, ``diff check passed``)."""
    lines: list[Line] = []
    name = ""
    for text in messages(log):
        if match := _VALUE.search(text):
            lines.append(Line(name, match[1] == "True", match[2]))
        else:
            name = text.strip().removesuffix(":")
    return lines
