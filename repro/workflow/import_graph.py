"""Fingerprints of code: a task is redone when a module that computes it, or one that this imports, has changed."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

from repro.config.paths import PACKAGE, sha256_file
from repro.errors import InputError

DATA_SUFFIXES = (".yaml", ".json", ".md", ".txt", ".html", ".css", ".j2")


def _file_of(package: Path, module: str) -> Path | None:
    """Source file of ``repro.a.b``; None where this is no module (a name imported from one)."""
    path = package.joinpath(*module.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _imports(path: Path, module: str) -> set[str]:
    """Names under ``repro`` that a file imports anywhere, inside functions as well."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {name for name in names if name == "repro" or name.startswith("repro.")}


@cache
def _read(package: Path, module: str) -> tuple[frozenset[Path], frozenset[str]]:
    """(files that belong to a module, names that it imports); both empty where there is no such module."""
    path = _file_of(package, module)
    if path is None:
        return frozenset(), frozenset()
    above = [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(package)]
    beside = path.parent.iterdir() if path.parent != package else ()
    files = {path, *(file for file in above if file.is_file()), *(p for p in beside if p.suffix in DATA_SUFFIXES)}
    return frozenset(files), frozenset(_imports(path, module))


def closure(modules: Iterable[str]) -> set[Path]:
    """Every source file that these modules import, directly or not, and the data files (YAML, JSON) beside them.

    The packages above a module count as files; what they import for the sake of other modules does not.

    Raises:
        InputError: one of ``modules`` does not exist.
    """
    waiting = list(modules)
    if missing := [module for module in waiting if _file_of(PACKAGE, module) is None]:
        raise InputError(f"no module {missing[0]}", next_step="install the package again")
    seen: set[str] = set()
    files: set[Path] = set()
    while waiting:
        if (module := waiting.pop()) not in seen:
            seen.add(module)
            belonging, imports = _read(PACKAGE, module)
            files |= belonging
            waiting += imports
    return files


_sha256 = cache(sha256_file)


@cache
def fingerprint(modules: tuple[str, ...]) -> str:
    """Hex sha256 over names and contents of the closure of ``modules``."""
    lines = [f"{path.relative_to(PACKAGE)} {_sha256(path)}\n" for path in sorted(closure(modules))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def forget() -> None:
    """Read every file anew: the package has been edited meanwhile."""
    for cached in (_read, _sha256, fingerprint):
        cached.cache_clear()
