"""Valid files of every format of evidence, as bytes, all of one value, and ways to damage them."""

import io
import pickle
import random
from typing import Any

import numpy as np

from tests.untrusted.containers import array, ask, floats, op, tensor, torch_legacy, torch_zip, whole

VALUE: dict[str, Any] = {
    "loss": [1.5, 2.5],
    "logits": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": {1: 0.5, 2: 0.25},
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "scalar": np.float32(2.5),
    "truth": True,
    "text": "中",
    "raw": b"\0\xff",
    "none": None,
}


ODD = (
    b"\xff" * 4,
    bytes(4),
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 50,
    b"|",
    b"\n# 1 ",
    b"\n```\n",
    b"%",
    b'"',
    b"\\",
    b"\0",
)
OPCODES = b"(.0NRbtulhq\x81\x93\x94\x95\x85]}"


def damaged(data: bytes, other: bytes, generator: random.Random) -> bytes:
    """The bytes of a file with one thing wrong; ``other`` is a file that a part may come from."""
    at, start = generator.randrange(len(data) + 1), generator.randrange(len(data) + 1)
    head, tail, length = data[:at], data[at:], generator.randrange(1, 64)
    variants = [
        head,
        head + bytes([generator.randrange(256)]) + tail[1:],
        head + generator.choice([b"\xff" * 4, bytes(4), b"\x7f" * 8]) + tail[generator.choice([1, 4, 8]) :],
        head + tail[length:],
        head + generator.choice(ODD) + tail,
        head + bytes([generator.choice(OPCODES)]) + tail,
        head + data[start : start + length] + tail,
        head + other[generator.randrange(len(other) + 1) :],
        other,
    ]
    return generator.choice(variants)


def _npy(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def samples() -> dict[str, bytes]:
    """Name, which begins with the format -> content."""
    files = {f"pickle {protocol}": pickle.dumps(VALUE, protocol) for protocol in range(6)}
    files["npy dict"] = _npy(np.array(VALUE, dtype=object))
    files["npy array"] = _npy(VALUE["logits"])
    pair = b"}" + op("w") + tensor() + b"s" + op("n") + op([1, 2]) + b"s"
    files["torch zip"] = torch_zip(pair, {"0": floats(6)})
    files["torch legacy"] = torch_legacy(pair.replace(b"tQ", b"NtQ"), {"0": (6, floats(6))})
    data = array((2, 3), floats(6))
    files["paddle tensor"] = whole(ask("builtins.tuple") + op("w") + data + b"\x86\x85R", 4)
    files["paddle value"] = whole(ask("builtins.eval") + op("data") + b"}" + op("data") + data + b"s\x86R", 4)
    table = {"w": VALUE["logits"], "StructuredToParameterName@@": {"w": "linear_0.w_0"}}
    files["paddle state dict"] = pickle.dumps(table, 4)
    return files
