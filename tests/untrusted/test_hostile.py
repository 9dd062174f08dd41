"""Every hostile file is refused with one clear line; nothing in it runs; memory and work stay bounded."""

import contextlib
import pickle
import random
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.dumps import read_dump
from repro.errors import InputError
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content
from repro.untrusted.unpickle import MAX_OPCODES
from tests.draws import draws
from tests.untrusted.bounded import run_bounded
from tests.untrusted.containers import LEGACY_MAGIC, op, tensor, torch_zip, whole
from tests.untrusted.containers import array as array_of
from tests.untrusted.hostile import Hostile, make_hostile, mark
from tests.untrusted.samples import damaged, samples

MEMORY = 400 << 20
READ_ALL = """
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from repro.untrusted.formats import read_content
from repro.errors import InputError
allow(int(sys.argv[2]))
def read(path):
    try:
        return f"read as {read_content(path)!r:.50}"
    except InputError as error:
        return error.what
before, outcomes = peak(), {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    count, result = calls(lambda: read(path))
    outcomes[path.name] = [result, count]
print(json.dumps({"outcomes": outcomes, "grown": peak() - before}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[Hostile]:
    return make_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def outcome(hostile: list[Hostile]) -> dict[str, Any]:
    """What a process with little memory says about each."""
    return run_bounded(READ_ALL, hostile[0].path.parent, MEMORY)[0]


def test_each_is_refused_with_a_clear_line(outcome: dict[str, Any], hostile: list[Hostile]) -> None:
    wrong = []
    assert len(outcome["outcomes"]) == len(hostile) > 100
    for one in hostile:
        result, _ = outcome["outcomes"][one.path.name]
        clear = re.search(one.why, result) and result.isascii() and result.isprintable() and len(result) < 400
        if not clear or not result.startswith("not a readable file: "):
            wrong.append((one.name, result))
    assert not wrong


def test_nothing_is_executed_and_memory_and_work_stay_bounded(outcome: dict[str, Any], hostile: list[Hostile]) -> None:
    assert not mark(hostile[0].path.parent).exists()
    assert not {name: calls for name, (_, calls) in outcome["outcomes"].items() if calls > 15 * MAX_OPCODES}
    assert 0 < outcome["grown"] < MEMORY
    assert not [name for name, (result, _) in outcome["outcomes"].items() if "more memory than there is" in result]


def test_the_payloads_are_real(outcome: dict[str, Any], hostile: list[Hostile]) -> None:
    """The control: the usual ways of loading run them."""
    executed = mark(hostile[0].path.parent)
    plain = [one for one in hostile if one.loads]
    assert len(plain) >= 15
    by_name = {one.name: one.path for one in hostile}
    loads: dict[str, Callable[[], object]] = {
        one.name: partial(lambda path: pickle.loads(path.read_bytes()), one.path) for one in plain
    }
    loads["npy code"] = lambda: np.load(by_name["npy code"], allow_pickle=True)
    loads["torch zip code"] = lambda: pickle.loads(zipfile.ZipFile(by_name["torch zip code"]).read("a/data.pkl"))
    loads["torch legacy code"] = lambda: _load_all(by_name["torch legacy code"])
    for name, load in loads.items():
        with contextlib.suppress(Exception):  # some end badly after the payload ran
            load()
        assert executed.exists(), name
        executed.rmdir()


def _load_all(path: Path) -> None:
    with path.open("rb") as file:
        assert pickle.load(file) == LEGACY_MAGIC
        while True:
            pickle.load(file)


@pytest.mark.parametrize("special", ["/dev/zero", "/dev/null", "/", "/nowhere/at/all", "nul\0byte"])
def test_what_is_no_regular_file_is_refused(special: str) -> None:
    with pytest.raises(InputError, match=r"not a regular file|Is a directory|No such file|null byte"):
        read_content(Path(special))


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="larger than 17179869184 bytes"):
        read_content(path)


def test_the_names_of_a_shared_value_do_not_unfold() -> None:
    value: Any = [1.0, "text"]
    for _ in range(16):
        value = {"a" * 100: value, "b" * 100: value}
    with pytest.raises(InputError, match="names of more than"):
        arrays(value)


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
    """Nine classes use one storage of 4 MiB: memory for the file and the converted bfloat16, not for nine copies."""
    sizes = {"Double": 8, "Long": 8, "Float": 4, "Int": 4, "Half": 2, "Short": 2, "BFloat16": 2, "Char": 1, "Byte": 1}
    raw = 4 << 20
    tensors = [tensor(f"{kind}Storage", count=raw // n, shape=(raw // n,), strides=(1,)) for kind, n in sizes.items()]
    path = tmp_path / "kinds.pt"
    path.write_bytes(torch_zip(b"(" + b"".join(tensors) + b"t", {"0": bytes(raw)}))
    tracemalloc.start()
    value = read_content(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(value) == len(sizes) and peak < 5 * raw


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of a damaged text in a pickle of protocol 0
def test_damage_of_any_kind_is_read_or_refused(tmp_path: Path) -> None:
    generator = random.Random(3)
    valid = list(samples().values())
    path = tmp_path / "damaged.bin"
    count, refused = draws(1000), 0
    for _ in range(count):
        data = generator.choice(valid)
        for _ in range(generator.choice([1, 1, 2, 5])):
            data = damaged(data, generator.choice(valid), generator)
        path.write_bytes(data)
        try:
            arrays(read_content(path))
        except InputError as error:
            refused += 1
            assert error.what.isprintable(), error.what
    assert count / 2 < refused < count
