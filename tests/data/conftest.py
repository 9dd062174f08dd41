"""Fixtures for the data layer."""

from pathlib import Path
from typing import Any

import pytest

from tests.data.oracle import load_tokenizer
from tests.data.samples import write_vocabulary


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``transformers``' slow BERT tokeniser over the small vocabulary."""
    return load_tokenizer(write_vocabulary(tmp_path_factory.mktemp("vocabulary")))


@pytest.fixture
def published_tokenizer(shared: Path) -> Any:
    return load_tokenizer(shared / "published" / "splinter_init" / "vocab.txt")
