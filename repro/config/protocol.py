"""Training rules: the paper's protocol, or the rules of each published program, deviations included.

``paper``: the PyTorch original's rules (``oriram/splinter finetuning/run_mrqa.py`` with its script
``finetune_splinter.sh`` and the AdamW of ``transformers`` 2.9) in both frameworks.
``published``: PyTorch as above; Paddle as the published program of the reproduction trains. Every field in
which the two differ is a named deviation.
"""

from dataclasses import asdict, dataclass
from typing import Literal

ProtocolName = Literal["paper", "published"]


@dataclass(frozen=True)
class Rules:
    """How one program feeds its model and updates its weights.

    Attributes:
        segment_ids: the encoder gets ``token_type_ids`` (otherwise segment 0 everywhere).
        eps_before_bias_correction: AdamW of ``transformers`` 2.9: ``sqrt(v) + eps`` first, bias correction after;
            otherwise ``sqrt(v / (1 - beta2^t)) + eps`` as ``torch`` and Paddle do.
        weight_decay: decoupled decay coefficient (times the learning rate, per step).
        decay_layer_norms: the no-decay rule misses the encoder's LayerNorm weights (Paddle's encoder calls them
            ``norm1``, ``norm2`` and ``layer_norm``, which ``LayerNorm.weight`` does not match).
        shuffle: draw a new order of the training features every epoch.
        skip_batches_of_one: leave out a last batch of a single feature.
        stop_with_schedule: stop where the learning rate has reached 0. Neither program does: where the schedule ends
            within an epoch, both go on to the end of that epoch.
    """

    segment_ids: bool = False
    eps_before_bias_correction: bool = True
    weight_decay: float = 0.0
    decay_layer_norms: bool = False
    shuffle: bool = True
    skip_batches_of_one: bool = False
    stop_with_schedule: bool = False


PAPER = Rules()
PUBLISHED_PADDLE = Rules(
    segment_ids=True,
    eps_before_bias_correction=False,
    weight_decay=0.01,
    decay_layer_norms=True,
    shuffle=False,
    skip_batches_of_one=True,
)


def rules(protocol: ProtocolName, backend: str) -> Rules:
    """Rules of one backend under a protocol."""
    return PUBLISHED_PADDLE if (protocol, backend) == ("published", "paddle") else PAPER


def deviations(protocol: ProtocolName) -> dict[str, tuple[object, object]]:
    """Fields in which the two backends differ under a protocol: name -> (PyTorch value, Paddle value)."""
    pytorch, paddle = asdict(rules(protocol, "pytorch")), asdict(rules(protocol, "paddle"))
    return {name: (pytorch[name], paddle[name]) for name in pytorch if pytorch[name] != paddle[name]}
