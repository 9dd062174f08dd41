"""YAML as people write it: version 1.2's scalars, no aliases, no key twice, one readable error.

PyYAML reads version 1.1, in which ``042`` is 34, ``1:30`` is 90, ``1e-3`` is a text and ``no`` is false.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from repro.errors import InputError

MAX_CHARACTERS = 1 << 20
_INTEGER = r"[-+]?[0-9]{1,30}"  # longer ones stay texts, which no field takes for a number

_SHIPPED = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, in every wheel: eight times as fast


def shipped(text: str) -> Any:
    """The value of a YAML text that comes with this package, by PyYAML's own rules."""
    return yaml.load(text, _SHIPPED)


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return mapping

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        return int(self.construct_scalar(node))

    def construct_decimal(self, node: yaml.ScalarNode) -> float:
        return float(self.construct_scalar(node).replace(".inf", "inf").replace(".nan", "nan"))


_Loader.yaml_implicit_resolvers = {}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_decimal)
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def parse(text: str, where: object) -> Any:
    """The value of a YAML text.

    Args:
        where: what an error names: the file, or the option.

    Raises:
        InputError: it is not YAML, has aliases or the same key twice, or is too long or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"more than {MAX_CHARACTERS} characters of YAML", where=where)
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" (line {mark.line + 1})" if mark else ""
        what = f"not YAML: {error.problem or error.context}{line}"
        raise InputError(what, where=where, next_step="correct this line, or put the text in quotes") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"not YAML: {text}", where=where) from error
