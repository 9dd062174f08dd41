"""The header of ``.npy`` files, taken apart without evaluating it."""

import re

from repro.untrusted.rebuild import Dtype, Order
from repro.untrusted.source import Refused, Source, shown

NPY_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 4096
# as numpy writes it
_HEADER = re.compile(
    r"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,19}, ?)*(?:\d{1,19})?)\),? ?\}\s*"
)


def read_header(source: Source) -> tuple[Dtype, tuple[int, ...], Order]:
    """The header behind the magic bytes: dtype, shape and order of what follows, a pickle where the dtype is boxed.

    Raises:
        Refused: numpy writes no such header, or not of plain numbers, texts or objects.
    """
    major, _ = source.exactly(2, ".npy version")
    if major not in (1, 2, 3):
        raise Refused(f".npy of version {major}")
    length = int.from_bytes(source.exactly(2 if major == 1 else 4, ".npy header size"), "little")
    if length > _MAX_HEADER:
        raise Refused(f".npy header of {length} bytes")
    text = source.exactly(length, ".npy header").decode("latin1")
    match = _HEADER.fullmatch(text)
    if not match:
        raise Refused(f".npy header is not of a plain array: {shown(text.strip())}")
    shape = tuple(int(n) for n in match[3].replace(",", " ").split())
    return Dtype(match[1]), shape, "F" if match[2] == "True" else "C"
