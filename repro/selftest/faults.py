"""The table of planted faults.

A row says what a fault mimics, which steps it can reach from where it sits, and which steps have to see it; others may
see it as well. The faults of model, optimizer and initialiser are planted by ``repro.backends.{pytorch,paddle}.faults``
under the same names, in the running code of that framework; those of data and files here, for either framework.
"""

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass

from repro.selftest.case import Case
from repro.selftest.data_faults import DATA_FAULTS
from repro.selftest.paths import GROUPS

# Where a fault sits -> the steps that it can reach; those that it cannot are not captured again.
FORWARD = (1, 3, 4, 8)
WEIGHTS = (*FORWARD, 5, 7, 10)
LOSS = (4, 8)
OPTIMIZER = (5, 7, 8)
SCHEDULE = (*OPTIMIZER, 6)
INITIALISER = (10,)
TOKENISER = (*FORWARD, 2, 6, 9)
LABELS = (*LOSS, 9)
LOADER = (2, 3, 8, 9)
ORDER = (8, 9)
MASKS = (9,)
FILES = ()  # nothing is captured: the files of the clean run go wrong
ALL = tuple(range(1, 11))


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        mimics: what goes wrong, in one sentence.
        reach: the steps whose captures may differ from those of the clean run.
        steps: those that have to see it.
    """

    name: str
    mimics: str
    reach: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def group(self) -> str:
        """Of ``GROUPS``; the forward pass costs most."""
        return GROUPS[0 if 1 in self.reach else 1]


TABLE = (
    Fault(
        "layer-norm-epsilon", "The encoder's LayerNorms add 1e-5, the framework's default, not 1e-12.", FORWARD, (1, 8)
    ),
    Fault("gelu-tanh", "gelu is approximated by tanh.", FORWARD, (1, 8)),
    Fault("transposed-weight", "One square matrix was not transposed on conversion.", WEIGHTS, (1, 8, 10)),
    Fault("weight-one-ulp", "One element of one start weight is off by 1 ulp.", WEIGHTS, (10,)),
    Fault("dropped-bias", "One linear layer leaves its bias out.", FORWARD, (1, 8)),
    Fault("swapped-start-end", "Start and end logits change places.", FORWARD, (1, 3, 4)),
    Fault("swapped-attention-heads", "The values of two attention heads change places.", FORWARD, (1, 8)),
    Fault("mask-off-by-one", "The attention mask ends one token late.", FORWARD, (1, 8)),
    Fault("segment-ids", "The encoder gets the segment ids that the original leaves out.", FORWARD, (1, 8)),
    Fault("sep-left-in", "[SEP] is attended to, and can be an answer.", FORWARD, (1, 8)),
    Fault("question-not-marked", "[MASK] is not replaced by [QUESTION].", FORWARD, (1, 8)),
    Fault("positions-shifted", "Positions count from 1.", FORWARD, (1, 8)),
    Fault("question-off-by-one", "The head asks the token after [QUESTION].", FORWARD, (1, 8)),
    Fault("attention-unscaled", "Attention scores are not divided by the root of the head size.", FORWARD, (1, 8)),
    Fault("layer-skipped", "One encoder layer is left out.", FORWARD, (1, 8)),
    Fault("layer-twice", "One encoder layer is run twice.", FORWARD, (1, 8)),
    Fault("dropout-on", "Dropout of 0.1 stays on in evaluation.", FORWARD, (1, 8)),
    Fault("float16", "The output of one layer goes through float16.", FORWARD, (1, 8)),
    Fault(
        "tf32", "float32 products round their factors to the 11 bits of TF32; float64 is untouched.", FORWARD, (1, 8)
    ),
    Fault("loss-summed", "The loss is summed over the batch, not averaged.", LOSS, (4, 8)),
    Fault("outside-counted", "An answer beyond the window is not ignored in the loss.", LOSS, (4,)),
    Fault("decayed-layer-norms", "Weight decay reaches the LayerNorms.", OPTIMIZER, (7,)),
    Fault(
        "l2-decay", "Weight decay is added to the gradients (Adam with L2), not to the update (AdamW).", OPTIMIZER, (7,)
    ),
    Fault("no-bias-correction", "AdamW leaves its bias correction out.", OPTIMIZER, (5, 8)),
    Fault("eps-after-correction", "AdamW adds eps after the bias correction, not before.", OPTIMIZER, (5,)),
    Fault("beta2", "AdamW's beta2 is 0.98, not 0.999.", OPTIMIZER, (5, 8)),
    Fault("clipped-by-value", "Gradients are clipped element by element, not by their global norm.", OPTIMIZER, (5, 7)),
    Fault(
        "clipped-exactly",
        "The clipping factor is limit / norm, without the 1e-6 that the original adds.",
        OPTIMIZER,
        (5, 7),
    ),
    Fault("schedule-ahead", "The schedule is one step ahead of the optimizer.", OPTIMIZER, (5, 8)),
    Fault("gradients-left", "Gradients are not set to zero between steps.", OPTIMIZER, (8,)),
    Fault("warmup-off-by-one", "The warm-up takes one step more.", SCHEDULE, (6,)),
    Fault("wide-initialiser", "The initialiser draws matrices 10 % wider than declared.", INITIALISER, (10,)),
    Fault("lower-case", "The tokeniser lower-cases texts.", TOKENISER, (2, 9)),
    Fault("labels-shifted", "Answer positions are one token too far right.", LABELS, (9,)),
    Fault("shuffled-rows", "The data loader shuffles rows within a batch.", LOADER, (2, 9)),
    Fault("last-batch-dropped", "Training leaves a shorter last batch of an epoch out.", ORDER, (9,)),
    Fault("order-seeds-unequal", "The order of the training rows is drawn from another seed.", ORDER, (9,)),
    Fault("dropout-seeds-unequal", "Dropout masks are drawn from another seed.", MASKS, (9,)),
    Fault("nan", "One element of one tensor is NaN.", FILES, (1, 4, 5, 6, 7, 8, 10)),
    Fault("stale-settings", "The dumps were captured under other settings.", FILES, ALL),
    Fault("stale-file", "A dump is not the file that its capture wrote.", FILES, ALL),
)
FAULTS = {fault.name: fault for fault in TABLE}
FAULT_NAMES = tuple(FAULTS)


def planted(fault: Fault, case: Case) -> AbstractContextManager[object]:
    """Within the context the captures of ``case`` that the fault reaches go wrong; afterwards all is as before."""
    if plant := DATA_FAULTS.get(fault.name):
        return plant(case)
    module = importlib.import_module(f"repro.backends.{case.backend}.faults")
    context: AbstractContextManager[object] = module.FAULTS[fault.name]()
    return context
