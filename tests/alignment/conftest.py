"""A captured run of two fake frameworks, and a copy of it for each test."""

import functools
import gc
import shutil
from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.config.profile_file import run_profile
from tests.alignment.fake_run import FakeRun, prepare


@functools.cache  # one for all folders whose tests use it
def captured_run(root: Path) -> RunPaths:
    """A run with all dumps of steps 1 to 10 by two healthy frameworks."""
    gc.freeze()  # captures collect garbage often: what the tests have loaded by now need not be searched each time
    run = prepare(root)
    with pytest.MonkeyPatch.context() as patch:
        fake = FakeRun(run, run_profile(run), patch)
        for step in range(1, 11):
            fake.capture(step)
    return run


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    return captured_run(tmp_path_factory.getbasetemp() / "captured")


@pytest.fixture
def fake(captured: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A copy of that run that a test may damage."""
    run = RunPaths(shutil.copytree(captured.root, tmp_path / "run"))
    run.inputs.write_text(run.inputs.read_text().replace(str(captured.root), str(run.root)))
    return FakeRun(run, run_profile(run), monkeypatch)
