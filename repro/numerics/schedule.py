"""Linear warm-up, then linear decay to zero, in float64: what both frameworks' schedulers must yield."""

import numpy as np


def linear_schedule(peak: float, warmup_ratio: float, total_steps: int) -> np.ndarray:
    """Learning rate of steps 0 … total_steps, float64 (total_steps + 1,).

    Source: ``get_linear_schedule_with_warmup`` of ``transformers``; the original passes
    ``int(warmup_ratio * total_steps)`` warm-up steps. Step 0 has rate 0 if there is a warm-up.
    """
    warmup = int(warmup_ratio * total_steps)
    steps = np.arange(total_steps + 1)
    rising, falling = steps / max(1, warmup), (total_steps - steps) / max(1, total_steps - warmup)
    return peak * np.where(steps < warmup, rising, falling)
