"""The doctor on fake machines: other GPUs, lock files, too little memory or disk."""

import io
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from repro.config.profile_file import PROFILES
from repro.errors import InputError
from repro.machine import devices, doctor, needs
from repro.machine.cpu import cpu_field
from repro.machine.doctor import Facts
from repro.machine.hidden_modules import hiding_files
from repro.machine.needs import GIB
from repro.machine.versions import installed_version

T4 = "0, Tesla T4, 7.5, 15360 MiB, 580.65.06"
H100 = "0, NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 580.65.06"
Report = Callable[..., tuple[int, str]]


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    """A machine on which every profile can run."""
    shipped = tmp_path / "checkpoints" / "mini"
    shipped.mkdir(parents=True)
    (shipped / "model.safetensors").touch()
    monkeypatch.setattr(needs, "CHECKPOINTS", shipped.parent)
    return Facts(
        python="3.11.2",
        system="Linux",
        cpu="a processor",
        cores=2,
        threads=[],
        memory=32 * GIB,
        memory_free=30 * GIB,
        disk_free=100 * GIB,
        packages=dict.fromkeys(("torch", "transformers", "paddlepaddle", "paddlenlp", "reprod-log"), "1"),
        locked=True,
        mismatches=[],
        gpus=[devices.Gpu(*T4.split(", "))],
        gpu_problem="",
    )


@pytest.fixture
def report(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Exit code and text of the doctor on a machine with other facts."""

    def run(profile: str | None = None, device: str | dict[str, str] = "auto", **others: Any) -> tuple[int, str]:
        monkeypatch.setattr(doctor, "collect", lambda: replace(facts, **others))
        out = io.StringIO()
        return doctor.run_doctor(profile, out, device), out.getvalue()

    return run


def test_versions_are_those_of_the_packages_metadata() -> None:
    packages = sorted({distribution.name for distribution in metadata.distributions()})
    assert "numpy" in packages
    assert {name: installed_version(name) for name in packages} == {name: metadata.version(name) for name in packages}
    assert installed_version("no-such-package") is None


def test_lock_mismatches_are_found(tmp_path: Path) -> None:
    numpy = installed_version("numpy")
    (tmp_path / "runtime.txt").write_text(
        f"# header\nnumpy=={numpy} ; sys_platform == 'linux' \\\n    --hash=sha256:00\n    # via nothing\n"
        "psutil==0.0.1 \\\n    --hash=sha256:00\n"
        "no-such-package-here==1.0 \\\n    --hash=sha256:00\n"
        "only-elsewhere==1.0 ; python_full_version < '3' \\\n    --hash=sha256:00\n"
    )
    lines = doctor.mismatches(tmp_path)
    assert [text.partition(":")[0] for text in lines] == ["psutil", "no-such-package-here"]
    assert "not installed" in lines[1]


def test_local_build_label_is_no_mismatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime.txt").write_text("torch==2.13.0\n")
    for version, count in (("2.13.0+cpu", 0), ("2.12.0+cpu", 1)):
        monkeypatch.setattr(doctor, "installed_version", {"torch": version}.get)
        assert len(doctor.mismatches(tmp_path)) == count


def test_damaged_lock_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "runtime.txt").write_text("torch = 2\n")
    with pytest.raises(InputError, match="not a requirement"):
        doctor.mismatches(tmp_path)


def test_profile_of_a_user(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "large.yaml"
    text = (PROFILES / "base.yaml").read_text().replace("num_hidden_layers: 12", "num_hidden_layers: 200")
    path.write_text(text)
    code, output = report(str(path))
    assert code == 3 and "GiB of memory are needed" in output
    path.write_text(text.replace("layers: 200", "layers: 2"))
    assert report(str(path))[0] == 0


def test_able_machine(report: Report) -> None:
    code, text = report()
    assert code == 0
    assert text.count("can run here") == 3
    assert "--vocab FILE" in text
    assert "warning" not in text


@pytest.mark.parametrize(
    ("profile", "facts_there", "reason"),
    [
        ("mini", {"memory": GIB // 2}, "memory are needed"),
        ("mini", {"disk_free": 1}, "free disk are needed"),
        ("mini", {"packages": {"torch": "1"}}, "paddlepaddle is not installed"),
        ("paper", {"gpus": [devices.Gpu(*H100.split(", "))]}, "warning: no GPU that both frameworks support"),
    ],
)
def test_missing_things_stop_the_profile_and_warnings_do_not(
    report: Report, profile: str, facts_there: dict[str, Any], reason: str
) -> None:
    code, text = report(profile, **facts_there)
    assert reason in text
    assert (code == 3) == ("cannot run here" in text) == (profile == "mini")


def test_missing_checkpoint_stops_only_mini(report: Report, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "mini" / "model.safetensors").unlink()
    assert report("mini")[0] == 3
    assert report("base")[0] == 0


def test_unknown_profile() -> None:
    with pytest.raises(InputError, match="nosuch"):
        doctor.run_doctor("nosuch", io.StringIO())


def test_collect_on_this_machine() -> None:
    facts = doctor.collect()
    assert facts.cpu and facts.cores >= 1
    assert facts.memory_free > 0
    assert facts.packages["numpy"]


def test_fields_of_the_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\n")
    assert cpu_field("vendor_id", tmp_path / "cpuinfo") == "AuthenticAMD"
    assert cpu_field("vendor_id", tmp_path / "missing") == ""


@pytest.mark.parametrize(
    ("rows", "code", "reason"),
    [
        (T4, 0, "both frameworks support it"),
        (H100, 3, "missing: GPU 0 (NVIDIA H100 80GB HBM3): Paddle's wheel needs"),
        (T4.replace("580.65.06", "535.104.05"), 3, "PyTorch's wheel needs driver 580 or newer, this is 535.104.05"),
    ],
)
def test_a_gpu_that_is_asked_for_and_unsupported_stops_everything(
    nvidia_smi: Callable[[str], None],
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    code: int,
    reason: str,
) -> None:
    nvidia_smi(f"echo '{rows}'")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for profile in (None, "paper"):
        exit_code, text = report(profile, "gpu", gpus=devices.nvidia_gpus()[0])
        assert exit_code == code and reason in text
        assert ("supported: compute capability 7.5, 8.0, 8.6 or 8.9 (T4, " in text) == (code == 3)


def test_a_gpu_for_one_framework_serves_a_run_of_halves(
    nvidia_smi: Callable[[str], None], report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(f"echo '{H100}'")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus = devices.nvidia_gpus()[0]
    code, text = report("mini", {"pytorch": "gpu", "paddle": "cpu"}, gpus=gpus)
    assert code == 0 and "PyTorch alone can use it: --device pytorch=gpu,paddle=cpu" in text
    code, text = report("mini", {"pytorch": "cpu", "paddle": "gpu"}, gpus=gpus)
    assert code == 3 and "Paddle's wheel needs" in text


def test_a_machine_without_a_gpu_cannot_serve_a_gpu_run(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code, text = report("mini", "gpu", gpus=[])
    assert code == 3 and "missing: no GPU on this machine" in text


def test_a_file_that_hides_a_library_keeps_every_profile_from_running(report: Report) -> None:
    code, text = report("mini", hiding=["/somewhere/numpy.py"])
    assert code == 3 and "Python would load /somewhere/numpy.py in place of a library" in text


def test_which_files_hide_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numpy", "repro", "no_module_of_this_name"):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    names = ["numpy", "repro", "no_module_of_this_name", "torch"]
    assert hiding_files(names) == [str(tmp_path / "numpy.py")]
