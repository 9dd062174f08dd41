"""The table of all measurements, and the words around it."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.programs.pairs import SIDES, Pairs, Reply
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.machine.cpu import cpu_field
from repro.machine.versions import installed_versions

PREAMBLE = """# Ours against its peers

What a user would write: with `transformers` its Splinter, `squad_convert_examples_to_features`,
`compute_predictions_logits`, `squad_evaluate` and a plain PyTorch loop; with `paddlenlp`, which has no Splinter, its
BERT under a span selection head, its tokeniser, `compute_prediction`, `squad_evaluate` and a plain Paddle loop. Both
programs of a pair get the same texts, weights and batches (windows of 384 tokens, 12 a batch, dropout 0.1, each
framework drawing its masks); the last column says how far they agree. Each runs in a process of its own on one thread,
and they take turns. Ours is called through what the stages call and keeps freed memory, as the trainings of `repro` do.
The peers' AdamW has its default weight decay of 0.01; ours follows the rules of the paper.

Seconds are CPU time (user and system), medians; × is the median of the pairs' ratios, above 1 where ours is faster.
Memory is the peak of the process, imports and weights included.
"""
HEADER = """
| part | framework | ours, s | peer, s | × | ours, MB | peer, MB | agreement |
|---|---|---:|---:|---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Line:
    """One line of the table; seconds and bytes are medians of ``ours`` and ``peer``."""

    title: str
    framework: str
    seconds: tuple[float, float]
    ratio: float
    memory: tuple[float, float]
    agreement: str

    @classmethod
    def of(cls, title: str, framework: str, replies: dict[str, list[Reply]], agreement: str = "") -> "Line":
        """From the replies of both sides, which stand in pairs."""
        ours, peer = ([reply["seconds"] for reply in replies[side]] for side in SIDES)
        ratio = median(theirs / our for our, theirs in zip(ours, peer, strict=True))
        memory = [median(reply["memory"] for reply in replies[side]) for side in SIDES]
        return cls(title, framework, (median(ours), median(peer)), ratio, (memory[0], memory[1]), agreement)

    def __str__(self) -> str:
        seconds = [f"{value:.{3 if value < 1 else 2}f}" for value in self.seconds]
        memory = [f"{value / 1e6:,.0f}" for value in self.memory]
        cells = [self.title, BACKEND_NAMES[self.framework], *seconds, f"**{self.ratio:.2f}**", *memory, self.agreement]
        return f"| {' | '.join(cells)} |"


def loading(measured: Sequence[tuple[str, Pairs]]) -> list[Line]:
    """A line for each framework: importing the program, over the processes of all parts."""
    lines = []
    for framework in dict.fromkeys(name for name, _ in measured):
        loads = {
            side: [load for name, pairs in measured if name == framework for load in pairs.loads[side]]
            for side in SIDES
        }
        lines.append(Line.of("start: import the program", framework, loads))
    return lines


def render(lines: Sequence[Line], *, command: str, about: str) -> str:
    """The page.

    Args:
        command: that measured it.
        about: texts and sizes.
    """
    versions = {name: version for backend in BACKENDS for name, version in installed_versions(backend).items()}
    machine = [cpu_field("model name") or platform.machine(), f"{os.cpu_count()} cores"]
    machine += [f"Python {platform.python_version()}", *(f"{name} {version}" for name, version in versions.items())]
    where = f"\n`{command}` on {', '.join(machine)}; {about}.\n"
    return PREAMBLE + where + HEADER + "".join(f"{line}\n" for line in lines)
