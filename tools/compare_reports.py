"""Compare two reports number by number, verdict by verdict, table cell by table cell; wording may differ.

Every number, truth value, verdict, name and hash must be the same, digit for digit. Of a text only the numbers in it
count. Of the block `run`, which holds machine and times, only settings and inputs are compared.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from repro.results import ClaimVerdict, NumberVerdict, Outcome, Status

Json = Any  # of a report of any version, so of no type
SHOWN = 40
LITERALS = {word for words in (ClaimVerdict, NumberVerdict, Outcome, Status) for word in get_args(words)}
EXACT = {"id", "name", "kind", "level", "dtype", "documented", "sha256", "sha256_a", "sha256_b", "backend", "init"}
# keys of a provenance that change with the code; where something lies; how it is made again
LEFT_OUT = {"fingerprint", "sources", "schema", "path", "directory", "command"}
RENAMED = {"[signs]": "[projection]"}
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def numbers_in(text: str) -> list[str]:
    """The numbers of a text. Digits of a word such as float64 are none, nor is the 1 of 1 ulp, long or short."""
    return NUMBER.findall(re.sub(r"\b1 (ulp|units? in the last place)", "", text))


def current(text: str) -> str:
    """A name as it reads today."""
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return text


def holds(value: object) -> bool:
    """Whether there is anything in a JSON value that could be compared."""
    if isinstance(value, dict):
        return any(map(holds, value.values()))
    return any(map(holds, value)) if isinstance(value, list) else value is not None


def _by_name(value: list[Json]) -> dict[str, Json] | None:
    """Records by their name; None for any other list."""
    if not value or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
        return None
    named = {current(item["name"]): item for item in value}
    return named if len(named) == len(value) else None


class Comparison:
    """What was compared, and every difference with its path."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.differences: list[str] = []

    def compare(self, left: Json, right: Json, where: str, key: str = "") -> None:
        """Compare two JSON values."""
        if isinstance(left, dict) and isinstance(right, dict):
            self._objects(left, right, where)
        elif isinstance(left, list) and isinstance(right, list):
            self._lists(left, right, where, key)
        elif isinstance(left, str) and isinstance(right, str):
            self._texts(left, right, where, key)
        elif holds(left) or holds(right):
            kind = "truth values" if isinstance(left, bool) else "numbers"
            self._same(kind, json.dumps(left), json.dumps(right), where)

    def _same(self, kind: str, left: str, right: str, where: str) -> None:
        self.counts[kind] += 1
        if left != right:
            self.differences.append(f"{where}: {str(left)[:200]} and {str(right)[:200]}")

    def _objects(self, left: dict[str, Json], right: dict[str, Json], where: str) -> None:
        one, other = ({current(key): value for key, value in side.items()} for side in (left, right))
        for key in sorted((one.keys() | other.keys()) - LEFT_OUT):
            if ".provenance" in where and key == "inputs":
                continue
            if key in one and key in other:
                self.compare(one[key], other[key], f"{where}.{key}", key)
            elif holds(one.get(key, other.get(key))):
                self.differences.append(f"{where}.{key}: only in the {'first' if key in one else 'second'}")

    def _lists(self, left: list[Json], right: list[Json], where: str, key: str) -> None:
        if (one := _by_name(left)) and (other := _by_name(right)):
            self._objects(one, other, where)
        elif len(left) != len(right):
            self.differences.append(f"{where}: {len(left)} and {len(right)} entries")
        else:
            for number, (first, second) in enumerate(zip(left, right, strict=True)):
                self.compare(first, second, f"{where}[{number}]", key)

    def _texts(self, left: str, right: str, where: str, key: str) -> None:
        if left in LITERALS or right in LITERALS:
            self._same("verdicts and statuses", left, right, where)
        elif key in EXACT:
            self._same("names and hashes", current(left), current(right), where)
        else:
            one, other = numbers_in(left), numbers_in(right)
            self.counts["numbers in texts"] += len(one)
            self._same("texts", " ".join(one), " ".join(other), where)


def parts(report: dict[str, Json], steps: set[int] | None) -> dict[str, Json]:
    """What of a report is compared; of these steps alone, if any are named."""
    if steps is None:
        return {**report, "run": {name: report["run"].get(name) for name in ("settings", "inputs")}}
    kept = {name: [item for item in report[name] if item["step"] in steps] for name in ("claims", "steps", "findings")}
    return {**kept, "training": report["training"] if 11 in steps else []}


def compare(left: dict[str, Json], right: dict[str, Json], steps: set[int] | None = None) -> Comparison:
    """Compare two reports, of these steps alone if any are named."""
    comparison = Comparison()
    comparison.compare(parts(left, steps), parts(right, steps), "")
    return comparison


def read(path: Path) -> dict[str, Json]:
    """The report at a path, or of the run at a path."""
    content: dict[str, Json] = json.loads((path / "report.json" if path.is_dir() else path).read_text(encoding="utf-8"))
    return content


def numbers(text: str) -> set[int]:
    """``1-3,8`` -> {1, 2, 3, 8}."""
    ranges = [part.partition("-") for part in text.split(",")]
    return {number for first, _, last in ranges for number in range(int(first), int(last or first) + 1)}


def lines(comparison: Comparison) -> Iterator[str]:
    """What was compared, the first differences and how many there are."""
    yield f"compared: {', '.join(f'{count} {kind}' for kind, count in sorted(comparison.counts.items()))}"
    yield from comparison.differences[:SHOWN]
    yield f"{len(comparison.differences)} differences" if comparison.differences else "same numbers, same verdicts"


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reports", type=Path, nargs=2, metavar="RUN", help="run directory or report.json")
    parser.add_argument("--steps", type=numbers, metavar="LIST", help="only these, as 1-3,8")
    arguments = parser.parse_args()
    left, right = map(read, arguments.reports)
    comparison = compare(left, right, arguments.steps)
    print("\n".join(lines(comparison)))
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
