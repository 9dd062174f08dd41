"""``repro all``: profile, workflow, report, exit code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from repro.devices import SUPPORTED
from repro.errors import EXIT_OK, InputError
from repro.paths import RunPaths, read_json
from repro.profile import Profile, load_profile
from repro.progress import clock
from repro.workflow.executors import executor_folder, executor_options
from repro.workflow.gpus import choose_gpus
from repro.workflow.inputs import check_inputs
from repro.workflow.launch import Interrupted, cores, launch
from repro.workflow.pieces import training_steps
from repro.workflow.plan import Plan

GPU_BOXES = ("capture", "train")
# BERT-base, one window of 384 tokens: 85 M encoder weights, 2 floating-point operations each forward, 6 in training.
BASE_WEIGHTS = 85e6
CORE_FLOPS = 45e9
DEV_WINDOWS = 11_500  # the published dev file


def profile_from(arguments: argparse.Namespace) -> Profile:
    """Profile named on the command line, with every option that overrides a field of it.

    Raises:
        InputError: no such profile, or a field is unknown or out of range.
    """
    overrides: dict[str, Any] = {}
    options = {
        "steps": "steps",
        "data": "data.directory",
        "weights": "weights.path",
        "vocab": "weights.vocab",
        "evidence": "evidence.directory",
        "notes": "evidence.notes",
        "protocol": "protocol",
        "device": "device",
        "seeds": "training.seeds",
        "sizes": "training.sizes",
        "backends": "backends",
    }
    for option, name in options.items():
        if (value := getattr(arguments, option)) is not None:
            # a list, so that a file name is never read as YAML
            overrides[name] = value if isinstance(value, list) else Path(value) if name.count(".") else value
    if arguments.evidence is not None:
        overrides["evidence.source"] = "path"
    if arguments.gpus is not None:
        if arguments.device == "cpu":
            raise InputError("--gpus and --device cpu contradict each other", next_step="leave one of them out")
        overrides["device"] = "gpu"
    overrides.update(dict(arguments.settings))
    profile = load_profile(arguments.profile, overrides)
    baseline = profile.training.baseline
    for option, chosen in (("seeds", baseline.seeds), ("sizes", baseline.sizes)):
        wanted = getattr(arguments, option)
        if wanted is not None and f"training.baseline.{option}" not in overrides:
            overrides[f"training.baseline.{option}"] = [number for number in chosen if number in wanted]
    return load_profile(arguments.profile, overrides)


def cpu_seconds(profile: Profile) -> float:
    """Rough seconds of all trainings of a BERT-base on one core."""
    window = BASE_WEIGHTS * profile.features.max_seq_length
    total = 0.0
    for _, size, _ in profile.trainings():
        total += 6 * window * profile.training.batch_size * training_steps(profile, size) + 2 * window * DEV_WINDOWS
    return total * len(profile.backends) / CORE_FLOPS


def _warn_about_cpu(profile: Profile, workers: int) -> None:
    large = profile.weights.source in ("fetched", "path") and 11 in profile.steps
    if large:
        left = clock(cpu_seconds(profile) / workers / profile.threads)
        print(
            f"repro: warning: no GPU is used; at the size of BERT-base the trainings would take about {left} hours. "
            "Fewer: --steps 1-10, --sizes, --seeds",
            file=sys.stderr,
        )


def _launch(run: RunPaths, profile: Profile, arguments: argparse.Namespace) -> Plan:
    workers = arguments.jobs or max(1, cores() // profile.threads)
    cluster, gpus = None, None
    if arguments.executor:
        if isinstance(arguments.gpus, list):
            raise InputError(
                "a batch system assigns GPUs itself", where="--gpus", next_step="--gpus N, or --device gpu"
            )
        cluster = executor_options(executor_folder(arguments.executor), jobs=arguments.jobs, gpus=arguments.gpus)
    elif not arguments.until or arguments.until in GPU_BOXES:
        gpus, left_out = choose_gpus(profile.device, arguments.gpus, profile.backends)
        for reason in left_out:
            print(f"repro: warning: {reason}; supported: {SUPPORTED}", file=sys.stderr)
    if profile.device == "cpu" or gpus == []:
        _warn_about_cpu(profile, workers)
    return launch(
        run,
        profile,
        workers=arguments.jobs,
        gpus=gpus,
        cluster=cluster,
        until=arguments.until,
        mirror=arguments.mirror,
    )


def run_all(arguments: argparse.Namespace) -> int:
    """Run what is unfinished, say where the report is; exit code from its verdicts."""
    profile = profile_from(arguments)
    run = RunPaths((arguments.out or Path("runs") / profile.name).expanduser().resolve())
    check_inputs(run, profile)
    print(f"profile {profile.name}: {profile.description}\nrun directory: {run.root}", flush=True)
    try:
        plan = _launch(run, profile, arguments)
    except Interrupted as signal_:
        print(f"repro: stopped by {signal_}; the same command goes on from here", file=sys.stderr)
        return signal_.code
    if arguments.until:
        done = plan.until(arguments.until)
        left = len([job for job in plan.jobs if job.command[0] == "train" and job not in done])
        print(f"done until {arguments.until}; trainings for an array of `repro job`: {left}")
        return EXIT_OK
    if not plan.jobs:
        print("everything is finished already")
    return say_result(run)


def say_result(run: RunPaths) -> int:
    """Print where the report is and what it says; returns the exit code that its verdicts call for."""
    from repro.report import exit_code

    report = read_json(run.report_json)
    verdicts: dict[str, int] = {}
    for claim in report["claims"]:
        verdicts[claim["verdict"]] = verdicts.get(claim["verdict"], 0) + 1
    print("claims: " + (", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "none"))
    print(f"report: {run.report_md}")
    return exit_code(report)
