"""Fixtures shared by all tests, and how the tests are spread over processes."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import frameworks

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


@pytest.hookimpl(optionalhook=True)  # the hook is pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: what shares something costly (both frameworks, captured runs) goes to one process.

    That is all that runs scripts in a framework, a folder whose ``conftest.py`` has session fixtures, or else a file.
    (With pytest 9.2, ``--dist loadgroup`` of pytest-xdist 3.8 has no effect.) They start in the order of collection.
    """
    from xdist.scheduler import LoadScopeScheduling

    shared_folders = {path.parent for path in TESTS.glob("*/conftest.py") if 'scope="session"' in path.read_text()}
    with_framework = {path for path in TESTS.glob("*/*.py") if "import run_in\n" in path.read_text()}
    with_framework |= {path.parent for path in with_framework if path.name == "conftest.py"}
    config.option.loadscopereorder = False

    class ByFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = config.rootpath / nodeid.partition("::")[0]
            if with_framework & {file, file.parent}:
                return "frameworks"
            return str(file.parent if file.parent in shared_folders else file)

    return ByFixtures(config, log)


def pytest_collection() -> None:
    """Nothing that is imported is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is imported by now stays: searching it for garbage again and again would take a tenth of the time."""
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """End what has been started for many tests."""
    frameworks.end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no process is left with one at the end.

    Tests marked ``needs_shared`` are left out where the real files are not beside the checkout, and that is said.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    if SHARED.is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("needs_shared")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True, scope="session")
def _no_flush() -> Iterator[None]:
    """Nothing here outlives the tests, and waiting for the disk at every file would take most of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an ``nvidia-smi`` on the path that is this shell script."""

    def put(script: str) -> None:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return put


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real few-shot files and published evidence (tests that use it are marked ``needs_shared``)."""
    return SHARED
