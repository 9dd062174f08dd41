"""``repro audit``: published evidence judged by itself, in seconds, without a framework."""

from __future__ import annotations

import argparse
from pathlib import Path


def audit(arguments: argparse.Namespace) -> None:
    """``repro audit [DIR] [--notes FILE]``."""
    from repro.audit import audit as run_audit
    from repro.audit.render import terminal, write

    folder = arguments.folder
    if folder is None:
        from repro.fetch import fetch_evidence

        folder = fetch_evidence(arguments.mirror)
    out = (arguments.out or Path("runs") / "audit").expanduser().resolve()
    found = run_audit(folder.expanduser(), arguments.notes, own=out)
    print(terminal(found))
    print(f"audit: {write(found, out)}")
