"""Which words in the name of a file, a folder or a key say what side of a comparison it is on.

The tables are all that is known of names. A word counts as a side only beside the same name with another side in its
place, so an ambiguous word such as ``pt`` or ``new`` does no harm where it is part of every name.
"""

import re
from collections.abc import Iterable
from functools import cache

# One side a line, with its usual names. Of two sides, the one that stands earlier is the reference: what a port is
# ported from, then frameworks from the one that most is ported from to the ones that most is ported to.
SIDES = """
reference ref refs golden gold benchmark expected expect desired official original orig upstream theirs truth 参考 原始
hf huggingface transformers timm
torch pytorch libtorch pt th
tensorflow tf
keras
jax flax
mxnet mx gluon
caffe
numpy np
onnx onnxruntime ort
tensorrt trt
openvino
tflite
coreml
mlx
*
mindspore ms
jittor jt
oneflow
megengine mge
paddle paddlepaddle pp pd
ours our mine my port ported reproduction reproduced repro reimplementation reimplemented actual 复现 我们
"""
UNNAMED = "*"  # the place of a name without a side in that order

# Words that are sides beside each other only: those of a reference, then those of what is compared with it.
OPPOSITES = """
reference ref golden gold benchmark baseline expected original orig : out output outputs result results test tested new
gt groundtruth truth original official : pred preds predicted prediction predictions converted
before : after
old : new
src source : dst dest destination
left lhs : right rhs
cpu : gpu cuda npu xpu tpu mps
eager dygraph dynamic : jit compiled traced static
saved : loaded reloaded restored
a : b
t : p
"""

# Suffixes of the files in which a framework saves: a side where the names before them are the same.
SUFFIXES = {".pt": "torch", ".pth": "torch", ".pdparams": "paddle", ".pdopt": "paddle", ".pdtensor": "paddle"}
SUFFIXES |= {".h5": "keras", ".keras": "keras", ".onnx": "onnx", ".msgpack": "flax"}

_ORDER = {word: rank for rank, line in enumerate(SIDES.split("\n")) for word in line.split()}
_OPPOSITES = [tuple(side.split() for side in line.split(":")) for line in OPPOSITES.strip().split("\n")]
_WORDS = _ORDER.keys() | {word for sides in _OPPOSITES for side in sides for word in side}
# Frameworks are recognised in CamelCase and inside longer words too: PyTorch, torchout.
_LONG = "|".join(
    sorted((w for w in _ORDER if len(w) > 4 and _ORDER[w] not in (1, max(_ORDER.values()))), key=len)[::-1]
)
_CHINESE = "|".join(word for word in _ORDER if not word.isascii())
_TOKEN = re.compile(rf"((?i:{_LONG})|{_CHINESE}|[A-Z]?[a-z]+?(?=(?i:{_LONG})|[^a-z]|$)|[A-Z]+(?![a-z])|\d+)")

LETTERS = frozenset({"t", "p"})  # the two sides of results, nothing by themselves


@cache
def tokens(name: str) -> tuple[str, ...]:
    """The name as alternately what is between words, possibly nothing, and a word."""
    return tuple(_TOKEN.split(name))


def is_side(word: str) -> bool:
    """Whether a word can say a side at all."""
    return word.lower() in _WORDS


def names_side(word: str) -> bool:
    """Whether a word says a side even by itself."""
    return word.lower() in _ORDER


def is_framework(word: str) -> bool:
    """Whether a word names a framework by a name that has no other meaning."""
    return (
        len(word) > 2 and _ORDER["hf"] < rank(word) < _ORDER["ours"] and rank(word) not in (_ORDER["numpy"], rank(""))
    )


def rank(word: str) -> int:
    """Place of a word in ``SIDES``, a name without any side in the middle."""
    return _ORDER.get(word.lower(), _ORDER[UNNAMED])


def order(first: str, second: str) -> int:
    """-1 where the first word is the reference of the second, 1 where it is the other way round, else 0."""
    first, second = first.lower(), second.lower()
    if first in _ORDER and second in _ORDER and rank(first) != rank(second):
        return -1 if rank(first) < rank(second) else 1
    for references, others in _OPPOSITES:
        if first in references and second in others:
            return -1
        if second in references and first in others:
            return 1
    return 0


def side_words(text: str) -> frozenset[str]:
    """Every word of a text that can say a side."""
    return frozenset(word.lower() for word in tokens(text)[1::2] if is_side(word))


def same_side(words: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one of the words says the side that one of the others says: ``torch`` and ``pytorch``."""
    ranks = {rank(other) for other in others if names_side(other)}
    return not set(words).isdisjoint(others) or any(names_side(word) and rank(word) in ranks for word in words)


def split_side(path: str) -> tuple[str, str]:
    """The path with ``*`` for each word that names a side by itself, and the last such word or an empty text."""
    stem, dot, suffix = path.rpartition(".")
    if not dot or "/" in suffix:
        stem, suffix = path, ""
    words = tokens(stem)
    named = [word.lower() for word in words if names_side(word)]
    return "".join("*" if names_side(word) else word for word in words) + dot + suffix, named[-1] if named else ""
