"""Two reports side by side: what differed before they ran, which verdicts changed, which numbers moved.

Numbers count digit for digit. Of prose only the numbers in it count, so that two versions may word it differently.
"""

from repro.report.diff.compare import ReportDiff, compare
from repro.report.diff.leaves import read
from repro.report.diff.text import lines

__all__ = ["ReportDiff", "compare", "lines", "read"]
