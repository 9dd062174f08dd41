"""Fetching for the paper profile: pinned revisions, verified bytes, resumed transfers."""

from repro.fetch.download import Fetched, fetch
from repro.fetch.pins import FEW_SHOT, PUBLISHED_TOKENIZER, WEIGHTS, Pin
from repro.fetch.verify import cache_dir, git_blob_id, verify

__all__ = [
    "FEW_SHOT",
    "PUBLISHED_TOKENIZER",
    "WEIGHTS",
    "Fetched",
    "Pin",
    "cache_dir",
    "fetch",
    "git_blob_id",
    "verify",
]
