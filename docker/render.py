#!/usr/bin/env python3
"""Fill in a job template: ``render.py TEMPLATE [NAME=VALUE …]`` prints it with ``$NAME`` replaced.

Values come from ``values.env`` beside the template, then from the environment of the same names, then from the command
line. ``ARGUMENTS`` is split as a shell would and written as the items of a list. Standard library only: it runs where
jobs are submitted from, without an environment.
"""

import json
import os
import shlex
import sys
from pathlib import Path
from string import Template

VALUES = "values.env"


def read_values(path: Path) -> dict[str, str]:
    """``NAME=VALUE`` lines; others are comments."""
    lines = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def render(template: Path, overrides: dict[str, str]) -> str:
    """The filled-in text.

    Raises:
        KeyError: a value of the template is nowhere.
    """
    values = read_values(template.parent / VALUES)
    values |= {name: os.environ[name] for name in values if name in os.environ} | overrides
    values["ARGUMENTS"] = ", ".join(json.dumps(word) for word in shlex.split(values["ARGUMENTS"]))
    return Template(template.read_text(encoding="utf-8")).substitute(values)


def main(arguments: list[str]) -> int:
    """Command line; returns the exit code."""
    words = [argument.partition("=") for argument in arguments[1:]]
    if not arguments or any(not equals for _, equals, _ in words):
        print("usage: render.py TEMPLATE [NAME=VALUE …]", file=sys.stderr)
        return 2
    try:
        print(render(Path(arguments[0]), {name: value for name, _, value in words}), end="")
    except KeyError as error:
        print(f"render.py: {arguments[0]} needs {error.args[0]}\n  next:  {error.args[0]}=VALUE", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"render.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
