"""The deviations of the published programs as named switches, and the trainings that show what each is worth."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

from repro.config.protocol import PAPER, PUBLISHED_PADDLE, Rules

SwitchName = Literal[
    "segment-ids", "adamw-eps", "weight-decay", "no-decay-rule", "order", "batches-of-one", "last-epoch"
]
SWITCHES: tuple[SwitchName, ...] = get_args(SwitchName)
FIELDS: dict[SwitchName, str] = {  # switch -> the field of ``Rules`` that it changes
    "segment-ids": "segment_ids",
    "adamw-eps": "eps_before_bias_correction",
    "weight-decay": "weight_decay",
    "no-decay-rule": "decay_layer_norms",
    "order": "shuffle",
    "batches-of-one": "skip_batches_of_one",
    "last-epoch": "stop_with_schedule",
}
NEEDS: dict[SwitchName, SwitchName] = {"no-decay-rule": "weight-decay"}  # without decay the rule decides nothing
ALL_ON = replace(PUBLISHED_PADDLE, stop_with_schedule=True)

BASELINE, ROUNDING, TOGETHER = "paper", "rounding", "together"


@dataclass(frozen=True)
class Variant:
    """Trainings by one set of rules.

    Attributes:
        reference: the variant with which its trainings are compared; empty: it is only a reference itself.
        init: start weights: ``pretrained``, or ``perturbed``: the same, each 1 ulp off.
    """

    rules: Rules
    reference: str = ""
    init: Literal["pretrained", "perturbed"] = "pretrained"


def differs(switch: SwitchName) -> bool:
    """Whether the two published programs differ in this rule."""
    return bool(getattr(PAPER, FIELDS[switch]) != getattr(PUBLISHED_PADDLE, FIELDS[switch]))


def switched(switches: Collection[SwitchName]) -> Rules:
    """The paper's rules with these switches on."""
    return replace(PAPER, **{FIELDS[name]: getattr(ALL_ON, FIELDS[name]) for name in switches})


def variants(chosen: Collection[SwitchName]) -> dict[str, Variant]:
    """Variant by name: the paper's rules, the same from perturbed weights, one switch at a time, all together.

    A switch that needs another one is compared with that one alone, which is then trained as well. ``together`` are
    the switches in which the two programs differ: with all of them the rules of the published Paddle program.
    """
    if not chosen:
        return {}
    needed = {NEEDS[name] for name in chosen if name in NEEDS}
    names = [name for name in SWITCHES if name in {*chosen, *needed}]
    trained = {BASELINE: Variant(PAPER), ROUNDING: Variant(PAPER, BASELINE, "perturbed")}
    for name in names:
        before = NEEDS.get(name)
        trained[name] = Variant(switched([before, name] if before else [name]), before or BASELINE)
    if len(differing := [name for name in names if differs(name)]) > 1:
        trained[TOGETHER] = Variant(switched(differing), BASELINE)
    return trained
