"""Fingerprints of code: a piece of work is redone when a module that it imports, directly or not, has changed."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from repro.errors import InputError
from repro.paths import PACKAGE

DATA_SUFFIXES = (".yaml", ".json", ".md", ".txt")


def _file_of(module: str) -> Path | None:
    """Source file of ``repro.a.b``; None where this is no module (a name imported from one)."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _imports(path: Path, module: str) -> frozenset[str]:
    """Names under ``repro`` that a file imports anywhere, inside functions as well."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(name for name in names if name == "repro" or name.startswith("repro."))


def closure(modules: Iterable[str], without: Iterable[str] = ()) -> set[Path]:
    """Every source file that these modules import, directly or not, and the data files (YAML, JSON) beside them.

    The packages above a module count as files, but what they import for others' sake does not.

    Args:
        without: modules and packages that make no difference to the result.

    Raises:
        InputError: one of ``modules`` does not exist.
    """
    waiting = list(modules)
    for module in waiting:
        if _file_of(module) is None:
            raise InputError(f"no module {module}", next_step="install the package again")
    seen, files = set(waiting), set()
    leave = tuple(without)
    while waiting:
        module = waiting.pop()
        path = _file_of(module)
        if path is None:
            continue
        files |= {path, *_packages_above(path)}
        if path.parent != PACKAGE:
            files.update(p for p in path.parent.iterdir() if p.suffix in DATA_SUFFIXES)
        for name in _imports(path, module) - seen:
            seen.add(name)
            if not any(name == skip or name.startswith(f"{skip}.") for skip in leave):
                waiting.append(name)
    return files


def _packages_above(path: Path) -> list[Path]:
    folders = [folder for folder in path.parents if folder.is_relative_to(PACKAGE)]
    return [folder / "__init__.py" for folder in folders if (folder / "__init__.py").is_file()]


@functools.cache
def fingerprint(modules: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """Hex sha256 over names and contents of the closure of ``modules``."""
    digest = hashlib.sha256()
    for path in sorted(closure(modules, without)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
