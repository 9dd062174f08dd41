"""The self-test: faults planted in the real frameworks, to show what the steps see, and that they see nothing else."""

from __future__ import annotations

from repro.selftest.capture import capture_all
from repro.selftest.faults import NAMES
from repro.selftest.layout import CLEAN, SelftestPaths
from repro.selftest.summary import conclude

__all__ = ["CLEAN", "NAMES", "SelftestPaths", "capture_all", "conclude"]
