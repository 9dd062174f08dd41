"""What operators of a script give: of numbers and texts the result, of two files their difference."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace

from repro.audit.scripts import containers, text
from repro.audit.scripts.comparers import number
from repro.audit.scripts.expressions import Expressions, label
from repro.audit.scripts.recording import combined
from repro.audit.scripts.values import Gap, Instance, Loaded, Name, Opaque, Value, known
from repro.audit.tolerance import Tolerance

ARITHMETIC: Mapping[type, Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
RELATIONS: Mapping[type, Callable[[Value, Value], Value]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
LARGE = 300  # base and exponent of a power
BOUNDS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Operations(Expressions):
    """Evaluates operators and comparisons."""

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        left, right, operation = self.visit(node.left), self.visit(node.right), node.op
        result: Value = None
        match operation, left, right:
            case ast.Mod(), str(), _:
                result = text.percent(left, right)
            case ast.Div(), str(), _:
                result = text.join_paths([left, right])
            case ast.Div(), _, str():
                result = text.join_paths([self.opaque(left), right])
            case (ast.Add(), str(), _) | (ast.Add(), _, str()):
                result = text.joined([self.opaque(left), self.opaque(right)])
            case ast.Mult(), str() | list() | tuple(), int():
                result = containers.repeated(left, right)
            case ast.Add(), list(), list():
                result = [*left, *right][: containers.MAX_ITEMS]
            case ast.Sub(), Loaded(), Loaded():
                result = self.record.subtract(self.line(node), left, right)
            case ast.Div(), Gap(), _:
                result = replace(left, relative=left.relative or not known(right))
            case ast.Pow(), Gap(), int() | float() if 0 < right <= 8:
                result = left.raised(right)
            case (_, Gap(), _) if known(right):
                result = left
            case _ if known(left) and known(right):
                result = _arithmetic(operation, left, right)
        if result is None or result is containers.UNKNOWN:
            return combined(label(node), [left, right])
        return result

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.visit(node.operand)
        if isinstance(node.op, ast.USub) and number(value) is not None:
            return -value
        if isinstance(node.op, ast.Not) and known(value):
            return not value
        return value if isinstance(value, Gap) else combined(label(node), [value])

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        values = [self.visit(value) for value in node.values]
        if not all(known(value) for value in values):
            return combined("condition", values)
        return all(values) if isinstance(node.op, ast.And) else next((value for value in values if value), values[-1])

    def visit_Compare(self, node: ast.Compare) -> Value:
        values = [self.visit(value) for value in (node.left, *node.comparators)]
        answer: Value = Opaque("condition")
        for operation, left, right in zip(node.ops, values, values[1:], strict=False):
            answer = self._relation(node, operation, left, right)
        return answer if len(node.ops) == 1 else Opaque("condition")

    def _relation(self, node: ast.AST, operation: ast.cmpop, left: Value, right: Value) -> Value:
        match left, right:
            case (Gap() as gap, limit) | (limit, Gap() as gap):
                if isinstance(operation, BOUNDS) and (bound := number(limit)) is not None:
                    self.record.bound(gap, bound, self.place(node))
            case (Loaded(), Instance(kind="approx") as approx) | (Instance(kind="approx") as approx, Loaded()):
                loaded = left if isinstance(left, Loaded) else right
                self.record.compare(self.line(node), loaded, approx.values["side"], approx.values["tolerance"])
            case Loaded(), Loaded() if isinstance(operation, (ast.Eq, ast.NotEq)):
                self.record.compare(self.line(node), left, right, Tolerance(0.0, 0.0, "each", self.place(node)))
            case _ if known(left) and known(right) and type(operation) in RELATIONS:
                try:
                    return RELATIONS[type(operation)](left, right)
                except TypeError:
                    return Opaque("condition")
            case _ if (
                known(left) and isinstance(right, (list, tuple, dict)) and isinstance(operation, (ast.In, ast.NotIn))
            ):
                inside = any(known(item) and item == left for item in right)
                if inside or all(known(item) for item in right):
                    return inside is isinstance(operation, ast.In)
            case str(), str() if isinstance(operation, (ast.In, ast.NotIn)):
                return (left in right) is isinstance(operation, ast.In)
        return Opaque("condition")

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        condition = self.visit(node.test)
        if known(condition):
            return self.visit(node.body if condition else node.orelse)
        return self.merged(self.visit(node.body), self.visit(node.orelse))

    def merged(self, first: Value, second: Value) -> Value:
        """What a value is that is one or the other."""
        if first is second or (known(first) and known(second) and first == second) or _same(first, second):
            return first
        return combined("either", [first, second])


def _contains(container: Value, value: Value) -> bool | None:
    """Whether a text, a list or a dict holds a value; None where that is unknown."""
    if isinstance(container, str):
        return value in container if isinstance(value, str) else None
    if not isinstance(container, (list, tuple, dict)):
        return None
    inside = any(known(item) and item == value for item in container)
    return inside if inside or all(known(item) for item in container) else None


def _same(first: Value, second: Value) -> bool:
    return isinstance(first, (Loaded, Gap, Name)) and first == second


def _arithmetic(operation: ast.operator, left: Value, right: Value) -> Value:
    """Of two numbers; None where it has no finite result."""
    if number(left) is None or number(right) is None:
        return None
    try:
        if isinstance(operation, ast.Pow) and abs(left) < LARGE and abs(right) < LARGE:
            result = left**right
        else:
            result = ARITHMETIC[type(operation)](left, right)
        return result if isinstance(result, (int, float)) and abs(result) <= text.LARGEST else None
    except (KeyError, ArithmeticError, TypeError, ValueError):
        return None
