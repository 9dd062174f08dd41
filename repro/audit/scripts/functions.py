"""Functions and classes of the scripts, called with the values of their arguments, and imports between scripts."""

import ast
from collections.abc import Sequence

from repro.audit.scripts import containers
from repro.audit.scripts.calls import Calls
from repro.audit.scripts.expressions import Named
from repro.audit.scripts.library import framework_of
from repro.audit.scripts.source import Modules
from repro.audit.scripts.values import Class, Function, Instance, Name, Opaque, Scope, Value

MAX_CALLS = 24  # functions that call each other deeper are not followed


class Functions(Calls):
    """Defines and calls functions and classes."""

    modules: Modules
    imported: dict[str, Instance]
    called: set[ast.AST]
    returned: list[Value]
    depth: int

    def run(self, statements: Sequence[ast.stmt]) -> str | None:
        raise NotImplementedError

    def module(self, path: str, name: str) -> Scope:
        raise NotImplementedError

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        self.scope.values[node.name] = Function(node, self.scope)
        return None

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> Value:
        bases = [self.visit(base) for base in node.bases]
        names = [
            framework_of(base.full) if isinstance(base, Name) else getattr(base, "framework", "") for base in bases
        ]
        framework = next(filter(None, names), "")
        scope = Scope(self.scope.script, self.scope)
        self.scope.values[node.name] = Class(node, scope, bases, framework)
        with self.within(scope):
            self.run(node.body)
        return None

    def instantiate(self, kind: Class, arguments: list[Value], named: Named) -> Value:
        self.called.add(kind.node)
        instance = Instance(kind, opaque=Opaque(kind.node.name, kind.framework))
        try:
            constructor = kind.member("__init__")
        except KeyError:
            fields = _fields(kind.node)
            instance.values = dict(zip(fields, arguments, strict=False)) | named
            return instance
        if isinstance(constructor, Function):
            self.invoke(Function(constructor.node, constructor.scope, instance), arguments, named)
        return instance

    def invoke(self, function: Function, arguments: list[Value], named: Named) -> Value:
        node = function.node
        self.called.add(node)
        if self.depth >= MAX_CALLS:
            return Opaque("call")
        scope = Scope(function.scope.script, function.scope)
        if not isinstance(node, ast.Lambda):
            named = next(self.decorated(node), {}) | named
        if function.receiver is not None and not _is_static(node):
            arguments = [function.receiver, *arguments]
        with self.within(function.scope):
            self._bind(node.args, scope, arguments, named)
        outer, self.returned = self.returned, []
        self.depth += 1
        try:
            with self.within(scope):
                if isinstance(node, ast.Lambda):
                    return self.visit(node.body)
                self.run(node.body)
                return self._result()
        finally:
            self.depth -= 1
            self.returned = outer

    def _result(self) -> Value:
        if not self.returned:
            return None
        result = self.returned[0]
        for other in self.returned[1:]:
            both = isinstance(result, list) and isinstance(other, list)
            result = [*result, *other][: containers.MAX_ITEMS] if both else self.merged(result, other)
        return result

    def _bind(self, parameters: ast.arguments, scope: Scope, arguments: list[Value], named: Named) -> None:
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        defaults = dict(zip(names[::-1], parameters.defaults[::-1], strict=False))
        keywords = [parameter.arg for parameter in parameters.kwonlyargs]
        defaults |= {k: d for k, d in zip(keywords, parameters.kw_defaults, strict=True) if d is not None}
        bound = dict(zip(names, arguments, strict=False)) | {k: v for k, v in named.items() if k in (*names, *keywords)}
        for name in (*names, *keywords):
            if name in bound:
                scope.values[name] = bound[name]
            else:
                scope.values[name] = self.visit(defaults[name]) if name in defaults else Opaque(name)
        if parameters.vararg:
            scope.values[parameters.vararg.arg] = tuple(arguments[len(names) :])
        if parameters.kwarg:
            scope.values[parameters.kwarg.arg] = {k: v for k, v in named.items() if k not in bound}

    def visit_Return(self, node: ast.Return) -> Value:
        self.returned.append(self.visit(node.value) if node.value else None)
        return "return"

    def visit_Yield(self, node: ast.Yield) -> Value:
        self.returned.append([self.visit(node.value) if node.value else None])
        return None

    def visit_Import(self, node: ast.Import) -> Value:
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            self.scope.values[alias.asname or name] = self._imported(name, 0) or Name(name)
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Value:
        package = self._imported(node.module or "", node.level)
        for alias in node.names:
            full = f"{node.module}.{alias.name}" if node.module else alias.name
            if package is not None and alias.name == "*":
                self.scope.values |= {k: v for k, v in package.values.items() if not k.startswith("_")}
            elif package is not None and alias.name in package.values:
                self.scope.values[alias.asname or alias.name] = package.values[alias.name]
            elif alias.name != "*":
                self.scope.values[alias.asname or alias.name] = self._imported(full, node.level) or Name(full)
        return None

    def _imported(self, name: str, level: int) -> Instance | None:
        """A script of the folder as a module: beside the importing one, above it, or from the root."""
        parts = self.scope.script.split("/")[:-1]
        tail = name.replace(".", "/")
        ups = [len(parts) - level + 1] if level else range(len(parts), -1, -1)
        for up in ups:
            stem = "/".join([*parts[: max(up, 0)], *([tail] if tail else [])])
            for path in (f"{stem}.py", f"{stem}/__init__.py"):
                if path in self.modules and path != self.script:
                    return self._load(path)
        return None

    def _load(self, path: str) -> Instance:
        if path not in self.imported:
            module = self.imported[path] = Instance("module")  # an import in a circle gets what is there so far
            if self.depth < MAX_CALLS:
                self.depth += 1
                module.values = self.module(path, path.removesuffix(".py")).values
                self.depth -= 1
        return self.imported[path]


def _is_static(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in decorators)


def _fields(node: ast.ClassDef) -> list[str]:
    """Fields of a dataclass."""
    return [i.target.id for i in node.body if isinstance(i, ast.AnnAssign) and isinstance(i.target, ast.Name)]
