"""Fixtures of the workflow's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.observer import Observer


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    """Follows runs below ``tmp_path``."""
    observer = Observer(tmp_path)
    yield observer
    observer.close()
