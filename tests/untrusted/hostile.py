"""Hostile files of every format of evidence. Each payload would leave a mark if it ran."""

import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.untrusted.containers import (
    array,
    ask,
    entry,
    floats,
    npy,
    op,
    tensor,
    torch_legacy,
    torch_zip,
    whole,
    zipped,
)

BILLION = 10**9


@dataclass(frozen=True)
class Hostile:
    """A hostile file, and the regular expression that its refusal must contain."""

    name: str
    path: Path
    why: str
    loads: bool = False  # pickle.loads of the whole file runs the payload (the control)


def mark(folder: Path) -> Path:
    """What exists once a payload of ``make_hostile(folder)`` ran."""
    return folder / "EXECUTED"


class Payload:
    """Pickles into a call of ``os.mkdir``."""

    def __init__(self, path: Path | str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _code(path: Path) -> Iterator[tuple[str, bytes, str]]:
    """(name, pickle, refusal): code-executing pickles that ``pickle.loads`` does run."""
    text, mkdir = op(str(path)), ask("posix.mkdir")
    for protocol in range(6):
        yield f"code protocol {protocol}", pickle.dumps(Payload(path), protocol), r"refused: .* asks for posix\.mkdir"
    call = f"__import__('os').mkdir({str(path)!r})"
    for function in ("eval", "exec"):
        yield f"code {function}", whole(ask(f"builtins.{function}") + op((call,)) + b"R"), rf"builtins\.{function}"
    data = op((call, {"data": 1}))
    yield "paddle eval with other text", whole(ask("builtins.eval") + data + b"R"), r"asks for builtins\.eval, not of"
    yield "code system", whole(ask("os.system") + op((f"mkdir {path}",)) + b"R"), r"asks for os\.system"
    yield "code inst", whole(b"(" + text + b"iposix\nmkdir\n"), r"asks for posix\.mkdir"
    yield "code obj", whole(b"(" + mkdir + text + b"o"), r"asks for posix\.mkdir"
    mapped = ask("builtins.map") + mkdir + b"]" + text + b"a\x86\x81"
    yield "code newobj", whole(ask("builtins.tuple") + mapped + b"\x85\x81"), r"asks for builtins\.map"
    mapped = ask("builtins.map") + mkdir + b"]" + text + b"a\x86}\x92"
    yield "code newobj_ex", whole(ask("builtins.tuple") + mapped + b"\x85}\x92", 4), r"asks for builtins\.map"
    partial = ask("functools.partial") + ask("builtins.int") + b"\x85R(" + mkdir + text + b"\x85}}tb)R"
    yield "code setstate", whole(partial), r"asks for functools\.partial"
    dotted = op("numpy.core.multiarray") + op("overrides.os.mkdir") + b"\x93" + text + b"\x85R"
    yield "code dotted name", whole(dotted, 4), r"asks for numpy\.core\.multiarray\.overrides\.os\.mkdir"
    yield "code before a refused opcode", whole(mkdir + text + b"\x85R0\x82\x01"), r"asks for posix\.mkdir"


def _in_containers(path: Path) -> Iterator[tuple[str, bytes, str]]:
    call = ask("posix.mkdir") + op((str(path),)) + b"R"
    evil = f"__import__('os').mkdir({str(path)!r})"
    box = npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }", whole(call))
    yield "npy code", box, r"asks for posix\.mkdir"
    yield "torch zip code", torch_zip(call), r"asks for posix\.mkdir"
    yield "torch legacy code", torch_legacy(call), r"asks for posix\.mkdir"
    yield "torch legacy code in its system", torch_legacy(b"N", system=Payload(path)), r"asks for posix\.mkdir"
    yield "torch persistent code", torch_zip(call + b"Q"), r"asks for posix\.mkdir"
    inside = torch_legacy(call)
    for name, file in {"code": inside, "text": whole(op("x")), "dict": torch_legacy(b"}"), "none": whole(b"N")}.items():
        data = b"B" + struct.pack("<I", len(file)) + file
        storage = ask("torch.storage._load_from_bytes") + data + b"\x85R"
        window = ask("torch._utils._rebuild_tensor_v2") + b"(" + storage
        window += op(0) + op((1,)) + op((1,)) + b"\x89" + ask("collections.OrderedDict") + b")RtR"
        why = {"code": r"asks for posix\.mkdir", "dict": "holds something else"}.get(name, "no torch file")
        yield f"torch storage in a pickle: {name}", whole(window, 3), why
    yield "torch module source", torch_legacy(op(("module", None, "x.py", evil)) + b"Q"), "persistent id"
    named = op(("data", {"data": 1, "__builtins__": 2}))
    yield "paddle eval with other names", whole(ask("builtins.eval") + named + b"R"), r"builtins\.eval"
    yield "paddle tuple of something else", whole(ask("builtins.tuple") + op(([1],)) + b"R"), r"builtins\.tuple"
    yield "name with a line break", whole(op("posix\n\x1b[2J") + op("mkdir") + b"\x93", 4), r"posix\\n\\x1b\[2J\.mkdir"
    yield "name in other letters", whole(op("\uff4eumpy") + op("ndarray") + b"\x93", 4), r"\\uff4eumpy\.ndarray"
    yield "name of a name", whole(op(["numpy"]) + op("ndarray") + b"\x93", 4), "not text"
    for name in ("numpy.load", "numpy.core.multiarray.fromfile"):
        yield f"call of {name}", whole(ask(name) + op((str(path),)) + b"R"), f"asks for {name}"
    yield "class by itself", whole(ask("builtins.eval")), r"asks for builtins\.eval"


def _opcodes() -> Iterator[tuple[str, bytes, str]]:
    codes = {"EXT1": b"\x82\x01", "EXT2": b"\x83\1\0", "EXT4": b"\x84\1\0\0\0", "NEXT_BUFFER": b"\x97"}
    for name, code in codes.items():
        yield f"opcode {name}", whole(code, 5), f"opcode {name}"
    yield "opcode PERSID", b"P0\n.", "opcode PERSID"
    yield "opcode BINPERSID in a plain pickle", whole(op("0") + b"Q"), "persistent id outside a torch file"
    yield "opcode NEWOBJ of a known name", whole(ask("numpy.ndarray") + b")\x81"), "opcode NEWOBJ"
    yield "state of a list", whole(b"]}b"), "state of a list"
    yield "call of a text", whole(op("print") + b")R"), "calls a str"


def _sizes() -> Iterator[tuple[str, bytes, str]]:
    for name, head in {"BINBYTES": b"B", "BINUNICODE": b"X", "LONG4": b"\x8b"}.items():
        yield f"claimed {name}", whole(head + struct.pack("<I", 2 * BILLION)), "remain|not enough data|the file has"
    for name, head in {"BYTEARRAY8": b"\x96", "BINBYTES8": b"\x8e", "BINUNICODE8": b"\x8d"}.items():
        yield f"claimed {name}", whole(head + struct.pack("<Q", 1 << 40), 5), "remain|the file has"
    yield "huge LONG1", whole(b"\x8a\xff" + b"\x7f" * 255), "integer of 2039 bits"
    yield "huge LONG4", whole(b"\x8b" + struct.pack("<I", 10**7) + b"\x7f" * 10**7), "integer of 79999999 bits"
    yield "huge decimal", b"L" + b"9" * 10**7 + b"L\n.", "4300 digits"
    yield "huge memo index", whole(b"Nr\xff\xff\xff\xffj\xfe\xff\xff\xff"), "memo entry 4294967294 was never written"
    collide = range(0, (2**61 - 1) * 10**5, 2**61 - 1)  # numbers of one hash
    yield "colliding memo", b"".join(b"Np%d\n" % n for n in collide) + b".", "memo index is negative or above 32 bits"
    keys = b"".join(b"\x8a\x0a" + n.to_bytes(10, "little") + b"N" for n in collide)
    yield "colliding keys", whole(b"}(" + keys + b"u"), "dict key is neither .*: int"
    numbers = b"".join(b"G" + struct.pack(">d", 2.0 ** (61 * n)) + b"N" for n in range(10))
    yield "colliding number keys", whole(b"}(" + numbers + b"u"), "dict key is neither .*: float"
    yield "memo index of 4000 digits", b"g" + b"9" * 4000 + b"\n.", "memo entry above 32 bits was never written"
    text = b"(X" + struct.pack("<I", 10**6) + b"k" * 10**6 + op("latin1") + b"tq\0"
    encoded = b"(" + (ask("_codecs.encode") + b"h\0R") * 10_000 + b"t"
    yield "text encoded again and again", whole(text + encoded + b"\x86"), "encoded to more bytes than the file"
    arguments = b"(" + b"N" * 100_000 + b"tq\0"
    yield "call with many arguments", whole(arguments + ask("numpy.dtype") + b"h\0R\x86"), "with 100000 arguments"
    yield "truth value of 2", whole(array((1,), b"\2", "b1"), 3), "others than 0 and 1"
    yield "letters beyond Unicode", whole(array((1,), b"\xff" * 4, "U1"), 3), "beyond Unicode"
    yield "huge key", whole(b"}X" + struct.pack("<I", 10**6) + b"k" * 10**6 + b"Ns"), "dict key is neither .*: str"
    yield "key that draws a table", whole(b"}" + op("a | b\n| c") + b"Ns"), "dict key is neither .*: str"
    yield "key of half a letter", whole(b"}X\3\0\0\0\xed\xa0\x80Ns"), "dict key is neither .*: str"
    yield "many opcodes", whole(b"(" + b"]" * 10**6 + b"l"), "more than 300000 opcodes"
    yield "many marks", b"(" * 10**6, "more than 300000 opcodes"
    plain = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }"
    for version in (1, 2, 3):
        yield f"npy {version} of a billion", npy(plain % "1000000000, 1000", version=version), "does not match its data"
    yield "npy of a negative size", npy(plain % "-1,"), "header is not of a plain array"
    yield "npy of a truth value", npy(plain % "True,"), "header is not of a plain array"
    yield "npy with code for a header", npy("__import__('os').getcwd()"), "header is not of a plain array"
    yield "npy of a huge header", b"\x93NUMPY\2\0" + struct.pack("<I", 2 * BILLION), "header of 2000000000 bytes"
    yield "npy of an unknown version", npy(plain % "1,", version=9), "version 9"
    yield "npy of boxes", npy("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", b"N."), "object arrays"
    yield "npy of fields", npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }"), "plain array"
    shapes = {"a billion": ((BILLION,), 8), "wrapping": ((1 << 61, 8), 8), "too few": ((3,), 8), "too many": ((2,), 12)}
    for name, (shape, size) in {**shapes, "nothing": ((10**10, 10**10), 0)}.items():
        yield f"array of {name}", whole(array(shape, bytes(size)), 3), "array size does not match its data"
    sizes = {"true": (True, 2), "nan": (float("nan"),), "negative": (-2,), "list": [2], "63 bits": (1 << 62, 4)}
    for name, wrong in sizes.items():
        yield f"array with a shape of {name}", whole(array(wrong, bytes(8)), 3), "array shape is malformed"
    yield "array of structures", whole(array((1,), bytes(8), "f4,(1000000000,)i4"), 3), "dtype"
    named = ask("builtins.tuple") + op("w") + array((BILLION,), bytes(8)) + b"\x86\x85R"
    yield "paddle of a billion", whole(named, 4), "array size does not match its data"


def _nesting() -> Iterator[tuple[str, bytes, str]]:
    yield "deep lists", whole(b"]" * 100_000 + b"a" * 99_999), "nested more than 32"
    yield "deep tuples", whole(b")" + b"\x85" * 100_000), "nested more than 32"
    yield "deep tuples as a key", whole(b"})" + b"\x85" * 100_000 + b"Ns"), "dict key is neither .*: tuple"
    yield "list in itself", whole(b"]q\0h\0a"), "contains itself"
    yield "dict in itself", whole(b"}q\5" + op("a") + b"h\5s"), "contains itself"
    yield "array in itself", whole(array((), b"", "O8")[: -len(b"B\0\0\0\0tb")] + b"]q\0h\0atb", 3), "contains itself"
    laughs = b"]q\0" + b"".join(b"0(" + b"h%c" % n * 10 + b"lq%c" % (n + 1) for n in range(20))
    yield "billion laughs", whole(laughs), "unfold"
    dicts: dict[str, Any] = {}
    for _ in range(60):
        dicts = {"a": dicts, "b": dicts}
    yield "billion laughs of dicts", pickle.dumps(dicts), "nested more than 32"
    million = array((250_000,), bytes(10**6))
    yield "billion laughs of arrays", whole(million + b"q\0(" + b"h\0" * 500 + b"t\x86", 3), "unfold"


def _torch() -> Iterator[tuple[str, bytes, str]]:
    stored = {"0": floats(6)}
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "of a billion": ({"shape": (BILLION, 2)}, "tensor of 2000000000 elements is larger than its storage"),
        "expanded": ({"shape": (BILLION,), "strides": (0,)}, "larger than its storage"),
        "with a negative stride": ({"strides": (-3, 1)}, "stride shape is malformed"),
        "with a huge stride": ({"strides": (1 << 60, 1)}, "reaches element"),
        "with an offset outside": ({"offset": 5}, "reaches element 10 of a storage of 6"),
        "with a negative offset": ({"offset": -1}, "malformed offset"),
        "with a truth value in its shape": ({"shape": (True, 3)}, "tensor shape is malformed"),
        "with another number of elements": ({"count": 5}, "24 bytes for 5"),
        "with a claimed number of elements": ({"count": BILLION}, "24 bytes for 1000000000"),
        "of a missing storage": ({"key": "9"}, "storage 9 is not in the file"),
        "of a storage outside": ({"key": "../data.pkl"}, r"storage \.\./data\.pkl is not in the file"),
        "of a class that is none": ({"kind": "EvilStorage"}, r"asks for torch\.EvilStorage"),
        "of more strides": ({"strides": (3, 1, 1)}, "3 strides"),
    }
    for name, (change, why) in wrong.items():
        yield f"torch zip tensor {name}", torch_zip(tensor(**change), stored), why
    old = tensor(legacy=True)
    yield "torch legacy claims a billion", torch_legacy(old, {"0": (BILLION, floats(6))}), "has 1000000000 elements"
    claimed = tensor(legacy=True, count=BILLION)
    yield "torch legacy wants a billion", torch_legacy(claimed, {"0": (BILLION, b"")}), "wants 4000000000 bytes"
    yield "torch legacy without its storage", torch_legacy(old), "list of storages"
    two = tensor(legacy=True) + tensor("LongStorage", legacy=True) + b"\x86"
    yield "torch legacy storage of two kinds", torch_legacy(two, {"0": (6, floats(6))}), "described in two ways"
    yield "torch legacy with a tail", torch_legacy(old, {"0": (6, floats(6))}) + b"tail", "4 bytes follow"
    yield "torch legacy of another protocol", torch_legacy(b"N", protocol=1002), "another protocol"
    yield "torch tensor in a plain pickle", whole(tensor()), "outside a torch file"
    many = b"(" + tensor("BFloat16Storage", shape=(6,), strides=(1,)) * 1_000 + b"t"
    yield "torch zip of many views", torch_zip(many.replace(b"K\x06", b"J\0\0\2\0"), {"0": bytes(1 << 18)}), "unfold"


def _zips() -> Iterator[tuple[str, bytes, str]]:
    zeros = zlib.compress(bytes(50_000_000), 9)[2:-4]
    pkl = entry("a/data.pkl", whole(tensor()))
    bomb = entry("a/data/0", zeros, method=8, size=50_000_000, packed=len(zeros))
    yield "zip bomb", zipped([pkl, bomb]), "storage 0 has 50000000 bytes"
    yield "zip of encrypted entries", torch_zip(tensor(), {"0": floats(6)}, flags=1), "is encrypted or packed"
    overlapping = [entry(f"a/data/{n}", bytes(1 << 16) if not n else b"", header=0, size=1 << 16) for n in range(99)]
    yield "zip of overlapping entries", zipped([*overlapping, pkl]), "overlaps another"
    yield "zip of a billion bytes", zipped([pkl, entry("a/data/0", b"", size=BILLION)]), "reaches beyond"
    yield "zip of 4 GiB", zipped([pkl, entry("a/data/0", b"", size=0xFFFFFFFF)]), "claims 4 GiB"
    yield "zip of 65000 entries", zipped([pkl], count=65_000), "65000 entries"
    nested = zipped([entry("a/data.pkl", zipped([pkl, bomb]))])
    yield "zip in a zip", nested, "not a pickle"
    yield "zip of one name twice", zipped([pkl, pkl]), "twice"
    runs_on = entry("a/data.pkl", b"\x80\3C\x5a")  # 90 bytes, which lie in the next entry, and so does the STOP
    yield "zip whose pickle runs on", zipped([runs_on, entry("a/data/0", b"." * 99)]), "longer or shorter"
    yield "zip without data.pkl", zipped([entry("word/document.xml", b"<x/>")]), "no data.pkl"
    yield "zip of another byte order", torch_zip(tensor(), {"0": floats(6)}, order=b"big"), "byte order"
    yield "zip of a wrong checksum", torch_zip(tensor(), {"0": floats(6)}, crc=1), "checksum differs"
    yield "zip cut off", torch_zip(tensor(), {"0": floats(6)})[:-30], "cut off"


def _damaged() -> Iterator[tuple[str, bytes, str]]:
    for protocol in range(6):
        cut = pickle.dumps({"loss": [1.5, 2.5], "name": "x" * 50}, protocol)[:-20]
        yield f"pickle {protocol} cut off", cut, "damaged|exhausted"
    box = npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }", whole(op({"x": 1})))
    yield "npy cut off in its header", box[:40], "header wants"
    yield "npy cut off in its pickle", box[:-3], "damaged"
    numbers = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", floats(2))
    yield "npy cut off in its numbers", numbers, "size"
    yield "torch legacy cut off", torch_legacy(tensor(legacy=True), {"0": (6, floats(5))}), "wants 24 bytes"
    yield "paddle cut off", whole(ask("builtins.tuple") + op("w") + array((2,), floats(2)), 4)[:-9], "damaged"
    yield "pickle with a tail", whole(b"N") + b"tail", "4 bytes follow"
    yield "wrong magic", b"\x93NUMPZ\1\0" + bytes(100), "not a pickle"
    yield "unknown text", b"# Results\n\n| step | difference |\n", "not a pickle"
    yield "unknown binary", bytes(range(128, 256)) * 8, "not a pickle|opcode"
    yield "empty", b"", "empty file"
    yield "empty stack", b"0.", "finds nothing to work on"
    yield "no value", b".", "does not end with one value"


def make_hostile(folder: Path) -> list[Hostile]:
    """Write every hostile file into ``folder``, and a pipe without a writer."""
    folder.mkdir(parents=True, exist_ok=True)
    target = mark(folder)
    groups = (_code(target), _in_containers(target), _opcodes(), _sizes(), _nesting(), _torch(), _zips(), _damaged())
    files = [Hostile("pipe", folder / "pipe.npy", "not a regular file")]
    os.mkfifo(files[0].path)
    for group in groups:
        for name, content, why in group:
            path = folder / f"{name.replace(' ', '-')}.bin"
            path.write_bytes(content)
            files.append(Hostile(name, path, why, loads=group is groups[0]))
    return files
