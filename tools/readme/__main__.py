"""``python -m tools.readme RUN...``: take the figures of these runs into ``docs/claims.json`` and both READMEs.

RUN is a run directory or the output of ``repro audit``; runs of other profiles keep the figures that they have.
"""

import argparse
import sys
from pathlib import Path

from repro.config.paths import atomic_json, atomic_text, read_json
from repro.errors import ReproError
from tools.readme import CLAIMS, READMES
from tools.readme.excerpt import excerpt
from tools.readme.table import replaced, table


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.readme", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="finished run, or folder of an audit")
    arguments = parser.parse_args()
    excerpts = read_json(CLAIMS) if CLAIMS.is_file() else {}
    try:
        excerpts.update(map(excerpt, arguments.runs))
        tables = {path: table(excerpts, template) for path, template in READMES.items()}
    except ReproError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    atomic_json(CLAIMS, excerpts)
    for path, lines in tables.items():
        atomic_text(path, replaced(path.read_text(encoding="utf-8"), lines))
    print(f"figures of {', '.join(excerpts)}: {CLAIMS.name}, {', '.join(path.name for path in READMES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
