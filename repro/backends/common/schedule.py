"""Lengths of the learning-rate schedule."""

from repro.config.profile import Training


def warmup_steps(settings: Training, total_steps: int) -> int:
    """Steps of the warm-up, rounded down as in the original. The formula of step 6 has its own."""
    return int(settings.warmup_ratio * total_steps)
