"""Follows a script from its first statement to its last, and then each function that nothing called."""

import ast
from collections.abc import Sequence
from typing import Any, Literal, cast

from repro.audit.scripts import containers, text
from repro.audit.scripts.functions import Functions
from repro.audit.scripts.recording import Record, StepsSpentError
from repro.audit.scripts.source import Modules
from repro.audit.scripts.values import MAX_NAME, Class, Function, Instance, Opaque, Scope, Value, known

Exit = Literal["return", "break", "continue"]  # how a block of statements ends early
# Methods after which a model is still the same program.
HARMLESS = frozenset("eval train to cuda cpu zero_grad clear_grad step backward load_state_dict set_state_dict".split())
_MAIN = "__main__"


class Interpreter(Functions):
    """Follows one script.

    Args:
        script: its path in the audited folder.
        modules: the folder's scripts, for imports.
        files: dumps of the folder.
    """

    def __init__(self, script: str, modules: Modules, files: Sequence[str]) -> None:
        super().__init__(script, Record())
        self.modules, self.files = modules, files
        self.imported: dict[str, Instance] = {}
        self.called: set[ast.AST] = set()
        self.branches: dict[int, bool] = {}
        self.taken: set[tuple[ast.If, bool]] = set()
        self.untaken: dict[tuple[ast.If, bool], Scope] = {}
        self.depth = 0
        self.pending: dict[Opaque | None, list[int]] = {}  # comparisons of a helper that wait for its report
        self.logged: dict[Opaque, dict[Value, Value]] = {}  # what a logger holds
        self.parser, self.flags = Instance("parser"), Instance("flags")
        self.returned: list[Value] = []

    def follow(self) -> Record:
        """Follow the script; what it did until the end, or until it took too many steps."""
        module = self.modules.tree(self.script)
        try:
            self.module(self.script, _MAIN)
            for node in ast.walk(module):
                if isinstance(node, ast.ClassDef) and node not in self.called:
                    self._try(lambda node=node: self._methods(node))
            for node in ast.walk(module):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node not in self.called:
                    for named in self.decorated(node):
                        self._try(lambda node=node, named=named: self.invoke(Function(node, self.scope), [], named))
            self._other_branches()
        except StepsSpentError:
            self.record.complete = False
        return self.record

    def _try(self, act: Any) -> None:
        try:
            act()
        except RecursionError:
            self.depth = 0

    def module(self, path: str, name: str) -> Scope:
        """Run a script's statements; its variables."""
        scope = Scope(path, values={"__name__": name, "__file__": text.path_of(path)})
        with self.within(scope):
            for statement in self.modules.tree(path).body:
                self._try(lambda statement=statement: self.visit(statement))
        if path == self.script:
            self.scope = scope
        return scope

    def _methods(self, node: ast.ClassDef) -> None:
        """Call the methods of a class that nobody uses, as a test runner would."""
        value = self.scope.values.get(node.name)
        if not isinstance(value, Class):
            return
        instance = self.instantiate(value, [], {})
        methods = [item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))]
        for method in sorted(methods, key=lambda method: not method.name.lower().startswith("setup")):
            if method not in self.called:
                self.invoke(Function(method, value.scope, instance), [], {})

    def run(self, statements: Sequence[ast.stmt]) -> Exit | None:
        """Run statements in order until one of them certainly leaves the block; how it leaves."""
        for statement in statements:
            if (leaving := self.visit(statement)) is not None:
                return cast(Exit, leaving)
        return None

    def visit_Expr(self, node: ast.Expr) -> Value:
        value, call = self.visit(node.value), node.value
        if isinstance(value, Opaque) and isinstance(call, ast.Call):
            if isinstance(call.func, ast.Name):
                self.record.effects += call.func.id != "print"  # a function that nothing is known of may write files
            elif isinstance(call.func, ast.Attribute) and call.func.attr not in HARMLESS:
                owner = self.visit(call.func.value)
                owner = owner.opaque if isinstance(owner, Instance) else owner
                if isinstance(owner, Opaque):
                    owner.change()
        return None

    def visit_Assign(self, node: ast.Assign) -> Value:
        value = self.visit(node.value)
        for target in node.targets:
            self.assign(target, value)
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Value:
        if node.value is not None:
            self.assign(node.target, self.visit(node.value))
        return None

    def visit_AugAssign(self, node: ast.AugAssign) -> Value:
        load = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
        self.assign(node.target, self.visit(load))
        return None

    def visit_Assert(self, node: ast.Assert) -> Value:
        self.generic_visit(node)
        return None

    def visit_Raise(self, node: ast.Raise) -> Value:
        return "return"

    def visit_Break(self, node: ast.Break) -> Value:
        return "break"

    def visit_Continue(self, node: ast.Continue) -> Value:
        return "continue"

    def visit_With(self, node: ast.With | ast.AsyncWith) -> Value:
        for item in node.items:
            value = self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        return self.run(node.body)

    visit_AsyncWith = visit_With

    def visit_If(self, node: ast.If) -> Value:
        condition = self.visit(node.test)
        if known(condition):
            way = bool(condition)
            self.record.spend(len(self.scope.values) // 8)
            self.untaken.setdefault(
                (node, not way), Scope(self.scope.script, self.scope.outer, dict(self.scope.values))
            )
            return self._branch(node, way)
        self.record.spend(len(self.scope.values) // 8)  # for the copies below
        before = dict(self.scope.values)
        first = self._branch(node, True)
        after, self.scope.values = self.scope.values, before
        second = self._branch(node, False)
        if first and not second:
            return None
        if second and not first:
            self.scope.values = after
            return None
        for name in after.keys() & self.scope.values.keys():
            self.scope.values[name] = self.merged(after[name], self.scope.values[name])
        self.scope.values = after | self.scope.values
        return first if first == second else "return" if first else None

    def _branch(self, node: ast.If, way: bool) -> Exit | None:
        before = self.branches
        self.branches = before | {id(node): way}
        self.taken.add((node, way))
        try:
            return self.run(node.body if way else node.orelse)
        finally:
            self.branches = before

    def _other_branches(self) -> None:
        """Run what no value led to, as another option would. It may compare, but with which values is not certain."""
        self.record.certain = False
        for (node, way), scope in list(self.untaken.items()):
            constant = isinstance(node.test, ast.Constant) or "__name__" in ast.unparse(node.test)[:MAX_NAME]
            if (node, way) not in self.taken and not constant:
                with self.within(scope):
                    self._try(lambda node=node, way=way: self._branch(node, way))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> Value:
        for item in containers.items(self.opaque(self.visit(node.iter))):
            self.assign(node.target, item)
            leaving = self.run(node.body)
            if leaving == "return":
                return leaving
            if leaving == "break":
                return None
        return self.run(node.orelse)

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> Value:
        self.visit(node.test)
        return "return" if self.run(node.body) == "return" else None

    def visit_Try(self, node: ast.Try) -> Value:
        leaving = self.run(node.body)
        self.record.spend(len(self.scope.values) // 8)
        succeeded, self.scope.values = self.scope.values, dict(self.scope.values)
        for handler in node.handlers:
            self.run(handler.body)
        self.scope.values = self.scope.values | succeeded  # what only a failure assigns counts as a last resort
        return leaving or self.run(node.orelse) or self.run(node.finalbody)

    def visit_TryStar(self, node: ast.TryStar) -> Value:
        return self.run(node.body)

    def visit_Match(self, node: ast.Match) -> Value:
        self.visit(node.subject)
        for case in node.cases:
            self.run(case.body)
        return None

    def visit_Pass(self, node: ast.AST) -> Value:
        return None

    visit_Delete = visit_Nonlocal = visit_Pass

    def visit_Global(self, node: ast.Global) -> Value:
        self.scope.shared.update(node.names)
        return None
