"""Step 1, capture: every operation of the forward pass, from the embeddings to the logits, of the first training batch.

Evidence: the activations in float32 and float64; and the four operations behind the classifiers a second time, the
classifiers scaled so that the logits have the published size.
"""

import numpy as np

from repro.analysis import chunking
from repro.analysis.activations import (
    CLASSIFIERS,
    FACTOR,
    LARGER,
    PUBLISHED_SIZE,
    SCALED,
    UNMASKED,
    as_dumped,
    attended,
    scaled_weights,
)
from repro.backends import Backend, Model
from repro.context.capture import CaptureContext, Dumps
from repro.context.start_weights import start_arrays
from repro.numerics.arrays import Arrays

FIELDS: tuple[str, ...] = ()  # no training settings: the pass depends on data and weights alone


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Activations of the first training batch, float64 before float32, each under the name of its operation.

    Yields:
        precision and arrays: all of ``Model.forward`` but the logits, which stand as ``model_output`` (2, B, T) and,
        without masked positions, as ``model_output[unmasked]`` (2, N); ``scaled.{operation}`` with larger classifiers,
        ``scaled.factor`` () float64; ``attended`` (B, T) int64, 1 where a token can be an answer.
    """
    batch = context.first_batch()
    mask = attended(batch)
    classifiers = start_arrays(context.run, names=CLASSIFIERS)
    f64 = as_dumped(chunking.forward(context.model("float64"), batch, activations=True), mask)
    # To three digits, as float64 logits are equal to thirteen in both frameworks: the factor is the same in both.
    factor = float(f"{PUBLISHED_SIZE / float(np.sqrt(np.mean(f64[UNMASKED] ** 2))):.3g}")
    yield "float64", f64 | _scaled(context.model("float64"), f64, classifiers, factor) | {"attended": mask}
    del f64
    f32 = as_dumped(context.model("float32").forward(batch, activations=True), mask)
    yield "float32", f32 | _scaled(context.model("float32"), f32, classifiers, factor) | {"attended": mask}


def _scaled(model: Model, activations: Arrays, classifiers: Arrays, factor: float) -> Arrays:
    """The four operations again with larger classifiers; restores the model."""
    values, scaled = dict(activations), {FACTOR: np.array(factor)}
    model.replace(scaled_weights(classifiers, factor))
    for name in SCALED:
        scaled[f"{LARGER}{name}"] = values[name] = model.run(name, values)
    model.replace(classifiers)
    return scaled
