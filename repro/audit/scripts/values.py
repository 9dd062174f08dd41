"""What an expression of a script can be worth to someone who runs nothing."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

MAX_NAME = 80
MAX_BASES = 32
MAX_KEYS = 8  # deeper items of a file are not told apart
_numbers = count()

# Besides the classes below: texts (paths too), numbers, truth values, None, and lists, tuples and dicts of values.
Value = Any
Measure = Literal["mean", "each"]


@dataclass(eq=False)
class Opaque:
    """A value that the script computes or is given: one object for each result, so that identity means "the same".

    Attributes:
        name: what the script calls it, for the reader.
        framework: whose function computed it: ``torch``, ``paddle``, …; empty where that is unknown.
        data: it was drawn, created, or is a weight: equal on both sides by right.
        source: the file that it was calculated from without a framework.
        parts: its attributes and items that were asked for, so that asking twice gives one object.
        signature: the same for two results of the same calls on the same values.
    """

    name: str
    framework: str = ""
    data: bool = False
    source: "Loaded | None" = None
    parts: dict[str, Value] = field(default_factory=dict)
    number: int = field(default_factory=lambda: next(_numbers))
    signature: int = 0

    def __post_init__(self) -> None:
        self.signature = self.signature or hash(("value", self.number))

    def change(self) -> None:
        """Its state may be another from here on."""
        self.signature = hash(("state", next(_numbers)))

    def part(self, name: str, *, data: bool = False) -> Value:
        """Its attribute ``.name``, or its item ``[name]``."""
        if name not in self.parts:
            whole = f"{self.name}{name}"[:MAX_NAME]
            signature = hash((self.signature, name))
            self.parts[name] = Opaque(whole, self.framework, self.data or data, self.source, signature=signature)
        return self.parts[name]


@dataclass(frozen=True)
class Loaded:
    """The content of a file.

    Attributes:
        path: as the script spells it, with placeholders for what is unknown.
        keys: which part of the content.
        version: how often it may have been written anew before it was loaded.
    """

    path: str
    keys: tuple[str, ...] = ()
    version: int = 0

    def item(self, key: str) -> "Loaded":
        return replace(self, keys=(*self.keys, key)[:MAX_KEYS])


@dataclass(frozen=True)
class Gap:
    """Differences of loaded arrays, perhaps already reduced to a number.

    Attributes:
        comparisons: numbers of the comparisons that they belong to.
        measure: the mean, or the largest (so that a bound holds for each).
        power: 2 where the differences are squared.
        relative: they were divided by something.
    """

    comparisons: tuple[int, ...]
    measure: Measure = "each"
    power: float = 1.0
    relative: bool = False

    @staticmethod
    def joined(gaps: "list[Gap]") -> "Gap | None":
        """Several differences as one; None where there are none."""
        numbers = tuple(dict.fromkeys(number for gap in gaps for number in gap.comparisons))
        return replace(gaps[0], comparisons=numbers) if gaps else None

    def reduced(self, measure: Measure) -> "Gap":
        """After a mean, or a largest or a sum; of means, the largest is still one of means."""
        return replace(self, measure="mean" if "mean" in (self.measure, measure) else measure)

    def raised(self, power: float) -> "Gap":
        return replace(self, power=self.power * power)


@dataclass(frozen=True)
class Name:
    """Something imported, by its full name: ``numpy.testing.assert_allclose``."""

    full: str

    @property
    def last(self) -> str:
        return self.full.rpartition(".")[2]


@dataclass(eq=False)
class Scope:
    """Variables of a function or a module, and where to look for others."""

    script: str
    outer: "Scope | None" = None
    values: dict[str, Value] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)  # names that it declares global

    def get(self, name: str) -> Value:
        """Value of a variable.

        Raises:
            KeyError: the script defines no such name before.
        """
        for scope in self.chain():
            if name in scope.values:
                return scope.values[name]
        raise KeyError(name)

    def chain(self) -> "Iterator[Scope]":
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


@dataclass(eq=False)
class Function:
    """A function of the scripts, with the object that a method belongs to."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    receiver: "Instance | None" = None


@dataclass(eq=False)
class Class:
    """A class of the scripts."""

    node: ast.ClassDef
    scope: Scope
    bases: list[Value]
    framework: str = ""

    def member(self, name: str) -> Value:
        """Its attribute or method, or that of one of the nearest bases.

        Raises:
            KeyError: there is none.
        """
        family: list[Value] = [self]
        for kind in family:
            if isinstance(kind, Class):
                if name in kind.scope.values:
                    return kind.scope.values[name]
                family += kind.bases[: MAX_BASES - len(family)]
        raise KeyError(name)


@dataclass(eq=False)
class Instance:
    """An object of a class of the scripts, or of the parsers and loggers that ``calls`` knows.

    Attributes:
        kind: its class; a text for those that the scripts do not define.
    """

    kind: Class | str
    values: dict[str, Value] = field(default_factory=dict)
    opaque: Opaque = field(default_factory=lambda: Opaque("object"))


SCALARS = (str, int, float, bool, type(None))


def known(value: Value) -> bool:
    """Whether a value is a text, a number, a truth value or None."""
    return isinstance(value, SCALARS)


def placeholder(value: Value) -> str | None:
    """How a value stands in a text; None where it cannot stand in one."""
    match value:
        case Opaque(name=name, number=number):
            return f"⟨{name}#{number}⟩"
        case Loaded(path=path, keys=keys):
            return f"⟨{path}{''.join(keys)}⟩"
        case Name(full=full):
            return f"⟨{full}⟩"
    return str(value) if known(value) else None


def signature(value: Value, depth: int = 3) -> int:
    """The same for values that come out of the same calls on the same values."""
    match value:
        case Instance(opaque=opaque) | (Opaque() as opaque):
            return opaque.signature
        case list() | tuple() if depth:
            return hash(tuple(signature(item, depth - 1) for item in value))
        case dict() if depth:
            return hash(tuple((key, signature(item, depth - 1)) for key, item in value.items()))
        case Loaded() | Name():
            return hash(value)
    return hash((type(value), value)) if known(value) else id(value)
