"""One program on one part of the work, in a process of its own.

Command:  python -m benchmarks.programs.worker SIDE FRAMEWORK PART ARGUMENT MATERIAL
Reads:    from stdin a line for every repetition.
Writes:   to stdout one JSON line once everything is imported, one once it is prepared, and one a repetition:
          ``seconds`` of CPU time, ``memory`` in bytes, and with a repetition its ``items`` and ``numbers``.
          What the libraries print goes to stderr.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.programs.material import Material
from benchmarks.programs.protocol import Program
from repro.machine.memory import peak_memory


def cpu_seconds() -> float:
    """CPU time of this process since it began, and of its children that have ended; user and system."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def memory() -> int:
    """Peak resident memory of this process or of a child, in bytes, whichever is higher."""
    return max(peak_memory(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)


def program(side: str, framework: str, material: Material) -> Program:
    """The program of one side; only its framework is imported."""
    if side == "ours":
        from benchmarks.programs.ours import Ours

        return Ours(material, framework)
    if framework == "pytorch":
        from benchmarks.programs.with_transformers import WithTransformers

        return WithTransformers(material, framework)
    from benchmarks.programs.with_paddlenlp import WithPaddlenlp

    return WithPaddlenlp(material, framework)


def main(side: str, framework: str, part: str, argument: str, material_file: str) -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(seconds: float, **more: Any) -> None:
        print(json.dumps({"seconds": seconds, "memory": memory(), **more}), file=replies, flush=True)

    material = Material.read(Path(material_file))
    this = program(side, framework, material)
    reply(cpu_seconds())
    from benchmarks.programs.parts import PARTS, WHOLE

    work = PARTS[part](this, material, argument)
    reply(cpu_seconds())
    for _ in sys.stdin:
        start = 0.0 if part in WHOLE else cpu_seconds()
        result = work.run()
        reply(cpu_seconds() - start, **work.outcome(result)._asdict())


if __name__ == "__main__":
    main(*sys.argv[1:])
