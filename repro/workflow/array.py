"""One training of a plan as one job of an array, where a batch system and not Snakemake starts the jobs."""

from __future__ import annotations

import os

from repro.errors import InputError
from repro.paths import RunPaths, read_json
from repro.workflow.job import work
from repro.workflow.receipts import is_finished, plan_path

# what Kubernetes (Indexed Job), AWS Batch and Slurm tell a job of an array, each counting from 0
INDICES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX", "SLURM_ARRAY_TASK_ID")


def array_index() -> int:
    """This job's number in its array.

    Raises:
        InputError: this is no job of an array.
    """
    for name in INDICES:
        if (text := os.environ.get(name, "")).isdecimal():
            return int(text)
    raise InputError("no array job: none of these is set", where=", ".join(INDICES), next_step="repro job --index N")


def run_training(run: RunPaths, index: int) -> int:
    """Do training ``index`` of the plan if there is one and it is unfinished; returns the exit code.

    Raises:
        InputError: there is no plan, or it leaves the trainings to Snakemake.
    """
    if not plan_path(run).is_file() or not (plan := read_json(plan_path(run)))["remote"]:
        raise InputError("no plan for an array", where=run.root, next_step="repro all --until features, first")
    names = [name for name, job in plan["jobs"].items() if job["command"][0] == "train"]
    if index >= len(names):
        print(f"nothing to do: the plan has {len(names)} trainings, this would be number {index + 1}")
        return 0
    name = names[index]
    (piece,) = plan["jobs"][name]["pieces"]
    if is_finished(run, piece, plan["pieces"][piece]["key"]):
        print(f"{piece}: finished already")
        return 0
    code = work(run, name, assigned=True)
    if not code:
        print(f"{piece}: finished, log: {run.logs / name}.log")
    return code
