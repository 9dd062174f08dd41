"""A forward pass as a list of named operations, so that each can be run, replaced and differentiated by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

Values = dict[str, torch.Tensor]


class Operation(NamedTuple):
    """``name`` is computed by ``function`` from the values named ``inputs``."""

    name: str
    inputs: tuple[str, ...]
    function: Callable[..., Any]


def compute(operations: Sequence[Operation], values: Values, wanted: Sequence[str]) -> Values:
    """Values of the wanted operations, in the order of computation; what no later one needs is let go of.

    Args:
        values: what the operations start from.
    """
    needed_last = {name: number for number, operation in enumerate(operations) for name in operation.inputs}
    values, found = dict(values), {}
    for number, (name, inputs, function) in enumerate(operations):
        values[name] = function(*(values[given] for given in inputs))
        if name in wanted:
            found[name] = values[name]
        for given in {*inputs, name}:
            if needed_last.get(given, -1) <= number:
                del values[given]
    return found
