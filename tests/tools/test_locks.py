"""The lock files are consistent with each other."""

import re

from repro.config.paths import PROJECT

REQUIREMENTS = PROJECT / "requirements"


def entries(name: str) -> list[str]:
    """``package==version`` of every entry of a lock file."""
    return re.findall(r"^[A-Za-z0-9]\S*", (REQUIREMENTS / name).read_text(), flags=re.MULTILINE)


def test_cpu_torch_is_the_locked_version() -> None:
    (cpu,) = entries("torch-cpu.txt")
    versions = [name for lock in ("runtime.txt", "gpu.txt") for name in entries(lock) if name.startswith("torch==")]
    assert [f"{name}+cpu" for name in versions] == [cpu, cpu]


def test_each_framework_has_its_cuda_in_a_separate_lock() -> None:
    assert not [name for name in entries("runtime.txt") if name.startswith(("nvidia-", "cuda-", "triton"))]
    assert [name for name in entries("gpu.txt") if name.startswith("paddlepaddle")] == ["paddlepaddle-gpu==2.6.2"]
    assert all(name.split("==")[0].endswith("-cu11") for name in entries("paddle-cuda.txt"))
    assert not [name for name in entries("gpu.txt") if "-cu11" in name]


def test_locks_agree_where_they_overlap() -> None:
    gpu = set(entries("gpu.txt"))
    shared = {name for lock in ("runtime.txt", "torch-cuda.txt") for name in entries(lock)}
    assert shared - gpu == {"paddlepaddle==2.6.2"}
    versions = {name.split("==")[0] for name in gpu}
    for lock in ("dev.txt", "build.txt", "audit.txt"):
        assert not [name for name in entries(lock) if name.split("==")[0] in versions and name not in gpu]
