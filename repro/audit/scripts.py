"""What a comparing script compares, read from its syntax tree: which files go into the two sides, and which threshold.

Nothing is run. Only what the script spells out is followed: texts, joined paths, formatted texts without unknowns, and
variables that hold them. Any other path stays unknown.
"""

import ast
import posixpath
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

LOADERS = {"load_info", "load", "read_dump", "loadtxt", "load_dump", "read_pickle"}
COMPARERS = {"compare_info", "compute_diff", "check_data", "assert_allclose", "allclose", "array_equal", "isclose"}
COMPARERS |= {"assert_array_equal", "assert_array_almost_equal", "assert_equal"}
THRESHOLDS = ("diff_threshold", "atol")
SIDES = {"info1", "info2", "data1", "data2", "a", "b", "x", "y", "actual", "desired"}
SAME_PATH = {"Path", "PurePath", "str", "open", "abspath", "realpath", "normpath"}
MAX_TEXT = 4096  # longer texts are no paths; doubled in a row they would fill the memory
UNWRAP = {"resolve", "absolute", "item", "tolist", "numpy", "astype", "squeeze", "reshape", "copy"}
MAX_SOURCE = 1 << 20
MAX = sys.float_info.max


@dataclass(frozen=True)
class Loaded:
    """A value that was loaded from a path as written in the script."""

    path: str


@dataclass(frozen=True)
class Comparison:
    """One comparing call: its line, the paths on its two sides as written, and its absolute threshold if it has one."""

    line: int
    first: str
    second: str
    threshold: float | None = None


Value = str | int | float | Loaded | None  # of an expression; None where it is unknown


def _parent(path: Value) -> str | None:
    return posixpath.dirname(path) if isinstance(path, str) else None


def _joined(parts: Sequence[Value], between: str) -> str | None:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts) and sum(map(len, texts)) <= MAX_TEXT:
        return between.join(texts)
    return None


def _filled(text: Value, gap: str, parts: Sequence[Value]) -> str | None:
    """A text with its gaps filled in order; None where the format asks for more."""
    pieces = text.split(gap) if isinstance(text, str) else []
    if len(pieces) != len(parts) + 1 or any(mark in "".join(pieces) for mark in "%{}"):
        return None
    return _joined([*(piece for pair in zip(pieces, parts, strict=False) for piece in pair), pieces[-1]], "")


def _function(node: ast.Call) -> str:
    """Last name of the called function."""
    return str(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))


@dataclass
class _Reader(ast.NodeVisitor):
    """Follows assignments in the order of the script."""

    values: dict[str, Value] = field(default_factory=lambda: {"__file__": "./script.py"})
    comparisons: list[Comparison] = field(default_factory=list)
    threshold: float | None = None

    def evaluate(self, node: ast.AST | None) -> Value:
        """Value of an expression."""
        match node:
            case ast.Constant(value=int(number)):
                return number if abs(number) < 1 << 1000 else None  # what a float can hold
            case ast.Constant(value=str() | float() as constant):
                return constant
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                positive = self.evaluate(operand)
                return -positive if isinstance(positive, (int, float)) else None
            case ast.Name(id=name):
                return self.values.get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.values.get(f"self.{name}")
            case ast.Attribute(value=value, attr="parent"):
                return _parent(self.evaluate(value))
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                parts = right.elts if isinstance(right, ast.Tuple) else [right]
                return _filled(self.evaluate(left), "%s", [self.evaluate(part) for part in parts])
            case ast.FormattedValue(value=value):
                return self.evaluate(value)
            case ast.JoinedStr(values=values):
                return _joined([self.evaluate(value) for value in values], "")
            case ast.BinOp(left=left, op=ast.Add() | ast.Div() as operation, right=right):
                return _joined(
                    [self.evaluate(left), self.evaluate(right)], "/" if isinstance(operation, ast.Div) else ""
                )
            case ast.Subscript(value=value):
                inner = self.evaluate(value)
                return inner if isinstance(inner, Loaded) else None
            case ast.Call():
                return self._call(node)
        return None

    def _call(self, node: ast.Call) -> Value:
        name = _function(node)
        arguments = [self.evaluate(argument) for argument in node.args]
        if name == "join":
            return _joined(arguments, "/")
        if arguments and name in LOADERS:
            path = arguments[0]
            return Loaded(path) if isinstance(path, str) else path if isinstance(path, Loaded) else None
        if arguments and name == "dirname":
            return _parent(arguments[0])
        if arguments and name in SAME_PATH:
            return arguments[0]
        if isinstance(node.func, ast.Attribute) and name in UNWRAP | {"joinpath", "format"}:
            target = self.evaluate(node.func.value)
            if name == "joinpath":
                return _joined([target, *arguments], "/")
            return _filled(target, "{}", arguments) if name == "format" else target
        return None

    def visit_Assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        self.generic_visit(node)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._assign(target, node.value)

    visit_AnnAssign = visit_Assign

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self._assign(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._assign(one, other)
        elif isinstance(target, ast.Name):
            self.values[target.id] = self.evaluate(value)
        elif isinstance(target, ast.Attribute) and getattr(target.value, "id", "") == "self":
            self.values[f"self.{target.attr}"] = self.evaluate(value)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = _function(node)
        limits = [self.evaluate(k.value) for k in node.keywords if k.arg in THRESHOLDS]
        limit = next((max(-MAX, min(float(value), MAX)) for value in limits if isinstance(value, (int, float))), None)
        if name == "report" and limit is not None:
            self.threshold = limit
        sides = [*node.args, *(k.value for k in node.keywords if k.arg in SIDES)]
        if name in COMPARERS and len(sides) >= 2:
            first, second = (self.evaluate(argument) for argument in sides[:2])
            if isinstance(first, Loaded) and isinstance(second, Loaded):
                self.comparisons.append(Comparison(node.lineno, first.path, second.path, limit))


def comparisons(source: str) -> list[Comparison]:
    """Comparing calls of a script whose two sides can be traced to files.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: not Python, or nested too deep for the parser.
    """
    reader = _Reader()
    reader.visit(ast.parse(source))
    return [c if c.threshold is not None else replace(c, threshold=reader.threshold) for c in reader.comparisons]


def resolve(path: str, script: str, dumps: list[str]) -> str | None:
    """The dump that a script means: relative to its folder, or to the root, or the only one with this ending."""
    plain = posixpath.normpath(path.replace("\\", "/"))
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(script), plain))
    for candidate in (beside, plain):
        if candidate in dumps:
            return candidate
    tail = plain.removeprefix("/").lstrip("./")
    ending = [dump for dump in dumps if dump == tail or dump.endswith(f"/{tail}")]
    return ending[0] if len(ending) == 1 else None
