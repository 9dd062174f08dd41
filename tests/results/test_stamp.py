"""Completion stamps: a file is as its task left it if its content is, whatever its times are."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.results.stamp import FileState, Stamp, all_stamps, altered, stamp_path, states


def kept_time(path: Path, content: str) -> None:
    """Change a file as ``cp -p`` does."""
    times = path.stat()
    path.write_text(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def copied(path: Path) -> None:
    path.rename(path.with_name("before"))
    path.write_bytes(path.with_name("before").read_bytes())


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    run = RunPaths(tmp_path)
    (tmp_path / "file").write_text("as it was")
    Stamp(key="key", seconds=1, files=states(run, [tmp_path / "file"])).write(stamp_path(run, "task"))
    return run


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda file: None, True),
        (lambda file: os.utime(file, (0, 0)), True),
        (lambda file: file.chmod(0o600), True),
        (copied, True),
        (lambda file: kept_time(file, "as it is!"), False),
        (lambda file: file.write_text("cut"), False),
        (Path.unlink, False),
        (lambda file: (file.unlink(), file.mkdir()), False),
    ],
)
def test_what_counts_is_the_content(run: RunPaths, change: Callable[[Path], object], same: bool) -> None:
    change(run.root / "file")
    assert altered(run) == frozenset([] if same else ["file"])
    ((name, stamp),) = all_stamps(run)
    now, other = stamp.now(run)
    assert (name, other) == ("task", [] if same else ["file"])
    if same:
        assert now.files == states(run, [run.root / "file"]), "nobody has to read it again"


def test_bits_that_a_disk_loses_are_seen_where_the_file_is_read(run: RunPaths) -> None:
    (_, stamp), file = *all_stamps(run), run.root / "file"
    kept_time(file, "as it is!")
    stamp = stamp.replace(files={"file": FileState.of(file, stamp.files["file"].sha256)})
    assert stamp.now(run) == (stamp, [])
    assert stamp.now(run, thorough=True)[1] == ["file"]


def test_stamps_of_older_versions_know_size_and_time(run: RunPaths) -> None:
    times = (run.root / "file").stat()
    old = f'{{"key": "key", "seconds": 1, "files": {{"file": [{times.st_size}, {times.st_mtime_ns}]}}}}'
    stamp = Stamp.parse(old, "stamp")
    (run.root / "file").chmod(0o600)
    assert stamp.now(run) == (stamp, [])
    os.utime(run.root / "file", (0, 0))
    assert stamp.now(run, thorough=True)[1] == ["file"]


def test_a_stamp_of_another_version_says_nothing(run: RunPaths) -> None:
    stamp_path(run, "task").write_text("{}")
    assert not altered(run) and not [*all_stamps(run)]
