"""Fetching against a local server with the public hosts' paths: every fault has its message, no false file stays."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.errors import EnvironmentFault, InputError
from repro.fetch import FEW_SHOT, WEIGHTS, Fetched, Pin, fetch, fetch_tree
from repro.fetch.download import ATTEMPTS
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


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and no proxy between the test and its server."""
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as local:
        local.files = {PINNED_PATH: CONTENT, HUB_PATH: CONTENT}
        yield local


class Waits(list[float]):
    """Stands in for ``time.sleep``."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def get(server: Server, tmp_path: Path) -> Callable[..., list[Fetched]]:
    """``fetch`` from the local server into ``tmp_path/files``, without waiting or printing."""

    def run(pin: Pin, **options: Any) -> list[Fetched]:
        quiet = {"progress": lambda ticks, **_: ticks, "wait": Waits()}
        return fetch([pin], tmp_path / "files", **{"mirror": server.address, **quiet, **options})

    return run


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_complete(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    [done] = get(PINNED)
    assert done == Fetched(PINNED, tmp_path / "files" / "dev_qass.jsonl", f"git blob id {BLOB}")
    assert done.path.read_bytes() == CONTENT
    assert names(tmp_path / "files") == {"dev_qass.jsonl"}
    assert server.asked == [(PINNED_PATH, None)]


def test_what_is_there_is_verified_and_not_fetched_again(server: Server, get: Callable[..., list[Fetched]]) -> None:
    get(PINNED)
    server.shutdown()
    [again] = get(PINNED)
    assert len(server.asked) == 1
    again.path.write_bytes(CONTENT[:-1])
    with pytest.raises(WrongBytesError, match=r"dev_qass\.jsonl is not the pinned file") as caught:
        get(PINNED)
    assert str(again.path) in str(caught.value) and again.path.read_bytes() == CONTENT[:-1]


def test_several_files_into_one_folder(server: Server, tmp_path: Path) -> None:
    server.files |= {pin.url("http://x").removeprefix("http://x"): b"x" for pin in WEIGHTS}
    fetched = fetch(WEIGHTS, tmp_path / "w", mirror=f"{server.address}/", progress=lambda ticks, **_: ticks)
    assert [done.path.name for done in fetched][-1] == "pytorch_model.bin"
    assert names(tmp_path / "w") == {pin.name for pin in WEIGHTS}


def test_resumed_after_a_cut(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    server.faults[PINNED_PATH] = [("cut", 800_000)]
    waits = Waits()
    [done] = get(PINNED, wait=waits)
    assert done.path.read_bytes() == CONTENT and waits == [1.0]
    (_, first), (_, second) = server.asked
    assert first is None and second is not None
    kept = int(second.removeprefix("bytes=").removesuffix("-"))
    assert 700_000 < kept <= 800_000


def test_resumed_by_a_later_run(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "dev_qass.jsonl.partial").write_bytes(CONTENT[:1234])
    [done] = get(PINNED)
    assert done.path.read_bytes() == CONTENT and server.asked == [(PINNED_PATH, "bytes=1234-")]


def test_complete_but_not_yet_renamed(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "dev_qass.jsonl.partial").write_bytes(CONTENT)
    [done] = get(PINNED)
    assert done.path.read_bytes() == CONTENT and names(tmp_path / "files") == {"dev_qass.jsonl"}


@pytest.mark.parametrize("start", [b"something else", CONTENT + b"longer", CONTENT[:-1] + b"?"])
def test_partial_file_of_something_else(
    server: Server, get: Callable[..., list[Fetched]], tmp_path: Path, start: bytes
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "dev_qass.jsonl.partial").write_bytes(start)
    [done] = get(PINNED)
    assert done.path.read_bytes() == CONTENT and server.asked[-1] == (PINNED_PATH, None)


@pytest.mark.parametrize("fault", ["no range", "wrong range"])
def test_server_without_proper_ranges(server: Server, get: Callable[..., list[Fetched]], fault: str) -> None:
    server.faults[PINNED_PATH] = [("cut", 800_000), fault]
    [done] = get(PINNED)
    assert done.path.read_bytes() == CONTENT


def test_answer_without_a_length(server: Server, get: Callable[..., list[Fetched]]) -> None:
    server.faults[PINNED_PATH] = ["unsized"]
    assert get(PINNED)[0].path.read_bytes() == CONTENT


def test_wrong_bytes(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    server.files[PINNED_PATH] = CONTENT[:-1] + b"?"
    with pytest.raises(WrongBytesError, match=f"not the pinned file: git blob id .*, expected {BLOB}") as caught:
        get(PINNED)
    assert caught.value.exit_code == 2 and PINNED_PATH in str(caught.value)
    assert "--data DIR" in str(caught.value) and "--mirror URL" in str(caught.value)
    assert names(tmp_path / "files") == set() and len(server.asked) == 1


def test_not_found(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    server.files.clear()
    with pytest.raises(InputError, match=r"pytorch_model\.bin cannot be had: the server answered 404") as caught:
        get(HUB)
    assert caught.value.exit_code == 2 and len(server.asked) == 1
    assert "check the address of the mirror" in str(caught.value) and "--weights DIR" in str(caught.value)
    assert names(tmp_path / "files") == set()


def test_server_error_then_well(server: Server, get: Callable[..., list[Fetched]]) -> None:
    server.faults[PINNED_PATH] = [500, 503, 429, "gone"]
    waits = Waits()
    assert get(PINNED, wait=waits)[0].path.read_bytes() == CONTENT
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_server_error_for_good(server: Server, get: Callable[..., list[Fetched]]) -> None:
    server.faults[PINNED_PATH] = [500] * 99
    with pytest.raises(EnvironmentFault, match=r"the server answered 500 .*\(5 attempts\)") as caught:
        get(PINNED)
    assert caught.value.exit_code == 3 and len(server.asked) == ATTEMPTS


def test_cut_off_for_good_keeps_what_came(server: Server, get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    server.faults[PINNED_PATH] = [("cut", 130_000)] * 5
    with pytest.raises(EnvironmentFault, match=r"cut off .*\d+ bytes are kept for the next try"):
        get(PINNED)
    kept = (tmp_path / "files" / "dev_qass.jsonl.partial").stat().st_size
    assert 5 * 65536 <= kept <= 650_000
    assert get(PINNED)[0].path.read_bytes() == CONTENT
    assert server.asked[-1] == (PINNED_PATH, f"bytes={kept}-")


def test_no_connection(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        waits = Waits()
        with pytest.raises(EnvironmentFault, match=r"cannot fetch dev_qass\.jsonl: no connection") as caught:
            fetch([PINNED], tmp_path / "files", mirror=address, wait=waits)
    assert caught.value.exit_code == 3 and len(waits) == ATTEMPTS - 1
    assert "--data DIR" in str(caught.value) and "--mirror URL" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3


def test_sha256_is_recorded_on_first_use_and_checked_ever_after(
    server: Server, get: Callable[..., list[Fetched]], tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    [first] = get(HUB)
    assert first.check == f"sha256 {sha256}, recorded now on first use"
    assert record_of(HUB).read_text() == f"{sha256}  pytorch_model.bin\n"
    assert record_of(HUB).is_relative_to(tmp_path / "cache")
    assert get(HUB)[0].check == f"sha256 {sha256}, as recorded"

    first.path.unlink()
    server.files[HUB_PATH] = b"another model"
    with pytest.raises(WrongBytesError, match=f"has changed since its first use: .*recorded {sha256}") as caught:
        get(HUB)
    assert str(record_of(HUB)) in str(caught.value) and names(tmp_path / "files") == set()
    server.files[HUB_PATH] = CONTENT
    assert get(HUB)[0].path.read_bytes() == CONTENT


def test_damaged_record_keeps_the_download(get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    record_of(HUB).parent.mkdir(parents=True)
    record_of(HUB).write_text("?")
    with pytest.raises(InputError, match="recorded sha256 is damaged"):
        get(HUB)
    assert names(tmp_path / "files") == {"pytorch_model.bin.partial"}


def test_progress_is_in_mebibytes(get: Callable[..., list[Fetched]]) -> None:
    seen: list[tuple[int, int, str]] = []

    def progress(ticks: Iterable[Any], *, total: int, title: str) -> Iterator[Any]:
        count = 0
        for tick in ticks:
            count += 1
            yield tick
        seen.append((count, total, title))

    get(PINNED, progress=progress)
    assert seen == [(2, 2, "fetch dev_qass.jsonl (MiB)")]


def test_one_process_at_a_time(get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    other = os.open(tmp_path / "files", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(EnvironmentFault, match="another process is fetching"):
        get(PINNED)
    os.close(other)
    assert get(PINNED)


def test_destination_that_cannot_be_written(get: Callable[..., list[Fetched]], tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file")
    with pytest.raises(EnvironmentFault, match="cannot write: File exists"):
        get(PINNED)


def test_mirror_must_be_an_address(get: Callable[..., list[Fetched]]) -> None:
    with pytest.raises(InputError, match="not the address of a mirror"):
        get(PINNED, mirror="/some/folder")


def test_a_tree_keeps_its_folders(server: Server, tmp_path: Path) -> None:
    pins = [replace(PINNED, path=f"{folder}/same.bin") for folder in ("a", "a/b", "c")]
    for pin in pins:
        server.files[f"/{pin.repository}/{pin.revision}/{pin.path}"] = CONTENT
    assert fetch_tree(pins, tmp_path / "tree", mirror=server.address) == tmp_path / "tree"
    assert all((tmp_path / "tree" / pin.path).read_bytes() == CONTENT for pin in pins)
    asked = len(server.asked)
    fetch_tree(pins, tmp_path / "tree", mirror=server.address)
    assert len(server.asked) == asked
