"""Check that two runs report the same: every verdict and every digit outside the block `run`. Called by .ci/run.

Fingerprints are left out: they cover the bytes of intermediate archives, which another patch version of Python packs
differently. The sha256 of the dumps made from them are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repro.paths import RunPaths

SHOWN = 20
LEFT_OUT = {"fingerprint"}


def differences(left: Any, right: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ. Numbers must have the same digits, so 1 is not 1.0, and NaN is NaN."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted((left.keys() | right.keys()) - LEFT_OUT):
            if key not in left or key not in right:
                yield f"{where}.{key}: only in the {'first' if key in left else 'second'}"
            else:
                yield from differences(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif json.dumps(left) != json.dumps(right):
        yield f"{where}: {json.dumps(left)[:200]} and {json.dumps(right)[:200]}"


def read(run: Path) -> dict[str, Any]:
    """A run's report without what two runs do not share: directory, machine, durations."""
    report: dict[str, Any] = json.loads(RunPaths(run).report_json.read_text(encoding="utf-8"))
    del report["run"]
    return report


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs=2, metavar="RUN")
    first, second = map(read, parser.parse_args().runs)
    found = list(differences(first, second))
    for line in found[:SHOWN]:
        print(line)
    print(f"{len(found)} differences" if found else f"same verdicts, same digits: {len(first['claims'])} claims")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
