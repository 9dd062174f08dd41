"""Job templates under ``docker/``: rendered, valid by the schema of the batch system, sent in the right order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from repro.cli.parser import make_parser
from repro.config.paths import PROJECT
from repro.config.profile_file import load_profile

DOCKER = PROJECT / "docker"
KUBERNETES = ("job.yaml", "indexed-job.yaml")
AWS = {
    "job-definition.json": "RegisterJobDefinitionRequestTypeDef",
    "job.json": "SubmitJobRequestTypeDef",
    "array-job.json": "SubmitJobRequestTypeDef",
}


def render(template: str, *values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DOCKER / "render.py"), str(DOCKER / template), *values]
    return subprocess.run(command, capture_output=True, text=True)


def rendered(template: str, *values: str) -> dict[str, Any]:
    done = render(template, "NAME=repro-test", *values)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = yaml.safe_load(done.stdout)  # JSON is YAML as well
    return content


def manifest(name: str) -> dict[str, Any]:
    return rendered(f"kubernetes/{name}")


def request(name: str) -> dict[str, Any]:
    return rendered(f"aws-batch/{name}", 'AFTER={"jobId": "1"}')


def aws_faults(tmp_path: Path, requests: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """What is wrong with each request (kind, content) by the service model of AWS, as dictionaries typed from it."""
    for number, (kind, content) in enumerate(requests):
        text = f"from mypy_boto3_batch.type_defs import {kind}\n\nrequest: {kind} = {content!r}\n"
        (tmp_path / f"request{number}.py").write_text(text)
    options = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={tmp_path / 'cache'}"]
    command = [sys.executable, "-m", "mypy", *options, *(f"request{number}.py" for number in range(len(requests)))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return ["".join(re.findall(rf"^request{number}\.py:.*\n", done.stdout, re.M)) for number in range(len(requests))]


@pytest.mark.parametrize("name", KUBERNETES)
@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_kubernetes_takes_the_manifests(name: str, version: str) -> None:
    kubernetes_validate.validate(manifest(name), version, strict=True)
    misspelt = manifest(name)
    misspelt["spec"]["template"]["spec"]["containers"][0]["resource"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, version, strict=True)


def test_aws_batch_takes_the_requests(tmp_path: Path) -> None:
    right = [(kind, request(name)) for name, kind in AWS.items()]
    wrong = [(kind, {**content, "jobNam": "x", "propagateTags": "yes"}) for kind, content in right]
    faults = aws_faults(tmp_path, right + wrong)
    assert not any(faults[: len(right)])
    for fault in faults[len(right) :]:
        assert "jobNam" in fault and "propagateTags" in fault


def test_commands_are_ones_that_repro_has(tmp_path: Path) -> None:
    commands = [manifest(name)["spec"]["template"]["spec"]["containers"][0]["args"] for name in KUBERNETES]
    commands += [request(name)["containerOverrides"]["command"] for name in ("job.json", "array-job.json")]
    commands.append(request("job-definition.json")["containerProperties"]["command"])
    for command in commands:
        make_parser().parse_args([str(tmp_path) if word == "/out" else word for word in command])
    assert commands[0] == ["all", "--out", "/out", "--profile", "paper", "--device", "gpu"]


def test_arrays_are_as_large_as_the_paper_has_trainings() -> None:
    paper = load_profile("paper")
    trainings = len(paper.trainings()) * len(paper.backends)
    assert manifest("indexed-job.yaml")["spec"]["completions"] == trainings
    assert request("array-job.json")["arrayProperties"]["size"] == trainings


def test_a_value_that_is_missing_is_named() -> None:
    done = render("kubernetes/job.yaml")
    assert done.returncode == 2
    assert "needs NAME" in done.stderr
    assert render("kubernetes/none.yaml", "NAME=x").returncode == 2
    assert render("kubernetes/job.yaml", "NAME").stderr.startswith("usage")


def fake(folder: Path, name: str, script: str) -> dict[str, str]:
    """Environment in which ``name`` is this shell script, which may write to ``$CALLS``."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
    (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls"), "POLL_SECONDS": "0"}


def submit(engine: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(DOCKER / engine / "submit.sh"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("ended", "code"), [("Complete", 0), ("Failed", 1)])
def test_kubernetes_prepares_then_trains_then_reports(tmp_path: Path, ended: str, code: int) -> None:
    script = f"""case $1 in
        create) cat >> "$CALLS"; echo --- >> "$CALLS" ;;
        get) if [[ $3 == repro-report ]]; then echo {ended}; else echo SuccessCriteriaMet Complete; fi ;;
    esac"""
    environment = fake(tmp_path, "kubectl", script) | {"ARGUMENTS": "--profile paper --seeds 42", "TRAININGS": "6"}
    done = submit("kubernetes", environment)
    assert done.returncode == code, done.stderr
    jobs = [job for job in yaml.safe_load_all((tmp_path / "calls").read_text()) if job]
    for job in jobs:
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    containers = [job["spec"]["template"]["spec"]["containers"][0] for job in jobs]
    everything = ["all", "--out", "/out", "--profile", "paper", "--seeds", "42"]
    assert [job["metadata"]["name"] for job in jobs] == ["repro-prepare", "repro-trainings", "repro-report"]
    prepare, train = [*everything, "--until", "features"], ["job", "--run", "/out"]
    assert [each["args"] for each in containers] == [prepare, train, everything]
    assert [each["resources"]["limits"]["nvidia.com/gpu"] for each in containers] == [0, 1, 1]
    assert jobs[1]["spec"]["completions"] == 6


def test_aws_batch_chains_the_three_jobs(tmp_path: Path) -> None:
    script = 'printf "%s\\n" "$4" | tr -d "\\n" >> "$CALLS"; echo >> "$CALLS"; wc -l < "$CALLS" | sed "s/^ */job-/"'
    done = submit("aws-batch", fake(tmp_path, "aws", script))
    assert done.returncode == 0, done.stderr
    definition, *jobs = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert definition["containerProperties"]["mountPoints"][0]["containerPath"] == "/out"
    assert [job["dependsOn"] for job in jobs] == [[], [{"jobId": "job-2"}], [{"jobId": "job-3"}]]
    assert [job.get("arrayProperties") for job in jobs] == [None, {"size": 30}, None]
    assert jobs[0]["containerOverrides"]["command"][-2:] == ["--until", "features"]
    assert not any(aws_faults(tmp_path, [("SubmitJobRequestTypeDef", job) for job in jobs]))


def test_slurm_chains_the_three_jobs(tmp_path: Path) -> None:
    environment = fake(tmp_path, "sbatch", 'echo "$*" >> "$CALLS"; wc -l < "$CALLS" | sed "s/^ */10/"')
    environment["SBATCH_OPTIONS"] = "--account=a --mem=20G"
    image = tmp_path / "repro.sif"
    image.touch()
    done = submit("slurm", environment, str(image), str(tmp_path / "run"), "--profile", "paper")
    assert done.returncode == 0, done.stderr
    prepare, trainings, report = (tmp_path / "calls").read_text().splitlines()
    assert prepare.endswith("job.sh all --out /out --profile paper --until features")
    assert "--dependency=afterok:101 " in trainings
    assert "--gpus=1 --array=0-29%8" in trainings
    assert "--dependency=afterany:102 " in report
    assert "--gpus" not in prepare
    assert all("--account=a --mem=20G" in line for line in (prepare, trainings, report))
    assert submit("slurm", environment).stderr.startswith("A run on Slurm")


def test_apptainer_gets_the_run_the_gpu_and_the_index(tmp_path: Path) -> None:
    environment = fake(tmp_path, "apptainer", 'printf "%s\\n" "$@" > "$CALLS"')
    environment |= {"REPRO_IMAGE": "a.sif", "REPRO_RUN": "/runs/a"}
    environment |= {"CUDA_VISIBLE_DEVICES": "2", "SLURM_ARRAY_TASK_ID": "7"}
    subprocess.run(["bash", str(DOCKER / "slurm" / "job.sh"), "job", "--run", "/out"], env=environment, check=True)
    words = (tmp_path / "calls").read_text().splitlines()
    assert words[0] == "run"
    assert re.fullmatch(r"/runs/a:/out,/.*:/cache", words[words.index("--bind") + 1])
    assert {"--containall", "--nv", "REPRO_CACHE=/out/.cache/repro"} <= {*words}
    assert {"CUDA_VISIBLE_DEVICES=2", "SLURM_ARRAY_TASK_ID=7"} <= {*words}
    assert words[-4:] == ["a.sif", "job", "--run", "/out"]
