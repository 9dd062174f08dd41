"""What a capture writes down about its dumps: ``dumps/{backend}/stepNN.json``."""

from typing import Literal

from pydantic import Field

from repro.config.profile import BackendName
from repro.results.base import Result, Sha256

DType = Literal["float32", "float64"]


class Cost(Result):
    """What a part of the run took.

    Attributes:
        peak_memory: bytes that its process held at most, the framework included; 0 where the kernel does not report it.
    """

    seconds: float = Field(ge=0)
    peak_memory: int = Field(ge=0)


class DumpFile(Result):
    """A dump as its capture wrote it; ``keys`` is the number of arrays in it."""

    sha256: Sha256
    bytes: int = Field(ge=0)
    keys: int = Field(ge=0)


class Provenance(Result):
    """Where the dumps of a step come from, without anything that two equal runs do not share.

    Attributes:
        inputs: digest of step, settings, data, vocabulary and weights, the same for both frameworks.
        versions: library -> version.
        dumps: precision -> file.
    """

    backend: BackendName
    step: int = Field(ge=1, le=10)
    inputs: str
    device: str
    threads: int = Field(ge=1)
    versions: dict[str, str]
    dumps: dict[DType, DumpFile]


class CaptureProvenance(Provenance, Cost):
    """The whole file: provenance and cost."""
