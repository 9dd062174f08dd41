"""Fetching for the audit and the paper profile: pinned revisions, verified bytes, resumed transfers."""

from repro.fetch.download import fetch, fetch_cached, fetch_evidence
from repro.fetch.pins import EVIDENCE, FEW_SHOT, WEIGHTS

__all__ = ["EVIDENCE", "FEW_SHOT", "WEIGHTS", "fetch", "fetch_cached", "fetch_evidence"]
