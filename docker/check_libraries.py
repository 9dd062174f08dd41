"""Check that each framework, in a separate process, loads its CUDA libraries and no others; else the build fails.

``check_libraries.py cpu|gpu`` in the image's environment. Needs no driver and no GPU.
"""

import ctypes
import importlib.metadata
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

# Paddle opens these by name once it uses a GPU, from CUDA 11.8 and cuDNN 8.
PADDLE_LIBRARIES = (
    *("libcublas.so", "libcublasLt.so", "libcudart.so", "libcudnn.so", "libcufft.so", "libcurand.so"),
    *("libcusolver.so", "libcusparse.so", "libnccl.so", "libnvrtc.so"),
)


def loaded() -> dict[str, str]:
    """CUDA libraries that this process has loaded: name -> file."""
    paths = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
    return {Path(path).name: path for path in sorted(paths) if "/nvidia/" in path}


def expect(what: str, value: object, expected: object) -> None:
    """Print the value; end the program if it is not the expected one."""
    print(f"{what}: {value}")
    if value != expected:
        sys.exit(f"error: {what} is {value}\n  next:  {expected} is expected; see requirements/")


def shared() -> dict[str, list[str]]:
    """Libraries that several packages installed under one name, so that the last overwrote the others."""
    owners = defaultdict(list)
    for package in importlib.metadata.distributions():
        for file in package.files or ():
            if ".so" in file.suffixes:
                owners[str(file)].append(package.name)
    return {file: names for file, names in owners.items() if len(names) > 1}


def check_torch(gpu: bool) -> None:
    """PyTorch: CUDA 13 and cuDNN 9 from its wheels."""
    import torch
    import transformers  # noqa: F401

    print(f"torch {torch.__version__}")
    if gpu:
        expect("CUDA that torch was built with", torch.version.cuda, "13.0")
        expect("cuDNN that torch loaded", torch.backends.cudnn.version() // 10000, 9)
        expect("Paddle's libraries in torch's process", [p for p in loaded().values() if "/paddle-cuda/" in p], [])


def check_paddle(gpu: bool) -> None:
    """Paddle: CUDA 11.8 and cuDNN 8.6 from their wheels, through the loader path that the workflow sets."""
    import zlib  # noqa: F401  before paddle: see repro/backends/paddle/device.py

    import paddle
    import paddlenlp  # noqa: F401

    print(f"paddle {paddle.__version__}")
    if gpu:
        expect("CUDA that paddle was built with", paddle.version.cuda(), "11.8")
        expect("cuDNN that paddle loaded", paddle.get_cudnn_version(), 8600)
        for name in PADDLE_LIBRARIES:
            ctypes.CDLL(name)  # as Paddle does: through the loader path
        major, minor = ctypes.c_int(), ctypes.c_int()
        ctypes.CDLL("libnvrtc.so").nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        expect("CUDA that paddle loads", f"{major.value}.{minor.value}", "11.8")
        expect(
            "PyTorch's libraries in paddle's process", [p for p in loaded().values() if "/paddle-cuda/" not in p], []
        )


CHECKS: dict[str, Callable[[bool], None]] = {"torch": check_torch, "paddle": check_paddle}


def main(variant: str, framework: str = "") -> int:
    """Check one framework in this process, or each in a new one; returns the exit code."""
    if framework:
        CHECKS[framework](variant == "gpu")
        for name, path in loaded().items():
            print(f"  {name:<28}{path}")
        return 0
    from repro.workflow.job import cuda_libraries

    expect("libraries of more than one package", shared(), {})
    for name in CHECKS:
        path = {"LD_LIBRARY_PATH": ":".join(cuda_libraries())} if (name, variant) == ("paddle", "gpu") else {}
        done = subprocess.run([sys.executable, __file__, variant, name], env={**os.environ, **path}, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
