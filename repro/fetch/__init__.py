"""Fetching for the audit and the paper profile: pinned revisions, verified bytes, resumed transfers."""

from repro.fetch.download import Fetched, fetch, fetch_evidence, fetch_tree
from repro.fetch.pins import EVIDENCE, FEW_SHOT, PUBLISHED_TOKENIZER, WEIGHTS, Pin
from repro.fetch.verify import cache_dir, git_blob_id, verify

__all__ = [
    "EVIDENCE",
    "FEW_SHOT",
    "PUBLISHED_TOKENIZER",
    "WEIGHTS",
    "Fetched",
    "Pin",
    "cache_dir",
    "fetch",
    "fetch_evidence",
    "fetch_tree",
    "git_blob_id",
    "verify",
]
