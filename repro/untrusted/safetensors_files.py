"""``safetensors`` files: a header in JSON, then the tensors one after another, which stay in the file."""

import math
from typing import Any

import numpy as np

from repro.untrusted.rebuild import checked_shape, shaped
from repro.untrusted.source import MAX_COPIED, Refused, Source, shown
from repro.untrusted.text import parse_json
from repro.untrusted.unpickle import checked_key

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "?"} | {
    f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)
}
_METADATA = "__metadata__"


def header_size(start: bytes) -> int:
    """Length of the header that the first eight bytes claim, if a file of this format begins like this; else 0."""
    size = int.from_bytes(start[:8], "little")
    return size if len(start) > 8 and start[8:9] == b"{" and 2 <= size <= MAX_COPIED else 0


def read_safetensors(source: Source) -> dict[str, np.ndarray]:
    """Tensors by name; bfloat16 as float32.

    Raises:
        Refused: the header is damaged, or tensors overlap, leave gaps, or are of a type that numpy lacks.
    """
    size = header_size(source.exactly(9, "safetensors header"))
    source.seek(8)
    header = _header(source.exactly(size, "safetensors header"))
    start, end, tensors = source.tell(), 0, {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, (first, last) = entry["dtype"], checked_shape(tuple(entry["shape"])), entry["data_offsets"]
        if first != end:
            raise Refused(f"safetensors tensor {shown(name)} begins at {first}, where {end} is expected")
        end = last
        half = dtype == "BF16"
        if not half and dtype not in _TYPES:
            raise Refused(f"safetensors tensor {shown(name)} is of type {shown(dtype)}, which cannot be read")
        source.seek(start + first)
        kind = np.dtype("<u2" if half else _TYPES[dtype])
        array = shaped(source.window(math.prod(shape) * kind.itemsize, f"tensor {shown(name)}"), kind, shape, "C")
        if array.nbytes != last - first:
            raise Refused(f"safetensors tensor {shown(name)} of {array.nbytes} bytes has {last - first} in the file")
        tensors[str(checked_key(name))] = (array.astype("<u4") << 16).view("<f4") if half else array
    if start + end != source.size:
        raise Refused(f"safetensors file of {source.size} bytes, where its header says {start + end}")
    return {name: tensors[name] for name in header}


def _header(data: bytes) -> dict[str, dict[str, Any]]:
    try:
        header = parse_json(data)
    except ValueError as error:
        raise Refused(f"safetensors header: {error}") from None
    if not isinstance(header, dict):
        raise Refused("safetensors header is no JSON object")
    header.pop(_METADATA, None)
    for name, entry in header.items():
        offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
        good = isinstance(offsets, list) and len(offsets) == 2 and all(type(n) is int and n >= 0 for n in offsets)
        if not good or not isinstance(entry.get("dtype"), str) or not isinstance(entry.get("shape"), list):
            raise Refused(f"safetensors header is malformed at {shown(name)}")
    return header
