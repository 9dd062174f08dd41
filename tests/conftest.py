"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests marked ``needs_shared`` where the real files are not beside the checkout, and say so."""
    if SHARED.is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("needs_shared")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def shared() -> Path:
    """The folder of real few-shot files and published evidence (tests that use it are marked ``needs_shared``)."""
    return SHARED
