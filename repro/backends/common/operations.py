"""A forward pass as a list of named operations, so that each can be run, replaced and differentiated by itself."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")  # tensor of the framework


class Operation(NamedTuple):
    """``function`` computes the value ``name`` from the values named ``inputs``."""

    name: str
    inputs: tuple[str, ...]
    function: Callable[..., Any]


def compute(operations: Sequence[Operation], values: dict[str, T], names: Collection[str]) -> dict[str, T]:
    """Values of the named operations, in the order of computation. A value is dropped after its last use.

    Args:
        values: what the operations start from.
    """
    last_use = {name: number for number, operation in enumerate(operations) for name in operation.inputs}
    values, results = dict(values), {}  # rebound, so that the start values can go as well
    for number, (name, inputs, function) in enumerate(operations):
        values[name] = function(*(values[key] for key in inputs))
        if name in names:
            results[name] = values[name]
        for key in {*inputs, name}:
            if last_use.get(key, -1) <= number:
                del values[key]
    return results


def inputs_by_name(operations: Iterable[Operation]) -> dict[str, tuple[str, ...]]:
    """Inputs of each operation by its name, in the order of computation."""
    return {operation.name: operation.inputs for operation in operations}
