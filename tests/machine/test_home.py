"""Users without a home folder or a name."""

import os
import pwd
from pathlib import Path

import pytest

from repro.config.paths import expand
from repro.errors import EnvironmentFault, InputError
from repro.fetch.verify import cache_dir
from repro.machine import home as module
from repro.machine.home import home, missing_variables


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A user id without an entry, and an environment that names neither home nor user."""

    def no_entry(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    for name in ("HOME", "XDG_CACHE_HOME", "REPRO_CACHE", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_nobody_gets_a_name_a_home_and_a_cache(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert home() is None
    scratch = tmp_path / "scratch"
    assert missing_variables(scratch) == {"USER": str(os.getuid()), "HOME": str(scratch)}
    nobody.setenv("HOME", str(tmp_path))
    nobody.setenv("USER", "somebody")
    assert missing_variables(scratch) == {}
    assert cache_dir() == tmp_path / ".cache" / "repro"


def test_what_cannot_be_written_is_replaced(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody.setattr(module, "_is_writable", lambda folder: folder != Path("/") and Path("/read") not in folder.parents)
    nobody.setenv("USER", "somebody")
    nobody.setenv("HOME", "/")
    assert missing_variables(tmp_path) == {"HOME": str(tmp_path)}
    nobody.setenv("XDG_CACHE_HOME", "/read/only")
    assert missing_variables(tmp_path) == {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}


def test_a_file_is_no_home(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nobody.setenv("USER", "somebody")
    nobody.setenv("HOME", str(tmp_path / "file"))
    assert missing_variables(tmp_path) == {"HOME": str(tmp_path)}


def test_what_needs_a_home_says_so(nobody: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvironmentFault, match="REPRO_CACHE"):
        cache_dir()
    nobody.setattr(Path, "expanduser", lambda _: (_ for _ in ()).throw(RuntimeError()))
    with pytest.raises(InputError, match="without ~"):
        expand(Path("~/data"))
