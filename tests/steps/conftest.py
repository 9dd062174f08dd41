"""A captured run of two fake frameworks, and a copy of it for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from workshop import Workshop, prepare

from repro.paths import RunPaths, atomic_json, read_json
from repro.profile import Profile


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPaths]:
    """A run with all dumps of steps 1 to 10 by two healthy frameworks."""
    with pytest.MonkeyPatch.context() as patch:
        run = prepare(tmp_path_factory.mktemp("steps") / "run")
        shop = Workshop(run, Profile.model_validate_json(run.profile.read_text()), patch)
        for step in range(1, 11):
            assert shop.capture(step) == [True, True]
        yield run


@pytest.fixture
def shop(captured: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A copy of that run, free to be spoilt."""
    shutil.copytree(captured.root, tmp_path / "run")
    run = RunPaths(tmp_path / "run")
    content = read_json(run.inputs)
    for entry in (*content["data"]["files"].values(), content["vocab"]):
        entry["path"] = entry["path"].replace(str(captured.root), str(run.root))
    atomic_json(run.inputs, content)
    return Workshop(run, Profile.model_validate_json(run.profile.read_text()), monkeypatch)
