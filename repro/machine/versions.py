"""Each framework's distributions, and their installed versions."""

import re
from functools import cache
from importlib import metadata

DISTRIBUTIONS = {
    "pytorch": ("torch", "transformers", "tokenizers", "numpy"),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "reprod-log", "numpy"),
}


@cache  # every capture asks
def installed_version(name: str) -> str | None:
    """Version of a distribution; None if it is not installed."""
    try:
        headers = metadata.distribution(name).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return None
    # metadata.version parses them all, which takes ten times as long
    version = re.search(r"^Version: *(\S+)", headers, re.MULTILINE)
    return version[1] if version else metadata.version(name)


def installed_versions(backend: str) -> dict[str, str]:
    """Versions of a framework's installed distributions (of Paddle's CPU and GPU build there is one)."""
    versions = {name: installed_version(name) for name in DISTRIBUTIONS[backend]}
    return {name: version for name, version in versions.items() if version is not None}
