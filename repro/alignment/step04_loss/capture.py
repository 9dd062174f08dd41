"""Step 4, capture: the training loss, a cross entropy over the positions of a window, for start and end of the answer.

Evidence: the loss of fixed logits, which involves no model; and the loss of the model's logits of the first training
batch, once from these logits and once by the model itself.
"""

import numpy as np

from repro.analysis import chunking
from repro.backends import Backend, Model
from repro.context.capture import CaptureContext, Dumps
from repro.numerics.arrays import Arrays

FIELDS: tuple[str, ...] = ()  # no training settings: the loss depends on data and weights alone

FAKE_SCALE = 3.0  # standard deviation of the fixed logits


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """The losses in float32 and in float64.

    Yields:
        precision and arrays of this dtype: ``fake_data`` (), loss of the fixed logits; ``model_output`` (), loss of the
        model's logits; ``model_loss`` (), the model's own loss; ``model_logits`` (2, B, T), start and end.
    """
    profile, batch = context.profile, context.first_batch()
    fake_start, fake_end, *fake_positions = fake_data(
        profile.alignment.batch_size, profile.features.max_seq_length, profile.alignment.seed
    )
    for dtype in ("float32", "float64"):
        logits, loss = _evaluated(context.model(dtype), batch, dtype)
        start, end = logits["start_logits"], logits["end_logits"]
        losses = {
            "fake_data": framework.loss_from_logits(fake_start.astype(dtype), fake_end.astype(dtype), *fake_positions),
            "model_output": framework.loss_from_logits(start, end, batch["start_positions"], batch["end_positions"]),
            "model_loss": loss,
        }
        yield dtype, losses | {"model_logits": np.stack([start, end])}


def fake_data(batch: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fixed start and end logits (B, T) float32, and start and end positions (B,) int64, drawn with this seed.

    The last example's end lies beyond the window, so the loss must ignore it.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    start, end = (generator.normal(0, FAKE_SCALE, (batch, length)).astype(np.float32) for _ in range(2))
    starts, ends = (generator.integers(0, length, batch) for _ in range(2))
    ends[-1] = length
    return start, end, starts, ends


def _evaluated(model: Model, batch: Arrays, dtype: str) -> tuple[Arrays, np.ndarray]:
    """Logits and loss of the model; float64 a few rows at a time, which needs less memory."""
    if dtype == "float32":
        return model.forward(batch), model.loss(batch)
    logits = chunking.forward(model, batch)
    return logits, model.run("loss", model.prepare(batch) | logits)
