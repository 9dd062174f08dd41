"""The captured run of two fake frameworks, as the steps' tests use it."""

from tests.alignment.conftest import captured, fake

__all__ = ["captured", "fake"]
