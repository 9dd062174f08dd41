"""What audits say about a folder of cases: ``python -m tests.audit.cases CASES [CHECKOUT ...]``.

``CASES/EXPECTED.md`` has a table: folder, what is in it, what an audit has to say. Every checkout of this project, by
default this one, audits every case; a table with a column for each is printed.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.audit.reproduction import table

HERE = Path(__file__).parents[2]


def expected(cases: Path) -> Iterator[tuple[str, str]]:
    """(folder of a case, what has to be said) of every row; ``name/*`` stands for all folders in it."""
    for line in (cases / "EXPECTED.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`"):
            for path in sorted(cases.glob(cells[0].strip("`"))):
                yield str(path.relative_to(cases)), cells[2]


def said(checkout: Path, case: Path) -> str:
    """Pairs, kinds of findings with their counts, and the exit code of an audit."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "repro", "audit", str(case), "--out", out]
        code = subprocess.run(command, cwd=checkout, capture_output=True, check=False).returncode
        path = Path(out) / "audit.json"
        if not path.exists():
            return f"no report, exit code {code}"
        report = json.loads(path.read_text())
    kinds = Counter(f"{item['level']}: {item['kind']}" for item in report["findings"])
    parts = [f"{len(report['checks'])} pairs", *(f"{kind} ({count})" for kind, count in sorted(kinds.items()))]
    return f"{'; '.join(parts)}; exit code {code}"


def main(cases: Path, checkouts: list[Path]) -> int:
    """Print the table."""
    rows = [[f"`{name}`", text, *(said(path, cases / name) for path in checkouts)] for name, text in expected(cases)]
    print(table([["case", "expected", *(path.name for path in checkouts)], *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), [Path(path).resolve() for path in sys.argv[2:]] or [HERE]))
