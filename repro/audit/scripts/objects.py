"""Objects that the audit knows: ``reprod_log``'s helper and logger, and the options of a script."""

import ast
from collections.abc import Iterator

from repro.audit.scripts import containers
from repro.audit.scripts.comparers import HELPER, helper_tolerance
from repro.audit.scripts.comparing import Comparing
from repro.audit.scripts.expressions import Call
from repro.audit.scripts.text import as_number
from repro.audit.scripts.values import MAX_NAME, Instance, Name, Opaque, Value


class Objects(Comparing):
    """Calls of their methods.

    Attributes:
        logged: what each logger holds.
        parser, flags: options that are declared on an object the script does not make itself.
    """

    logged: dict[Opaque, dict[Value, Value]]
    parser: Instance
    flags: Instance

    def object_call(self, call: Call) -> Value:
        """Result of a method of such an object; else ``UNKNOWN``."""
        name, owner = call.name, call.owner
        if name == "report":
            self._judge(call, call.arguments, self.pending.get(owner, []))
            return None
        if name == "check_print_diff" and call.arguments and isinstance(call.arguments[0], Instance):
            self._judge(call, call.arguments[1:], call.arguments[0].values.get("numbers", []))
            return Opaque("condition")
        if owner is not None and name == "add" and len(both := [*call.arguments, *call.named.values()]) == 2:
            self.logged.setdefault(owner, {})[containers.hashable(self.opaque(both[0]))] = both[1]
            return None
        if owner in self.logged:
            if name == "save" and (path := [*call.arguments, *call.named.values()]):
                self.save(call, path[0], dict(self.logged[owner]))
                return None
            if name in ("clear", "remove"):
                self.logged.pop(owner)
                return None
        return self._options(call)

    def _judge(self, call: Call, arguments: list[Value], numbers: list[int]) -> None:
        """What a report asks for holds for the comparisons that it reports."""
        stated = dict(zip(("diff_method", "diff_threshold"), arguments, strict=False)) | call.named
        method, threshold = stated.get("diff_method", HELPER[0]), stated.get("diff_threshold", HELPER[1])
        place = self.place(call.node) + ("" if "diff_threshold" in stated else " (default of reprod_log)")
        self.record.judge(numbers, helper_tolerance(method, threshold, place))

    def _options(self, call: Call) -> Value:
        """Options of the command line: each is worth its default."""
        name, arguments = call.name, call.arguments
        parser = call.receiver if isinstance(call.receiver, Instance) else self.parser
        if name == "ArgumentParser":
            return Instance("parser")
        if name == "add_argument" and arguments and isinstance(arguments[0], str):
            parser.values |= dict([self.option(call)])
            return None
        if name in ("add_argument_group", "add_mutually_exclusive_group", "add_subparsers", "add_parser"):
            return parser
        if name in ("parse_args", "parse_known_args"):
            result = Instance("arguments", dict(parser.values))
            return result if name == "parse_args" else (result, [])
        if name.startswith("DEFINE_") and len(arguments) > 1 and isinstance(arguments[0], str):
            self.flags.values[arguments[0]] = arguments[1]
            return self.flags
        if name == "FLAGS":
            return self.flags
        if name in ("Namespace", "SimpleNamespace", "EasyDict", "edict"):
            inner = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
            return Instance("namespace", inner | call.named)
        return containers.UNKNOWN

    def option(self, call: Call) -> tuple[str, Value]:
        """Name and default of a declared option: ``("torch_path", "a.npy")``."""
        flags = [flag for flag in call.arguments if isinstance(flag, str)]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "option")
        name = call.named.get("dest", long.lstrip("-").replace("-", "_"))
        default, kind = call.named.get("default"), call.named.get("type")
        if default is None or "action" in call.named:
            default = Opaque(f"args.{name}"[:MAX_NAME])
        if isinstance(default, str) and isinstance(kind, Name) and kind.full in ("float", "int"):
            default = as_number(default)
        return str(name), default

    def decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[dict[str, Value]]:
        """Arguments that decorators give to a function: defaults of click's options, pytest's parameters in turn."""
        options: dict[str, Value] = {}
        cases: list[dict[str, Value]] = [{}]
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            arguments = self.elements(decorator.args)
            named = {keyword.arg: self.visit(keyword.value) for keyword in decorator.keywords if keyword.arg}
            if decorator.func.attr == "option":
                options |= dict([self.option(Call(decorator, "option", None, None, arguments, named))])
            elif decorator.func.attr == "parametrize" and len(arguments) > 1:
                cases = [case | more for case in cases for more in _cases(*arguments[:2])][: containers.MAX_ITEMS]
        return (options | case for case in cases)


def _cases(names: Value, rows: Value) -> list[dict[str, Value]]:
    """What pytest's ``parametrize`` gives to a test in turn."""
    split = names.replace(",", " ").split() if isinstance(names, str) else containers.items(names)
    cases = []
    for row in containers.items(rows):
        values = row if len(split) > 1 and isinstance(row, (list, tuple)) else [row]
        cases.append({str(name): value for name, value in zip(split, values, strict=False)})
    return cases
