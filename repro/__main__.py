"""``python -m repro``."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from repro.cli.main import main as run

UTF8 = "PYTHONUTF8"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command in UTF-8, whatever the locale: in another, file names and published texts could not be written.

    What the terminal cannot show appears as an escape. Where the caller closed an output, nobody reads it.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 until the process ends
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get(UTF8) != "1":
        os.environ[UTF8] = "1"
        os.environ.setdefault("PYTHONIOENCODING", f"{sys.stdout.encoding}:backslashreplace")
        os.execv(sys.executable, sys.orig_argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
