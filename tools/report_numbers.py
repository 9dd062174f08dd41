"""Check that every number of one report is in another one, as Markdown or HTML; prints those that are not."""

import argparse
import re
import sys
from pathlib import Path

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
RUN = re.compile(r"<!-- run: only here may two runs differ -->.*<!-- /run -->", re.DOTALL)


def numbers(text: str) -> dict[str, str]:
    """Numbers of a report, each with the first line that holds it; without the block of times."""
    lines = RUN.sub("", text).splitlines()
    return {number: line for line in reversed(lines) for number in NUMBER.findall(re.sub(r"[\\*]|<[^>]*>", " ", line))}


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    old, new = (numbers(path.read_text(encoding="utf-8")) for path in (options.old, options.new))
    missing = {number: line for number, line in old.items() if number not in new}
    for number, line in missing.items():
        print(f"{number}: {line[:160]}")
    print(f"{len(old) - len(missing)} of {len(old)} numbers of {options.old} are in {options.new}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
