"""Fetching from a local server with the public hosts' paths: every fault has its message, no wrong file stays."""

import hashlib
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.errors import EnvironmentFault, InputError
from repro.fetch import FEW_SHOT, WEIGHTS, download, fetch
from repro.fetch.download import ATTEMPTS
from repro.fetch.pins import Pin
from repro.fetch.verify import WrongBytesError, record_of
from tests.fetch.local_server import Server, serving

# Larger than a mebibyte, and not a whole number of blocks.
CONTENT = np.random.default_rng(1).bytes(1_500_001)
BLOB = hashlib.sha1(b"blob 1500001\0" + CONTENT).hexdigest()
PINNED = replace(FEW_SHOT[0], blob=BLOB)
PINNED_PATH = (
    "/ncpaddle/splinter-paddlepaddle/09cc9f56f0795e862616776a1d7311ab8a505972/mrqa-few-shot/squad/dev_qass.jsonl"
)
HUB = WEIGHTS[-1]
HUB_PATH = "/tau/splinter-base-qass/resolve/c400ac0b86b16bc4d73508561d3eca78f89c52d7/pytorch_model.bin"
Get = Callable[..., bytes]


@pytest.fixture(autouse=True)
def waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited. The cache is empty, no proxy is between the test and its server."""
    seconds: list[float] = []
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("repro.fetch.download.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as local:
        local.files = {PINNED_PATH: CONTENT, HUB_PATH: CONTENT}
        yield local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def get(server: Server, folder: Path) -> Get:
    """``fetch`` from the local server into ``folder``; returns the file's content."""

    def run(pin: Pin) -> bytes:
        fetch([pin], folder, mirror=server.address)
        return (folder / pin.name).read_bytes()

    return run


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_fetched_once_and_verified_ever_after(server: Server, get: Get, folder: Path) -> None:
    assert get(PINNED) == get(PINNED) == CONTENT
    assert names(folder) == {"dev_qass.jsonl"} and server.asked == [(PINNED_PATH, None)]
    path = folder / PINNED.name
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(WrongBytesError, match=r"dev_qass\.jsonl is not the pinned file") as caught:
        get(PINNED)
    assert str(path) in str(caught.value) and path.read_bytes() == CONTENT[:-1]


def test_resumed_after_a_cut(server: Server, get: Get, waits: list[float]) -> None:
    server.faults[PINNED_PATH] = [("cut", 800_000)]
    assert get(PINNED) == CONTENT and waits == [1.0]
    (_, first), (_, second) = server.asked
    assert first is None and second is not None
    assert 700_000 < int(second.removeprefix("bytes=").removesuffix("-")) <= 800_000


def test_resumed_by_a_later_run(server: Server, get: Get, folder: Path) -> None:
    (folder / "dev_qass.jsonl.partial").write_bytes(CONTENT[:1234])
    assert get(PINNED) == CONTENT and server.asked == [(PINNED_PATH, "bytes=1234-")]


@pytest.mark.parametrize("start", [CONTENT, b"something else", CONTENT + b"longer", CONTENT[:-1] + b"?"])
def test_a_complete_partial_file_or_one_of_something_else(server: Server, get: Get, folder: Path, start: bytes) -> None:
    (folder / "dev_qass.jsonl.partial").write_bytes(start)
    assert get(PINNED) == CONTENT and names(folder) == {"dev_qass.jsonl"}
    assert server.asked[-1] == (PINNED_PATH, "bytes=1500001-" if start == CONTENT else None)


@pytest.mark.parametrize("faults", [["unsized"], [("cut", 800_000), "no range"], [("cut", 800_000), "wrong range"]])
def test_server_without_lengths_or_proper_ranges(server: Server, get: Get, faults: list[Any]) -> None:
    server.faults[PINNED_PATH] = faults
    assert get(PINNED) == CONTENT


def test_wrong_bytes(server: Server, get: Get, folder: Path) -> None:
    server.files[PINNED_PATH] = CONTENT[:-1] + b"?"
    with pytest.raises(WrongBytesError, match=f"not the pinned file: git blob id .*, expected {BLOB}") as caught:
        get(PINNED)
    assert caught.value.exit_code == 2 and PINNED_PATH in str(caught.value)
    assert "--data DIR" in str(caught.value) and "--mirror URL" in str(caught.value)
    assert names(folder) == set() and len(server.asked) == 1


def test_not_found(server: Server, get: Get, folder: Path) -> None:
    server.files.clear()
    with pytest.raises(InputError, match=r"pytorch_model\.bin cannot be fetched: the server answered 404") as caught:
        get(HUB)
    assert caught.value.exit_code == 2 and len(server.asked) == 1
    assert "check the address of the mirror" in str(caught.value) and "--weights DIR" in str(caught.value)
    assert names(folder) == set()


def test_server_error_then_well(server: Server, get: Get, waits: list[float]) -> None:
    server.faults[PINNED_PATH] = [500, 503, 429, "gone"]
    assert get(PINNED) == CONTENT
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_server_error_for_good(server: Server, get: Get) -> None:
    server.faults[PINNED_PATH] = [500] * 99
    with pytest.raises(EnvironmentFault, match=r"the server answered 500 .*\(5 attempts\)") as caught:
        get(PINNED)
    assert caught.value.exit_code == 3 and len(server.asked) == ATTEMPTS


def test_cut_off_for_good_keeps_what_came(server: Server, get: Get, folder: Path) -> None:
    server.faults[PINNED_PATH] = [("cut", 130_000)] * 5
    with pytest.raises(EnvironmentFault, match=r"cut off .*\d+ bytes are kept for the next try"):
        get(PINNED)
    size = (folder / "dev_qass.jsonl.partial").stat().st_size
    assert 5 * 65536 <= size <= 650_000
    assert get(PINNED) == CONTENT
    assert server.asked[-1] == (PINNED_PATH, f"bytes={size}-")


def test_no_connection(folder: Path, waits: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EnvironmentFault, match=r"cannot fetch dev_qass\.jsonl: no connection") as caught:
            fetch([PINNED], folder, mirror=address)
    assert caught.value.exit_code == 3 and len(waits) == ATTEMPTS - 1
    assert "--data DIR" in str(caught.value) and "--mirror URL" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


def test_sha256_is_recorded_on_first_use_and_checked_ever_after(server: Server, get: Get, folder: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert get(HUB) == CONTENT
    assert record_of(HUB).read_text() == f"{sha256}  pytorch_model.bin\n"
    assert get(HUB) == CONTENT

    (folder / HUB.name).unlink()
    server.files[HUB_PATH] = b"another model"
    with pytest.raises(WrongBytesError, match=f"has changed since its first use: .*recorded {sha256}") as caught:
        get(HUB)
    assert str(record_of(HUB)) in str(caught.value) and names(folder) == set()
    server.files[HUB_PATH] = CONTENT
    assert get(HUB) == CONTENT


def test_damaged_record_keeps_the_download(get: Get, folder: Path) -> None:
    record_of(HUB).parent.mkdir(parents=True)
    record_of(HUB).write_text("?")
    with pytest.raises(InputError, match="recorded sha256 is damaged"):
        get(HUB)
    assert names(folder) == {"pytorch_model.bin.partial"}


def test_one_process_at_a_time(server: Server, get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def track(blocks: Iterable[bytes], **_: Any) -> Iterable[bytes]:
        monkeypatch.setattr(download, "track", lambda blocks, **_: blocks)
        with pytest.raises(EnvironmentFault, match="another process is fetching"):
            get(PINNED)
        fetch([PINNED], tmp_path / "elsewhere", mirror=server.address)
        return blocks

    monkeypatch.setattr(download, "track", track)
    assert get(PINNED) == CONTENT


def test_destination_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot write: File exists"):
        fetch([PINNED], tmp_path / "file", mirror=server.address)


def test_mirror_must_be_an_address(folder: Path) -> None:
    with pytest.raises(InputError, match="not the address of a mirror"):
        fetch([PINNED], folder, mirror="/some/folder")


def test_a_tree_keeps_its_folders(server: Server, folder: Path) -> None:
    pins = [replace(PINNED, path=f"{path}/same.bin") for path in ("a", "a/b", "c")]
    for pin in pins:
        server.files[f"/{pin.repository}/{pin.revision}/{pin.path}"] = CONTENT
    for _ in range(2):
        fetch(pins, folder, mirror=server.address, keep_folders=True)
        assert all((folder / pin.path).read_bytes() == CONTENT for pin in pins)
        assert len(server.asked) == len(pins)
