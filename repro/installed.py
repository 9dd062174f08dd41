"""What computes: each framework's distributions, and their versions as they are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTIONS = {
    "pytorch": ("torch", "transformers", "tokenizers", "numpy"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "reprod-log", "numpy"),
}


def installed_version(name: str) -> str | None:
    """Version of a distribution; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def installed_versions(backend: str) -> dict[str, str]:
    """Versions of a framework's distributions; of Paddle's CPU and GPU build one is there."""
    found = {name: installed_version(name) for name in DISTRIBUTIONS[backend]}
    return {name: own for name, own in found.items() if own is not None}
