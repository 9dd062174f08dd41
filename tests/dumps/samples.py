"""Valid files of every kind of evidence, as bytes, all of one value."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from tests.dumps.containers import array, ask, floats, op, tensor, torch_legacy, torch_zip, whole

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


def _npy(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def samples() -> dict[str, bytes]:
    """Name, which begins with the kind that ``read_evidence`` gives -> content."""
    made = {f"pickle {protocol}": pickle.dumps(VALUE, protocol) for protocol in range(6)}
    made["npy dict"] = _npy(np.array(VALUE, dtype=object))
    made["npy array"] = _npy(VALUE["logits"])
    pair = b"}" + op("w") + tensor() + b"s" + op("n") + op([1, 2]) + b"s"
    made["torch zip"] = torch_zip(pair, {"0": floats(6)})
    made["torch legacy"] = torch_legacy(pair.replace(b"tQ", b"NtQ"), {"0": (6, floats(6))})
    data = array((2, 3), floats(6))
    made["paddle tensor"] = whole(ask("builtins.tuple") + op("w") + data + b"\x86\x85R", 4)
    made["paddle value"] = whole(ask("builtins.eval") + op("data") + b"}" + op("data") + data + b"s\x86R", 4)
    table = {"w": VALUE["logits"], "StructuredToParameterName@@": {"w": "linear_0.w_0"}}
    made["paddle state dict"] = pickle.dumps(table, 4)
    return made
