"""GPUs: which are used, which are refused before any job, and that each serves one job at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.errors import EnvironmentFault, InputError
from repro.workflow.completion import events_path
from repro.workflow.gpus import check_precision, choose_gpus
from repro.workflow.job import work
from repro.workflow.plan import Job, Plan, plan_path, read_plan
from repro.workflow.preloaded import server_of
from tests.workflow.observer import Observer, ended

T4 = "{}, Tesla T4, 7.5, 15360 MiB, 580.65.06"
H100 = "{}, NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 580.65.06"
A100 = "{}, NVIDIA A100-SXM4-40GB, 8.0, 40960 MiB, 580.65.06"
OLD_DRIVER = "{}, NVIDIA A100-SXM4-40GB, 8.0, 40960 MiB, 535.104.05"
FOUR = ("steps=[11]", "training.seeds=[42]", "training.sizes=[16,128]", "device=gpu")  # trainings
JOB = Job(kind="train", backend="paddle", tasks=(), options=(), after=(), priority=1, gpu=True)
Machine = Callable[..., None]  # GPUs that ``nvidia-smi`` lists


def both(device: str) -> dict[str, str]:
    return {"pytorch": device, "paddle": device}


@pytest.fixture
def machine(nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Puts an ``nvidia-smi`` on the path that lists these GPUs, and ``-L`` with a MIG slice on each."""

    def put(*rows: str) -> None:
        query = "".join(f"echo '{row.format(n)}'\n" for n, row in enumerate(rows))
        listing = "".join(
            f"echo 'GPU {n}: a card (UUID: GPU-{n}aaa-bbbb)'\necho '  MIG 1g.5gb     Device  0: (UUID: MIG-{n}ccc)'\n"
            for n in range(len(rows))
        )
        nvidia_smi(f'if [ "$1" = -L ]; then\n{listing}exit\nfi\n{query}')

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return put


def test_all_supported_gpus_are_used_and_others_are_named(machine: Machine) -> None:
    machine(T4, H100, T4)
    gpus, left_out = choose_gpus(both("auto"))
    assert gpus == {"pytorch": ["0", "1", "2"], "paddle": ["0", "2"]}
    (reason,) = left_out
    assert reason.startswith("GPU 1 (NVIDIA H100 80GB HBM3): Paddle's wheel needs compute capability 6.1, ")
    assert choose_gpus({"pytorch": "auto"}) == ({"pytorch": ["0", "1", "2"]}, [])
    assert choose_gpus(both("cpu")) == ({"pytorch": [], "paddle": []}, [])


def test_a_number_limits_and_a_list_names(machine: Machine) -> None:
    machine(T4, H100, T4, T4)
    assert choose_gpus(both("gpu"), 2)[0] == {"pytorch": ["0", "2"], "paddle": ["0", "2"]}
    assert choose_gpus(both("gpu"), 9)[0]["paddle"] == ["0", "2", "3"]
    assert choose_gpus(both("gpu"), ["3", "0"])[0] == {"pytorch": ["3", "0"], "paddle": ["3", "0"]}
    with pytest.raises(InputError, match=r"no GPU 7; this process may use: 0, 1, 2, 3"):
        choose_gpus(both("gpu"), ["0", "7"])
    with pytest.raises(EnvironmentFault, match="H100"):
        choose_gpus(both("gpu"), ["0", "1"])


def test_each_framework_has_its_own_device(machine: Machine) -> None:
    machine(H100)
    halves = {"pytorch": ["0"], "paddle": []}
    assert choose_gpus({"pytorch": "gpu", "paddle": "cpu"}) == (halves, [])
    assert choose_gpus({"pytorch": "gpu", "paddle": "cpu"}, ["0"]) == (halves, [])
    gpus, (reason,) = choose_gpus(both("auto"))
    assert gpus == halves and "Paddle's wheel" in reason
    with pytest.raises(EnvironmentFault, match="--device pytorch=gpu,paddle=cpu"):
        choose_gpus({"pytorch": "auto", "paddle": "gpu"})


@pytest.mark.parametrize(
    ("precision", "gpus", "reason"),
    [
        ("float32", {"pytorch": [], "paddle": ["0"]}, ""),
        ("bf16", {"pytorch": []}, ""),
        ("bf16", {"pytorch": [], "paddle": []}, "Paddle has no bf16 on a CPU"),
        ("tf32", {"pytorch": []}, "PyTorch has no tf32 on a CPU"),
        ("tf32", {"pytorch": ["0", "1"]}, "GPU 1: tf32 needs compute capability 8.0 or newer, this is 7.5"),
        ("tf32", {"pytorch": ["0"], "paddle": ["0"]}, ""),
    ],
)
def test_a_precision_that_a_device_lacks_is_refused(
    machine: Machine, precision: str, gpus: dict[str, list[str]], reason: str
) -> None:
    machine(A100, T4)
    if not reason:
        check_precision(precision, gpus)
        return
    with pytest.raises(EnvironmentFault, match=reason):
        check_precision(precision, gpus)


def test_a_plan_gives_a_job_the_gpus_of_its_framework() -> None:
    jobs = {name: JOB.replace(backend=name) for name in ("pytorch", "paddle")}
    plan = Plan(tasks={}, finished=frozenset(), jobs=jobs, targets=(), devices={"pytorch": "gpu", "paddle": "cpu"})
    here = plan.replace(gpus={"pytorch": ("1",), "paddle": ()})
    assert [here.gpus_of(job) for job in jobs.values()] == [("1",), ()]
    assert [server_of(here, job) for job in jobs.values()] == [None, "paddle"], "no CUDA context survives a fork"
    elsewhere = plan.replace(gpus=None)
    assert [elsewhere.gpus_of(job) for job in jobs.values()] == [None, ()], "a batch system assigns them"
    assert here.gpus_of(JOB.replace(backend="pytorch", gpu=False)) == ()


@pytest.mark.parametrize(
    ("row", "reason"), [(H100, "compute capability 6.1"), (OLD_DRIVER, "driver 580 or newer, this is 535.104.05")]
)
def test_an_unsupported_gpu_is_refused_with_the_supported_ones(machine: Machine, row: str, reason: str) -> None:
    machine(row)
    assert choose_gpus(both("auto"))[0]["paddle" if row == H100 else "pytorch"] == []
    supported = r"supported one: compute capability 7.5, 8.0, 8.6 or 8.9 \(T4"
    with pytest.raises(EnvironmentFault, match=rf"{reason}[\s\S]*{supported}"):
        choose_gpus(both("gpu"))


def test_what_the_batch_system_assigned_is_respected(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(T4, H100, T4)
    for visible, usable in (("2", ["2"]), ("2,1", ["2"]), ("GPU-2aaa", ["GPU-2aaa"]), ("MIG-0ccc", ["MIG-0ccc"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert choose_gpus(both("gpu"))[0]["paddle"] == usable
    for visible in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert choose_gpus(both("auto")) == ({"pytorch": [], "paddle": []}, [])
    for visible in ("1", "GPU-1aaa-bbbb", "MIG-1ccc", "MIG-unknown"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with pytest.raises(EnvironmentFault, match=f"GPU {visible}"):
            choose_gpus(both("gpu"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with pytest.raises(InputError, match="this process may use: 2"):
        choose_gpus(both("gpu"), ["0"])


def test_a_gpu_that_cannot_be_asked_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(EnvironmentFault, match="NVIDIA_DRIVER_CAPABILITIES=compute,utility"):
        choose_gpus(both("gpu"))


def test_a_job_on_a_node_with_the_wrong_gpu_fails_before_its_program(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(H100)
    run = RunPaths(tmp_path / "run")
    plan = Plan(tasks={}, finished=frozenset(), jobs={"it": JOB}, targets=("it",))
    plan.replace(gpus=None, devices={"paddle": "gpu"}, remote=True, program=("/nowhere",)).write(plan_path(run))
    monkeypatch.setenv("REPRO_HOST", "")
    assert work(run, "it") == 3
    assert "supported one: compute capability 7.5" in (run.logs / "it.log").read_text()
    assert '"failed"' in events_path(run).read_text()


@pytest.mark.slow
def test_no_two_jobs_share_a_gpu_and_two_runs_use_all(machine: Machine, tmp_path: Path, observer: Observer) -> None:
    machine(T4, T4, T4, T4)
    runs = [tmp_path / "first" / "run", tmp_path / "second" / "run"]
    processes = [observer.start(run, *FOUR, FAKE_HOLD="train-", FAKE_WORKERS="300") for run in runs]
    held = observer.wait_for("hold", 4)  # two on one GPU would have failed
    assert {gpu for _, _, _, gpu in held} == {"0", "1", "2", "3"}
    observer.open_gate()
    for process in processes:
        process.finished()
    for run in runs:
        plan = read_plan(RunPaths(run))
        assert plan is not None and len(plan.trainings()) == 4
        assert sum(name.startswith("train-") for name in ended(run)) == 4
