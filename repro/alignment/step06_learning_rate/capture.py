"""Step 6, capture: the learning rate of every step of the schedule, for every training size.

Evidence: the rates of the framework's own scheduler, float64.
"""

from repro.backends import Backend
from repro.context.capture import OPTIMIZER_FIELDS, CaptureContext, Dumps

FIELDS: tuple[str, ...] = (*OPTIMIZER_FIELDS, "training.sizes")

PREFIX = "learning_rate."


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """The whole schedule of each training size.

    Yields:
        ``float32`` and ``learning_rate.{size}`` (steps + 1,), float64 all the same.
    """
    settings = context.profile.training
    rates = {
        f"{PREFIX}{size}": framework.learning_rates(settings=settings, total_steps=steps)
        for size, steps in context.schedule_steps().items()
    }
    yield "float32", rates
