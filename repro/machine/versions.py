"""Each framework's distributions, and their installed versions."""

from importlib import metadata

DISTRIBUTIONS = {
    "pytorch": ("torch", "transformers", "tokenizers", "numpy"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "reprod-log", "numpy"),
}


def installed_version(name: str) -> str | None:
    """Version of a distribution; None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def installed_versions(backend: str) -> dict[str, str]:
    """Versions of a framework's installed distributions (of Paddle's CPU and GPU build there is one)."""
    versions = {name: installed_version(name) for name in DISTRIBUTIONS[backend]}
    return {name: version for name, version in versions.items() if version is not None}
