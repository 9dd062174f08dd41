"""How many random cases a test draws: few in the suite, as many as REPRO_MUTATIONS says where somebody has time."""

import os


def draws(usual: int) -> int:
    """``REPRO_MUTATIONS``, or this many."""
    return int(os.environ.get("REPRO_MUTATIONS", usual))
