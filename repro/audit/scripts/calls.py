"""What a call in a script gives: functions of the scripts are followed, those of libraries known by name."""

import ast
import posixpath

from repro.audit.scripts import containers, text
from repro.audit.scripts.expressions import Call, Named, label
from repro.audit.scripts.library import CONVERSIONS, creates_data, framework_of
from repro.audit.scripts.objects import Objects
from repro.audit.scripts.recording import combined
from repro.audit.scripts.values import (
    Class,
    Function,
    Gap,
    Instance,
    Loaded,
    Name,
    Opaque,
    Value,
    placeholder,
    signature,
)

PROGRAMS = ("subprocess.", "os.system", "os.popen", "os.rename", "os.replace", "shutil.", "runpy.")
STATEFUL = frozenset("next pop popleft read readline recv get input sample".split())  # each call gives another result
PATH_METHODS = frozenset("with_suffix with_name with_stem resolve absolute as_posix expanduser".split())


class Calls(Objects):
    """Evaluates calls."""

    def visit_Call(self, node: ast.Call) -> Value:
        receiver: Value = None
        if isinstance(node.func, ast.Attribute):
            receiver, full = self.visit(node.func.value), node.func.attr
            target = self.attribute(receiver, full) if isinstance(receiver, (Name, Instance, Class)) else None
        else:
            target, full = self.visit(node.func), label(node.func)
        if isinstance(target, Name):
            full = target.full
        if isinstance(receiver, Name):
            receiver = None
        arguments, named = self.elements(node.args), self._named(node.keywords)
        inside = self.scope.script == self.script
        if inside:
            self.call_lines.append(node.lineno)
        try:
            return self.call(Call(node, full, target, receiver, arguments, named))
        finally:
            if inside:
                self.call_lines.pop()

    def _named(self, keywords: list[ast.keyword]) -> Named:
        named: Named = {}
        for keyword in keywords:
            value = self.visit(keyword.value)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named |= {key: item for key, item in value.items() if isinstance(key, str)}
        return named

    def call(self, call: Call) -> Value:
        """Result of a call: of a function of the scripts, of a known one, or an unknown value."""
        self.record.spend()
        if isinstance(call.target, Function):
            return self.invoke(call.target, call.arguments, call.named)
        if isinstance(call.target, Class):
            return self.instantiate(call.target, call.arguments, call.named)
        if isinstance(call.target, Instance) and call.target.kind == "partial":
            inner = call.target.values
            whole = Call(call.node, inner["full"], inner["target"], None, [*inner["arguments"], *call.arguments], {})
            return self.call(whole)
        for attempt in (self._on_receiver, self.file_call, self.comparing_call, self.object_call, self._plain):
            result = attempt(call)
            if result is not containers.UNKNOWN:
                return result
        return self._unknown(call)

    def invoke(self, function: Function, arguments: list[Value], named: Named) -> Value:
        raise NotImplementedError

    def instantiate(self, kind: Class, arguments: list[Value], named: Named) -> Value:
        raise NotImplementedError

    def _unknown(self, call: Call) -> Value:
        """A function that nothing is known of: its result is that of the framework that it belongs to."""
        values = [*call.arguments, *call.named.values()]
        if call.full.startswith(PROGRAMS):
            self.record.effects += 1
        callee = call.receiver if call.receiver is not None else call.target
        callee = callee.opaque if isinstance(callee, Instance) else callee
        numeric = call.full.startswith(("numpy.", "scipy.", "math."))
        data, framework = creates_data(call.full), ""
        if isinstance(callee, (Loaded, Gap)) or (numeric and isinstance(callee, Name) and not data):
            return combined(label(call.node), [callee, *values])
        if isinstance(callee, Name):
            framework = framework_of(call.full)
        elif isinstance(callee, Opaque):
            framework, data = callee.framework, data or callee.data
        same = call.name not in STATEFUL
        called = (call.name, signature(callee), signature(call.arguments), signature(call.named), self.record.effects)
        return Opaque(label(call.node), framework, data, signature=hash(called) if same else 0)

    def _on_receiver(self, call: Call) -> Value:
        """A method of a text, a list, a dict or a file's content."""
        receiver = call.receiver
        if isinstance(receiver, str):
            return self._on_text(receiver, call)
        if isinstance(receiver, (list, dict, tuple)):
            return containers.method(receiver, call.name, call.arguments)
        if isinstance(receiver, Loaded):
            if call.name == "items":
                return Instance("items", {"of": receiver})
            if call.name in ("get", "get_tensor", "pop") and call.arguments:
                return receiver.item(f"[{placeholder(call.arguments[0])}]")
            if call.name in ("read", "readlines", "close"):
                return receiver
        return containers.UNKNOWN

    def _on_text(self, receiver: str, call: Call) -> Value:
        name, values = call.name, [self.opaque(argument) for argument in call.arguments]
        result: Value = None
        if name == "format":
            result = text.filled(receiver, values, {key: self.opaque(value) for key, value in call.named.items()})
        elif name == "joinpath":
            result = text.join_paths([receiver, *values])
        elif name in PATH_METHODS:
            if all(isinstance(value, str) for value in values):
                result = text.FUNCTIONS[name](receiver, *values[:1])
        elif name in ("glob", "rglob", "iterdir"):
            pattern = values[0] if values and isinstance(values[0], str) else "*"
            return self.listed(posixpath.join(receiver, "**" if name == "rglob" else "", pattern))
        elif name in ("read", "read_text", "read_bytes", "readlines"):
            return self.record.load(receiver)
        elif name in ("open", "decode", "encode"):
            return receiver
        else:
            result = text.method(receiver, name, values)
        return Opaque(f"{name}()") if result is None else result

    def _plain(self, call: Call) -> Value:
        """A function that gives what it takes, or what Python's own functions give."""
        name, arguments = call.name, call.arguments
        if call.receiver is None and arguments:
            if name == "join" or name in text.FUNCTIONS:
                return self._path(name, [self.opaque(argument) for argument in arguments])
            if name == "getattr" and len(arguments) > 1 and isinstance(arguments[1], str):
                return self.attribute(arguments[0], arguments[1])
            if name == "partial":
                full = arguments[0].full if isinstance(arguments[0], Name) else "function"
                return Instance("partial", {"full": full, "target": arguments[0], "arguments": arguments[1:]})
            if name == "map" and len(arguments) > 1:
                full = arguments[0].full if isinstance(arguments[0], Name) else "function"
                rows = containers.FUNCTIONS["zip"](*arguments[1:])
                return [self.call(Call(call.node, full, arguments[0], None, list(row), {})) for row in rows]
        if name in containers.FUNCTIONS and call.receiver is None:
            try:
                return containers.FUNCTIONS[name](*arguments)
            except TypeError:
                return containers.UNKNOWN
        if name == "dict" and call.receiver is None and not (arguments and isinstance(arguments[0], Loaded)):
            return (arguments[0] if arguments and isinstance(arguments[0], dict) else {}) | call.named
        return self._converted(call) if name in CONVERSIONS | {"dict"} else containers.UNKNOWN

    def _path(self, name: str, values: list[Value]) -> Value:
        if name == "join" or (name in ("Path", "PurePath") and len(values) > 1):
            result = text.join_paths(values)
            return Opaque("path") if result is None else result
        if isinstance(values[0], str):
            return text.FUNCTIONS[name](*(value for value in values[:2] if isinstance(value, str)))
        return values[0] if name in ("Path", "PurePath", "str", "open") else containers.UNKNOWN

    def _converted(self, call: Call) -> Value:
        value = call.receiver if call.receiver is not None else call.arguments[0] if call.arguments else None
        if call.name in ("list", "tuple", "sorted") and isinstance(value, (list, tuple, dict)):
            return list(value)
        if call.name in ("float", "int") and isinstance(value, str):
            return text.as_number(value)
        return containers.UNKNOWN if value is None else value
