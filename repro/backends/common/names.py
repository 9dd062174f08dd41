"""Ids of the special tokens that the model looks for, and names of what goes in and out."""

SEP, MASK, QUESTION = 102, 103, 104  # of the original's vocabulary
LOGITS = ("start_logits", "end_logits")
POSITIONS = ("start_positions", "end_positions")
