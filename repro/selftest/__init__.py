"""The self-test: faults planted in the real frameworks, to show what the steps see, and that they see nothing else.

A capture always does its work; the workflow decides what is finished.
"""

from repro.selftest.capture import capture_clean, capture_fault
from repro.selftest.faults import FAULT_NAMES, FAULTS
from repro.selftest.paths import COMPARED, SelftestPaths
from repro.selftest.prepare import prepare_clean

__all__ = ["COMPARED", "FAULTS", "FAULT_NAMES", "SelftestPaths", "capture_clean", "capture_fault", "prepare_clean"]
