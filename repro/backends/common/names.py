"""Ids of the special tokens that the model looks for, and names of what goes in and out."""

from typing import NamedTuple

from repro.checkpoint import ModelConfig

LOGITS = ("start_logits", "end_logits")
POSITIONS = ("start_positions", "end_positions")


class SpecialIds(NamedTuple):
    """Ids of the tokens with a meaning of their own in ``prepare``."""

    sep: int
    mask: int
    question: int


def special_ids(config: ModelConfig) -> SpecialIds:
    """Those of the vocabulary that belongs to this configuration."""
    return SpecialIds(config["sep_token_id"], config["mask_token_id"], config["question_token_id"])
