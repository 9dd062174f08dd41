"""Files that hide a module: Python takes the first of a name on its path, such as a ``json.py`` in the working
directory or in a folder of ``PYTHONPATH``. Imports only what the interpreter itself has loaded already."""

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder

OURS = "repro"  # a checkout may well stand before an installed one


def _files_behind(error: BaseException) -> Iterator[str]:
    """Files that the error passed through, and those of the modules that are loaded."""
    frame = error.__traceback__
    while frame is not None:
        yield frame.tb_frame.f_code.co_filename
        frame = frame.tb_next
    yield from (file for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None)))


def _hides(file: str) -> bool:
    """Whether the path of Python leads to another module of this file's name, later on."""
    path = [os.path.abspath(entry) for entry in sys.path]
    folder, name = os.path.split(file.removesuffix("/__init__.py").removesuffix(".py"))
    if name == OURS or folder not in path:
        return False
    later = [entry for entry in path[path.index(folder) + 1 :] if entry != folder]
    return PathFinder.find_spec(name, later) is not None


def hiding_file(error: BaseException) -> str | None:
    """The file, behind an error or loaded, that hides a module."""
    return next(filter(_hides, dict.fromkeys(_files_behind(error))), None)


def hiding_files(names: Iterable[str]) -> list[str]:
    """The files that would be loaded for these modules in place of others."""
    specs = [PathFinder.find_spec(name) for name in names]
    return [spec.origin for spec in specs if spec and spec.origin and _hides(spec.origin)]
