"""What the variants change, in words."""

from repro.config.protocol import PAPER, PUBLISHED_PADDLE
from repro.config.switches import FIELDS, ROUNDING, TOGETHER, SwitchName
from repro.results import Cell, Table

MEANINGS: dict[SwitchName, str] = {
    "segment-ids": "the encoder gets the segment ids of question and context, not 0 everywhere",
    "adamw-eps": "AdamW adds eps after the bias correction, not before it",
    "weight-decay": "decoupled weight decay",
    "no-decay-rule": "decay reaches the encoder's LayerNorm weights as well; compared with weight-decay alone",
    "order": "the training file in its own order in every epoch, not shuffled anew",
    "batches-of-one": "a last batch of a single window is left out",
    "last-epoch": "training stops where the learning rate reaches 0, not at the end of that epoch",
}
REFERENCES = {
    ROUNDING: "no rule, but every start weight by 1 ulp: what rounding alone does",
    TOGETHER: "all that differ between the two programs",
}


def _value(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def switches_table(names: list[str]) -> Table:
    """A row per variant: what it changes, and what the two published programs do."""
    rows: list[list[Cell]] = []
    for name, field in FIELDS.items():
        if name in names:
            values = [_value(getattr(rules, field)) for rules in (PAPER, PUBLISHED_PADDLE)]
            rows.append([name, MEANINGS[name], f"`{field}`", *values])
    rows += [[name, text, None, None, None] for name, text in REFERENCES.items() if name in names]
    columns = ["deviation", "what it changes", "rule", "PyTorch program", "Paddle program"]
    return Table(title="The deviations", columns=columns, rows=rows)
