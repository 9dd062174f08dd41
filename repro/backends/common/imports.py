"""Loading a framework without the parts of its libraries that no backend uses: half of the time of an import."""

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec
from typing import Any

from repro.machine.versions import installed_version


@contextlib.contextmanager
def lean_import(*unused: str) -> Iterator[None]:
    """Load a framework in this block.

    Within it the ``unused`` packages count as not installed, unless they are loaded already: Python documents that
    ``None`` in ``sys.modules`` makes their import fail. Libraries to which they are optional do without them for good;
    anybody else can import them afterwards.

    Garbage is not collected meanwhile, and later collections leave out what the block has loaded: it stays until the
    process ends, and searching it takes a quarter of a second each time.
    """
    modules: dict[str, Any] = sys.modules
    absent = [name for name in unused if name not in modules]
    modules |= dict.fromkeys(absent)
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        for name in absent:
            del modules[name]
        if collects:
            gc.enable()
    gc.freeze()


def import_parts(package: str, *modules: str) -> None:
    """Import these modules of a package without its ``__init__``, where that would import all of the package.

    Of the ``__init__`` there is only ``__version__``, that of the distribution of the same name. A package that is
    loaded already stays as it is.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if package not in sys.modules and (spec := find_spec(package)) is not None:
        bare = sys.modules[package] = module_from_spec(spec)
        vars(bare)["__version__"] = installed_version(package)
    for module in modules:
        importlib.import_module(f"{package}.{module}")
