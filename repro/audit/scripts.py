"""What a comparing script compares, read from its syntax tree: which files go into the two sides, and which threshold.

Nothing is run. Only what stands in the script literally (texts, joined paths, formatted texts without unknowns,
variables that are assigned such things) is followed; a path that is made in another way stays unknown.
"""

from __future__ import annotations

import ast
import posixpath
import sys
from dataclasses import dataclass, field
from typing import Any

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
    """One comparing call: the paths on its two sides as written, its line, and its absolute threshold if it"
    " names one."""

    line: int
    first: str
    second: str
    threshold: float | None = None


def _number(value: int) -> int | None:
    """Numbers that a float can hold."""
    return value if abs(value) < 1 << 1000 else None


def _parent(path: Any) -> str | None:
    return posixpath.dirname(path) if isinstance(path, str) else None


@dataclass
class _Reader(ast.NodeVisitor):
    """Follows assignments in the order of the text."""

    values: dict[str, Any] = field(default_factory=lambda: {"__file__": "./script.py"})
    found: list[Comparison] = field(default_factory=list)
    threshold: float | None = None

    def evaluate(self, node: ast.AST | None) -> Any:
        """Text, number or ``Loaded``; None for everything else."""
        match node:
            case ast.Constant(value=str() | int() | float() as value):
                return value if not isinstance(value, int) else _number(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.evaluate(operand)
                return -value if isinstance(value, (int, float)) else None
            case ast.Name(id=name):
                return self.values.get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.values.get(f"self.{name}")
            case ast.Attribute(value=value, attr="parent"):
                return _parent(self.evaluate(value))
            case ast.BinOp(left=left, op=ast.Mod(), right=ast.Tuple(elts=parts)):
                return self._filled(self.evaluate(left), "%s", [self.evaluate(part) for part in parts])
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self._filled(self.evaluate(left), "%s", [self.evaluate(right)])
            case ast.JoinedStr(values=parts):
                return self._joined(
                    [self.evaluate(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts], ""
                )
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([self.evaluate(left), self.evaluate(right)], "")
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined([self.evaluate(left), self.evaluate(right)], "/")
            case ast.Subscript(value=value):
                inner = self.evaluate(value)
                return inner if isinstance(inner, Loaded) else None
            case ast.Call():
                return self._call(node)
        return None

    @staticmethod
    def _joined(parts: list[Any], between: str) -> str | None:
        if all(isinstance(part, str) for part in parts) and sum(map(len, parts)) <= MAX_TEXT:
            return between.join(parts)
        return None

    def _filled(self, text: Any, gap: str, parts: list[Any]) -> str | None:
        """A text with its gaps filled in order; None where anything is more than that."""
        pieces = text.split(gap) if isinstance(text, str) else []
        if len(pieces) != len(parts) + 1 or any(mark in "".join(pieces) for mark in "%{}"):
            return None
        return self._joined([*(piece for pair in zip(pieces, parts, strict=False) for piece in pair), pieces[-1]], "")

    def _call(self, node: ast.Call) -> Any:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        arguments = [self.evaluate(argument) for argument in node.args]
        if name in LOADERS and arguments:
            path = arguments[0]
            return Loaded(path) if isinstance(path, str) else path if isinstance(path, Loaded) else None
        if name == "join":
            return self._joined(arguments, "/")
        if name == "joinpath" and isinstance(node.func, ast.Attribute):
            return self._joined([self.evaluate(node.func.value), *arguments], "/")
        if name == "format" and isinstance(node.func, ast.Attribute):
            return self._filled(self.evaluate(node.func.value), "{}", arguments)
        if name == "dirname" and arguments:
            return _parent(arguments[0])
        if name in SAME_PATH and arguments:
            return arguments[0]
        if name in UNWRAP and isinstance(node.func, ast.Attribute):
            return self.evaluate(node.func.value)
        return None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        self._assign(node.target, node.value)

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
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        limits = [self.evaluate(k.value) for k in node.keywords if k.arg in THRESHOLDS]
        limit = next((max(-MAX, min(float(value), MAX)) for value in limits if isinstance(value, (int, float))), None)
        if name == "report" and limit is not None:
            self.threshold = limit
        sides = [*node.args, *(k.value for k in node.keywords if k.arg in SIDES)]
        if name in COMPARERS and len(sides) >= 2:
            first, second = (self.evaluate(argument) for argument in sides[:2])
            if isinstance(first, Loaded) and isinstance(second, Loaded):
                self.found.append(Comparison(node.lineno, first.path, second.path, limit))


def comparisons(source: str) -> list[Comparison]:
    """Comparing calls of a script whose two sides can be followed to files; empty where there are none.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: not Python, or nested beyond what the parser takes.
    """
    reader = _Reader()
    reader.visit(ast.parse(source))
    return [
        Comparison(c.line, c.first, c.second, c.threshold if c.threshold is not None else reader.threshold)
        for c in reader.found
    ]


def resolve(path: str, script: str, dumps: list[str]) -> str | None:
    """The dump that a script means: relative to the script's folder, to the root, or the only one that ends so."""
    plain = posixpath.normpath(path.replace("\\", "/"))
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(script), plain))
    for candidate in (beside, plain):
        if candidate in dumps:
            return candidate
    tail = plain.removeprefix("/").lstrip("./")
    ending = [dump for dump in dumps if dump == tail or dump.endswith(f"/{tail}")]
    return ending[0] if len(ending) == 1 else None
