"""What loading a backend brings into the process, and what it leaves as it was."""

import gc
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from repro.backends.common.imports import import_parts, lean_import
from tests.frameworks import run_in

LOADED = """
import gc, os, signal, sys
assert gc.isenabled() and gc.get_freeze_count()
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
caught = next(line for line in open("/proc/self/status") if line.startswith("SigCgt")).split()[1]
assert not int(caught, 16) & 1 << signal.SIGSEGV - 1, "a fatal signal is caught"
print(len(os.listdir(f"/proc/{os.getppid()}/task")), *sys.modules)
from scipy import stats
"""


def _loaded(backend: str) -> tuple[int, set[str]]:
    """(threads, modules) of a process that has loaded a backend, and is asked through a fork of it."""
    threads, *modules = run_in(backend, LOADED).split()
    return int(threads), set(modules)


def test_pytorch_comes_without_what_only_other_models_use() -> None:
    threads, modules = _loaded("pytorch")
    assert not modules & {"sklearn", "scipy", "pandas", "datasets", "pyarrow", "opentelemetry"}
    assert {"torch", "transformers.models.splinter.modeling_splinter"} <= modules
    assert threads == 1, "what a thread holds is lost in a fork"


def test_paddle_comes_without_what_only_other_models_use() -> None:
    threads, modules = _loaded("paddle")
    unused = {"paddlenlp.taskflow", "paddlenlp.dataaug", "paddlenlp.datasets", "paddlenlp.trainer", "paddlenlp.server"}
    assert not modules & unused | modules & {"sklearn", "pandas", "datasets", "pyarrow", "seqeval", "fastapi"}
    assert {"paddle", "paddlenlp.transformers.bert.modeling"} <= modules
    assert threads == 2, "brpc's sampler, which survives a fork, is the only one"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose ``__init__`` fails, with a module ``part``."""
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "__init__.py").write_text("1 / 0\n")
    (folder / "part.py").write_text("from . import __version__ as version\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("whole", "whole.part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "whole"


def test_an_unused_package_counts_as_absent_within_the_block_alone(package: str) -> None:
    count = gc.get_freeze_count()
    with lean_import(package, "json"):
        assert not gc.isenabled()
        assert find_spec(package) is None
        with pytest.raises(ModuleNotFoundError):
            __import__(package)
        __import__("json")  # is loaded already
    assert gc.isenabled()
    assert gc.get_freeze_count() > count
    gc.unfreeze()
    with pytest.raises(ZeroDivisionError):
        __import__(package)


def test_a_part_is_imported_without_the_code_of_its_package(package: str) -> None:
    import_parts(package, "part")
    assert sys.modules["whole.part"].version is None  # no such distribution
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        import_parts("no_such_package", "part")
