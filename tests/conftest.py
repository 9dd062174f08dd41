"""Fixtures shared by all tests, and how the tests are spread over processes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


@pytest.hookimpl(optionalhook=True)  # the hook is pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: what shares costly fixtures (both frameworks, captured runs) goes to one process.

    That is a folder whose ``conftest.py`` has session fixtures, or else a file. (With pytest 9.2, ``--dist
    loadgroup`` of pytest-xdist 3.8 has no effect.)
    """
    from xdist.scheduler import LoadScopeScheduling

    shared_folders = {path.parent for path in TESTS.glob("*/conftest.py") if 'scope="session"' in path.read_text()}

    class ByFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = config.rootpath / nodeid.partition("::")[0]
            return str(file.parent if file.parent in shared_folders else file)

    return ByFixtures(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests marked ``needs_shared`` where the real files are not beside the checkout, and say so."""
    if SHARED.is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("needs_shared")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


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
