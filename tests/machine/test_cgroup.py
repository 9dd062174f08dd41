"""Limits of control groups, on fake ``/proc/self`` and cgroup trees of both versions."""

from pathlib import Path

import pytest

from repro.config.profile import Profile
from repro.config.profile_file import load_profile
from repro.machine import cgroup, memory, needs
from repro.machine.needs import GIB


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


def mount(proc: Path, membership: str, *mounts: tuple[str, str, str]) -> Path:
    """Write ``cgroup`` and ``mountinfo`` of a process; mounts are (root, type, controllers). Returns their folder."""
    tree = proc.parent / "sys fs"  # a blank is written as \040
    lines = ["22 1 0:20 / / rw - ext4 /dev/root rw"]
    for number, (root, kind, controllers) in enumerate(mounts):
        point = str(tree / (controllers or "unified")).replace(" ", "\\040")
        lines.append(
            f"{30 + number} 22 0:{28 + number} {root} {point} rw,nosuid shared:9 - {kind} {kind} rw,{controllers}"
        )
    (proc / "mountinfo").write_text("\n".join(lines) + "\n")
    (proc / "cgroup").write_text(membership)
    return tree


def limit(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(f"{text}\n")


def test_smallest_limit_of_all_groups_above_counts(proc: Path) -> None:
    tree = mount(proc, "0::/batch/job/step\n", ("/", "cgroup2", "")) / "unified"
    limit(tree / "batch" / "job" / "step", memory_max="max", cpu_max="max 100000")
    limit(tree / "batch" / "job", memory_max=str(2 * GIB), cpu_max="150000 100000")
    limit(tree / "batch", memory_max=str(4 * GIB), cpu_max="50000 100000")
    assert cgroup.memory_limit(proc) == 2 * GIB
    assert cgroup.cpu_limit(proc) == 0.5


def test_version_1_has_a_tree_for_each_controller(proc: Path) -> None:
    membership = "5:memory:/user/x\n3:cpu,cpuacct:/user\n1:name=systemd:/elsewhere\n"
    mounts = (("/", "cgroup", "memory"), ("/", "cgroup", "cpu,cpuacct"), ("/", "cgroup", "name=systemd"))
    tree = mount(proc, membership, *mounts)
    (tree / "memory" / "user" / "x").mkdir(parents=True)
    (tree / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")  # no limit
    (tree / "memory" / "user" / "memory.limit_in_bytes").write_text(f"{GIB}\n")
    limit(tree / "cpu,cpuacct" / "user")
    (tree / "cpu,cpuacct" / "user" / "cpu.cfs_quota_us").write_text("250000\n")
    (tree / "cpu,cpuacct" / "user" / "cpu.cfs_period_us").write_text("100000\n")
    (tree / "cpu,cpuacct" / "cpu.cfs_quota_us").write_text("-1\n")
    (tree / "cpu,cpuacct" / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup.memory_limit(proc) == GIB
    assert cgroup.cpu_limit(proc) == 2.5


@pytest.mark.parametrize(("path", "root"), [("/", "/"), ("/docker/abc", "/docker/abc"), ("/../other", "/")])
def test_container_sees_its_own_group_as_the_root(proc: Path, path: str, root: str) -> None:
    tree = mount(proc, f"0::{path}\n", (root, "cgroup2", "")) / "unified"
    limit(tree, memory_max=str(GIB), cpu_max="200000 100000")
    assert cgroup.memory_limit(proc) == GIB
    assert cgroup.cpu_limit(proc) == 2.0


@pytest.mark.parametrize("membership", ["", "nonsense", "0::/\n", "4:memory:/nowhere\n"])
def test_no_limit_where_the_system_names_none(proc: Path, membership: str) -> None:
    assert cgroup.memory_limit(proc) is cgroup.cpu_limit(proc) is None  # no files at all
    mount(proc, membership, ("/", "cgroup2", ""))
    assert cgroup.memory_limit(proc) is cgroup.cpu_limit(proc) is None


@pytest.fixture(params=["mini", "base"])
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param)


def test_memory_and_time_decide_how_many_jobs_run(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "cpu_limit", lambda: None)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4))
    job = needs.needs(profile).memory
    for memory_there, jobs in ((100 * job, 4), (GIB, 1), (round(3.3 * job + needs.LAUNCHER), 2)):
        monkeypatch.setattr(needs, "memory_limit", lambda size=memory_there: size)
        assert needs.jobs_at_a_time(profile) == jobs
    monkeypatch.setattr(needs, "memory_limit", lambda: 100 * job)
    for share, jobs in ((0.5, 1), (1.5, 2), (64.0, 4)):
        monkeypatch.setattr(needs, "cpu_limit", lambda share=share: share)
        assert needs.jobs_at_a_time(profile) == jobs


def test_memory_is_the_machines_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory_limit", lambda: None)
    whole = memory.memory_limit()
    monkeypatch.setattr(cgroup, "memory_limit", lambda: whole // 2)
    assert memory.memory_limit() == whole // 2


@pytest.mark.parametrize(
    ("overrides", "options"),
    [
        ({}, 0),
        ({"data.source": "path"}, 1),
        ({"data.source": "path", "data.directory": "data", "weights.source": "path"}, 1),
        ({"weights.path": "nowhere", "weights.source": "path"}, 0),
    ],
)
def test_options_that_a_profile_leaves_to_the_user(overrides: dict[str, str], options: int) -> None:
    assert len(needs.needs(load_profile("mini", overrides)).options) == options
