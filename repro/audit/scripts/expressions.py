"""What an expression of a script is worth."""

import ast
import builtins
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from repro.audit.scripts import containers, text
from repro.audit.scripts.library import ALIASES, CONVERSIONS, CREATORS
from repro.audit.scripts.recording import Record, combined
from repro.audit.scripts.values import (
    MAX_NAME,
    Class,
    Function,
    Gap,
    Instance,
    Loaded,
    Name,
    Opaque,
    Scope,
    Value,
    known,
    placeholder,
)

BUILTINS = frozenset(dir(builtins))
Named = dict[str, Value]  # keyword arguments


@dataclass(frozen=True)
class Call:
    """A call that is evaluated.

    Attributes:
        full: name of the function, as far as imports tell it.
        target: what is called, unless it is a method of something else than a module or an object of the scripts.
        receiver: whose method is called; None for a function of a module.
    """

    node: ast.Call
    full: str
    target: Value
    receiver: Value
    arguments: list[Value]
    named: Named

    @property
    def name(self) -> str:
        return self.full.rpartition(".")[2]

    @property
    def owner(self) -> Opaque | None:
        """The unknown object whose method is called."""
        owner = self.receiver.opaque if isinstance(self.receiver, Instance) else self.receiver
        return owner if isinstance(owner, Opaque) else None

    def keywords(self, names: Sequence[str]) -> list[Value]:
        """Keyword arguments of these names."""
        return [self.named[name] for name in names if name in self.named]


def label(node: ast.AST) -> str:
    """How an expression reads, in short."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{label(value)}.{attribute}"[-MAX_NAME:]
        case ast.Call(func=function):
            return f"{label(function)}()"[-MAX_NAME:]
        case ast.Subscript(value=value):
            return f"{label(value)}[…]"[-MAX_NAME:]
    return "value"


class Expressions(ast.NodeVisitor):
    """Evaluates expressions in ``scope``; each ``visit_…`` returns a value."""

    def __init__(self, script: str, record: Record) -> None:
        self.script, self.record = script, record
        self.scope = Scope(script)
        self.opaque_names: dict[str, Opaque] = {}
        self.call_lines: list[int] = []  # of the calls in the script itself that are under way

    def visit(self, node: ast.AST) -> Value:
        self.record.spend()
        return super().visit(node)

    def generic_visit(self, node: ast.AST) -> Value:
        """Visits what a node consists of, for the calls in it; its value is calculated from that of its parts."""
        return combined(label(node), [self.visit(child) for child in ast.iter_child_nodes(node)])

    def visit_expr_context(self, node: ast.AST) -> Value:
        return None

    def line(self, node: ast.AST) -> int:
        """Line of a node, or of the call in this script that led to another one's."""
        here = self.scope.script == self.script or not self.call_lines
        return int(getattr(node, "lineno", 0)) if here else self.call_lines[-1]

    def place(self, node: ast.AST) -> str:
        return f"{self.script}:{self.line(node)}"

    def opaque(self, value: Value) -> Value:
        """The unknown value that an imported name stands for."""
        return self.opaque_names.setdefault(value.full, Opaque(value.full)) if isinstance(value, Name) else value

    def visit_Constant(self, node: ast.Constant) -> Value:
        value = node.value
        if isinstance(value, str):
            return value if len(value) <= text.MAX_TEXT else Opaque("text")
        if isinstance(value, int) and abs(value) > text.LARGEST:
            return Opaque("number")
        return value if known(value) else "..." if value is ... else Opaque("constant")

    def visit_Name(self, node: ast.Name) -> Value:
        try:
            return self.scope.get(node.id)
        except KeyError:
            if node.id in BUILTINS or node.id in ALIASES:
                return Name(ALIASES.get(node.id, node.id))
            *_, module = self.scope.chain()
            return module.values.setdefault(node.id, Opaque(node.id[:MAX_NAME]))

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.visit(node.value), node.attr)

    def attribute(self, value: Value, name: str) -> Value:
        """``value.name``."""
        match value:
            case Name(full=full):
                return Name(f"{full}.{name}"[-MAX_NAME:])
            case Instance():
                return self._member(value, name)
            case Class():
                try:
                    return value.member(name)
                except KeyError:
                    return Opaque(name, value.framework)
            case str() if name in text.ATTRIBUTES:
                return text.ATTRIBUTES[name](value)
            case Loaded() | Gap() | Opaque() if name in CONVERSIONS:
                return value
            case Loaded():
                return value.item(f".{name}") if name not in CREATORS else Opaque(name, data=True)
            case Opaque():
                return value.part(f".{name}", data=name in CREATORS)
        return Opaque(name[:MAX_NAME])

    def _member(self, value: Instance, name: str) -> Value:
        if name in value.values:
            return value.values[name]
        if isinstance(value.kind, Class):
            try:
                member = value.kind.member(name)
            except KeyError:
                return value.opaque.part(f".{name}", data=name in CREATORS)
            return Function(member.node, member.scope, value) if isinstance(member, Function) else member
        return value.opaque.part(f".{name}")

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        value, index = self.opaque(self.visit(node.value)), self.visit(node.slice)
        written = placeholder(index) if not isinstance(index, (slice, tuple)) else None
        result = containers.subscript(
            value, index, written if written is not None else ast.unparse(node.slice)[:MAX_NAME]
        )
        return combined(label(node), [value, index]) if result is containers.UNKNOWN else result

    def visit_Slice(self, node: ast.Slice) -> Value:
        bounds = [self.visit(part) if part else None for part in (node.lower, node.upper, node.step)]
        if all(bound is None or isinstance(bound, int) for bound in bounds):
            return slice(*bounds)
        return Opaque("slice")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Value:
        parts = [self.visit(value) for value in node.values]
        result = text.joined([self.opaque(part) for part in parts])
        return Opaque("text") if result is None else result

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Value:
        value = self.opaque(self.visit(node.value))
        spec = self.visit(node.format_spec) if node.format_spec else ""
        result = text.formatted(value, spec) if isinstance(spec, str) else None
        return Opaque(label(node.value)) if result is None else result

    def elements(self, nodes: list[ast.expr]) -> list[Value]:
        """Values of expressions, with ``*values`` unpacked."""
        values: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values += containers.items(self.visit(node.value))
            else:
                values.append(self.visit(node))
        return values

    def visit_List(self, node: ast.List | ast.Set) -> Value:
        return self.elements(node.elts)

    visit_Set = visit_List

    def visit_Tuple(self, node: ast.Tuple) -> Value:
        return tuple(self.elements(node.elts))

    def visit_Dict(self, node: ast.Dict) -> Value:
        result: dict[Value, Value] = {}
        for key, value_node in zip(node.keys, node.values, strict=True):
            value = self.visit(value_node)
            if key is not None:
                result[containers.hashable(self.opaque(self.visit(key)))] = value
            elif isinstance(value, dict):
                result |= value
        return result

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        return [self.visit(node.elt) for _ in self._generated(node.generators)]

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> Value:
        pairs = ((self.opaque(self.visit(node.key)), self.visit(node.value)) for _ in self._generated(node.generators))
        return {containers.hashable(key): value for key, value in pairs}

    def _generated(self, generators: list[ast.comprehension]) -> Iterator[None]:
        """Runs through the loops of a comprehension, assigning their variables."""
        if not generators:
            yield
            return
        loop, *inner = generators
        with self.within(Scope(self.scope.script, self.scope)):
            for item in containers.items(self.visit(loop.iter)):
                self.assign(loop.target, item)
                if all(not known(held := self.visit(condition)) or held for condition in loop.ifs):
                    yield from self._generated(inner)

    @contextmanager
    def within(self, scope: Scope) -> Iterator[None]:
        """Evaluates in another scope for a while."""
        before, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = before

    def visit_Lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.scope)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.visit(node.value)
        self.assign(node.target, value)
        return value

    def visit_Starred(self, node: ast.Starred) -> Value:
        return self.visit(node.value)

    def visit_Await(self, node: ast.Await) -> Value:
        return self.visit(node.value)

    def assign(self, target: ast.expr, value: Value) -> None:
        """``target = value``."""
        match target:
            case ast.Name(id=name):
                *_, module = self.scope.chain()
                (module if name in self.scope.shared else self.scope).values[name] = value
            case ast.Starred(value=inner):
                self.assign(inner, [value])
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                whole = isinstance(value, (list, tuple)) and len(value) == len(targets)
                for place, one in enumerate(targets):
                    part = value[place] if whole else containers.subscript(value, place, str(place))
                    self.assign(one, combined("item", [value]) if part is containers.UNKNOWN else part)
            case ast.Attribute(value=owner, attr=name):
                instance = self.visit(owner)
                if isinstance(instance, Instance):
                    instance.values[name] = value
                elif isinstance(instance, Opaque):
                    instance.parts[f".{name}"] = value
            case ast.Subscript(value=owner, slice=index):
                container, key = self.visit(owner), self.opaque(self.visit(index))
                if isinstance(container, dict):
                    container[containers.hashable(key)] = value
                elif isinstance(container, list) and isinstance(key, int) and -len(container) <= key < len(container):
                    container[key] = value
