"""Step 10, capture: start weights and initialiser.

Evidence: a digest of every converted start weight; and of the framework's own initialiser, a test of each tensor
against the declared distribution, and whether the seed decides what is drawn.
"""

import numpy as np

from repro.backends import Backend
from repro.context.capture import CaptureContext, Dumps
from repro.dumps.sketch import digest_array
from repro.numerics.arrays import Arrays
from repro.numerics.distribution import fit

FIELDS: tuple[str, ...] = ()  # no training settings: nothing is trained

START, INITIALISER = "start.", "own."  # prefixes of the keys
REPEATED, OTHER_SEED = f"{INITIALISER}repeated", f"{INITIALISER}other_seed"


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Digests and fits.

    Yields:
        ``float32`` and arrays: ``start.{name}`` (32,) int64, sha256 of a start weight's type, shape and bytes, hub
        orientation; ``own.{name}`` (9,) float64, a ``Fit``; ``own.repeated``, ``own.other_seed`` () int64, 1 where the
        same seed gives the same weights and another seed others.
    """
    dump: Arrays = {}
    for name, array in sorted(context.model("float32").parameters().items()):
        dump[f"{START}{name}"] = digest_array(array)
    context.release()
    config, seed = context.config(), context.profile.weights.seed
    declared = framework.declared_distributions(config)
    drawn = framework.initialise(config, seed)
    if set(declared) != set(drawn):
        raise ValueError(f"declared and drawn parameters differ: {sorted(set(declared) ^ set(drawn))[:3]}")
    for name, array in sorted(drawn.items()):
        dump[f"{INITIALISER}{name}"] = np.array(fit(array, declared[name]), dtype=np.float64)
    same = framework.initialise(config, seed)
    dump[REPEATED] = np.array(int(all(np.array_equal(drawn[name], same[name]) for name in drawn)))
    del same
    other = framework.initialise(config, seed + 1)
    random = [name for name in drawn if declared[name].kind != "constant"]
    dump[OTHER_SEED] = np.array(int(not any(np.array_equal(drawn[name], other[name]) for name in random)))
    yield "float32", dump
