"""Every hostile file is refused with one clear line; nothing in it runs; memory and time stay bounded."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.dumps import read_dump
from repro.dumps.evidence import arrays, read_evidence
from repro.errors import InputError
from tests.dumps.containers import LEGACY_MAGIC, op, tensor, torch_zip, whole
from tests.dumps.containers import array as array_of
from tests.dumps.hostile import Hostile, make_hostile, mark
from tests.dumps.samples import samples

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 400 << 20
READ_ALL = """
import json, resource, sys, time
from pathlib import Path
from repro.dumps import read_dump
from repro.dumps.evidence import read_evidence
from repro.errors import InputError
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
def high():
    # not ru_maxrss, which a process inherits from the one that started it
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = high()
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        what = "read as " + read_evidence(path).kind
    except InputError as error:
        what = error.what
    found[path.name] = [what, time.process_time() - start]
print(json.dumps({"found": found, "grown": (high() - before) * 1024}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def hostile(folder: Path) -> list[Hostile]:
    return make_hostile(folder)


@pytest.fixture(scope="module")
def outcome(folder: Path, hostile: list[Hostile]) -> dict[str, Any]:
    """What one process with little memory to spare makes of them all."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", READ_ALL, str(folder), str(MEMORY)]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr[-3000:]
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


def test_there_are_many(hostile: list[Hostile]) -> None:
    assert len(hostile) >= 30 and len({one.path for one in hostile}) == len(hostile)


def test_each_is_refused_with_a_clear_line(outcome: dict[str, Any], hostile: list[Hostile]) -> None:
    wrong = []
    for one in hostile:
        what, _ = outcome["found"][one.path.name]
        clear = re.search(one.why, what) and what.isascii() and what.isprintable() and len(what) < 400
        if not clear or not what.startswith("not a readable file: "):
            wrong.append((one.name, what))
    assert not wrong


def test_nothing_is_executed(outcome: dict[str, Any], folder: Path) -> None:
    assert not mark(folder).exists()


def test_memory_and_time_stay_bounded(outcome: dict[str, Any]) -> None:
    slow = {name: seconds for name, (_, seconds) in outcome["found"].items() if seconds >= 2}
    assert not slow
    assert 0 < outcome["grown"] < MEMORY
    assert not [what for what, _ in outcome["found"].values() if "more memory than there is" in what]


def test_the_payloads_are_real(outcome: dict[str, Any], folder: Path, hostile: list[Hostile]) -> None:
    """The control: the usual ways of loading run them."""
    plain = [one for one in hostile if one.loads]
    assert len(plain) >= 15
    by_name = {one.name: one.path for one in hostile}
    loads = {one.name: lambda path=one.path: pickle.loads(path.read_bytes()) for one in plain}
    loads["npy code"] = lambda: np.load(by_name["npy code"], allow_pickle=True)
    loads["torch zip code"] = lambda: pickle.loads(zipfile.ZipFile(by_name["torch zip code"]).read("a/data.pkl"))
    loads["torch legacy code"] = lambda: _load_all(by_name["torch legacy code"])
    for name, load in loads.items():
        with contextlib.suppress(Exception):  # some end badly after the payload ran
            load()
        assert mark(folder).exists(), name
        mark(folder).rmdir()


def _load_all(path: Path) -> None:
    with path.open("rb") as file:
        assert pickle.load(file) == LEGACY_MAGIC
        while True:
            pickle.load(file)


@pytest.mark.parametrize("special", ["/dev/zero", "/dev/null", "/", "/nowhere/at/all", "nul\0byte"])
def test_what_is_no_regular_file_is_refused(special: str) -> None:
    with pytest.raises(InputError, match=r"not a regular file|Is a directory|No such file|null byte"):
        read_evidence(Path(special))


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="larger than 67108864 bytes"):
        read_evidence(path)


def test_a_shared_value_does_not_unfold_while_it_is_flattened() -> None:
    value: Any = [1.0, "text"]
    for _ in range(60):
        value = {"a": value, "b": value}
    with pytest.raises(InputError, match="unfolds to more than"):
        arrays(value)
    circle: list[Any] = ["text"]
    circle.append(circle)
    with pytest.raises(InputError, match="nested more than"):
        arrays(circle)


def test_one_array_under_many_names_is_copied_once(tmp_path: Path) -> None:
    path, array = tmp_path / "dump.npy", np.ones((100, 100))
    path.write_bytes(pickle.dumps({"a": array, "b": array, "c": array}))
    read = read_dump(path)
    assert read["a"] is read["c"] and read["a"].flags.writeable
    empty, data = b"B\0\0\0\0", b"B" + struct.pack("<I", 10**5) + bytes(10**5) + b"q\xff"
    views = [array_of((10**5,), b"", "u1").replace(empty, data if not n else b"h\xff") for n in range(9)]
    path.write_bytes(whole(b"}(" + b"".join(op(f"a{n}") + view for n, view in enumerate(views)) + b"u", 3))
    with pytest.raises(InputError, match="more data than the file"):
        read_dump(path)


def test_one_storage_of_every_kind_is_read_once(tmp_path: Path) -> None:
    """Ten classes look at one storage of 4 MB: the file's bytes and the widened bfloat16, not ten copies."""
    sizes = {"Double": 8, "Long": 8, "Float": 4, "Int": 4, "Half": 2, "Short": 2, "BFloat16": 2, "Char": 1, "Byte": 1}
    raw = 4 << 20
    tensors = [tensor(f"{kind}Storage", count=raw // n, shape=(raw // n,), strides=(1,)) for kind, n in sizes.items()]
    path = tmp_path / "kinds.pt"
    path.write_bytes(torch_zip(b"(" + b"".join(tensors) + b"t", {"0": bytes(raw)}))
    tracemalloc.start()
    value = read_evidence(path).value
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(value) == len(sizes) and peak < 5 * raw


def _mutated(raw: bytes, generator: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(generator.choice([1, 1, 2, 5])):
        at = generator.randrange(len(data) + 1)
        match generator.randrange(6):
            case 0:
                data[at : at + 1] = bytes([generator.randrange(256)])
            case 1:
                data[at : at + generator.choice([1, 4, 8])] = generator.choice([b"\xff" * 4, bytes(4), b"\x7f" * 8])
            case 2:
                del data[at:]
            case 3:
                del data[at : at + generator.randrange(1, 20)]
            case 4:
                start = generator.randrange(len(data) + 1)
                data[at:at] = data[start : start + generator.randrange(1, 40)]
            case 5:
                data[at:at] = bytes([generator.choice(b"(.0NRbtulhq\x81\x93\x94\x95\x85]}")])
    return bytes(data)


def test_damage_of_any_kind_is_read_or_refused(tmp_path: Path) -> None:
    generator = random.Random(3)
    valid = list(samples().values())
    path = tmp_path / "damaged.bin"
    refused = 0
    for _ in range(2000):
        path.write_bytes(_mutated(generator.choice(valid), generator))
        try:
            arrays(read_evidence(path).value)
        except InputError as error:
            refused += 1
            assert error.what.isprintable(), error.what
    assert 1000 < refused < 2000
