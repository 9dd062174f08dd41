"""``repro all``: profile, workflow, report, exit code."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from repro.cli.parser import UNTIL
from repro.config.paths import RunPaths, expand
from repro.config.profile import BACKEND_NAMES, Profile
from repro.config.profile_file import load_profile
from repro.context.deviations import compared
from repro.errors import EXIT_OK, InputError
from repro.machine.devices import SUPPORTED
from repro.machine.needs import jobs_at_a_time
from repro.progress import clock
from repro.stages.locate import check_inputs
from repro.workflow.executors import executor_folder, executor_options
from repro.workflow.gpus import check_precision, choose_gpus
from repro.workflow.jobs import PRIORITY, USES_GPU
from repro.workflow.launch import launch
from repro.workflow.plan import Plan
from repro.workflow.tasks import training_steps

FIELDS = {  # option -> field of the profile
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
    "repeats": "training.repeats",
    "backends": "backends",
}
# BERT-base, one window of 384 tokens: 85 M encoder weights, 2 floating-point operations each forward, 6 in training.
BASE_WEIGHTS = 85e6
CORE_FLOPS = 45e9
DEV_WINDOWS = 11_500  # the published dev file


def profile_from(arguments: argparse.Namespace) -> Profile:
    """Profile named on the command line, with every option that overrides a field of it.

    Raises:
        InputError: no such profile, or a field is unknown or out of range.
    """
    options = vars(arguments)
    fields = FIELDS | getattr(arguments, "fields", {})
    overrides = {field: value for option, field in fields.items() if (value := options.get(option)) is not None}
    if options.get("evidence") is not None:
        overrides["evidence.source"] = "path"
    if arguments.gpus is not None:
        named = arguments.device if isinstance(arguments.device, dict) else {"both": arguments.device or "gpu"}
        if set(named.values()) == {"cpu"}:
            raise InputError("--gpus and --device cpu contradict each other", next_step="leave one of them out")
        if "both" in named:
            overrides["device"] = "gpu"
    overrides.update(dict(arguments.settings))
    profile = load_profile(arguments.profile, overrides)
    baseline = profile.training.baseline
    left = {"seeds": (baseline.seeds, profile.training.seeds), "sizes": (baseline.sizes, profile.training.sizes)}
    for option, (known, chosen) in left.items():
        field = f"training.baseline.{option}"
        if f"training.{option}" in overrides and field not in overrides:
            overrides[field] = [number for number in known if number in chosen]
    return load_profile(arguments.profile, overrides)


def cpu_seconds(profile: Profile, frameworks: int) -> float:
    """Rough seconds of all trainings of a BERT-base with so many frameworks on one core."""
    sizes = [key.size for key in profile.trainings()] if 11 in profile.steps else []
    sizes += [key.size for key in compared(profile)]
    trained = sum(training_steps(profile, size) for size in sizes) * profile.training.batch_size
    evaluated = len(sizes) * DEV_WINDOWS
    window = BASE_WEIGHTS * profile.features.max_seq_length
    return (6 * trained + 2 * evaluated) * window * frameworks / CORE_FLOPS


def launch_as_asked(run: RunPaths, profile: Profile, arguments: argparse.Namespace, stages: Collection[str]) -> Plan:
    """Carry out these stages on the machines, devices and workers of the command line; warns of what takes long."""
    until = getattr(arguments, "until", None)
    cluster, gpus, warnings = None, None, []
    if arguments.executor:
        if isinstance(arguments.gpus, list):
            what = "a batch system assigns GPUs itself"
            raise InputError(what, where="--gpus", next_step="--gpus N, or --device gpu")
        cluster = executor_options(executor_folder(arguments.executor), jobs=arguments.jobs, gpus=arguments.gpus)
    elif not until or until in USES_GPU:
        gpus, left_out = choose_gpus(profile.devices, arguments.gpus)
        warnings += [f"{reason}; supported: {SUPPORTED}" for reason in left_out]
    trains = 11 in profile.steps or bool(profile.deviations.variants())
    if trains:
        on_cpu = {name: list[str]() for name, device in profile.devices.items() if device == "cpu"}
        check_precision(profile.training.precision, on_cpu if gpus is None else gpus)
    large = profile.weights.source in ("fetched", "path") and trains
    without = [name for name, device in profile.devices.items() if device == "cpu" or (gpus and not gpus[name])]
    if large and without:
        workers = arguments.jobs or jobs_at_a_time(profile)
        hours = clock(cpu_seconds(profile, len(without)) / workers / profile.threads)
        what = f"{' and '.join(BACKEND_NAMES[name] for name in without)} would train without a GPU; at the size of "
        what += f"BERT-base that takes about {hours} hours. "
        warnings.append(what + "Fewer: --steps 1-10, --sizes, --seeds")
    for warning in warnings:
        print(f"repro: warning: {warning}", file=sys.stderr)
    return launch(
        run,
        profile,
        workers=arguments.jobs,
        gpus=gpus,
        cluster=cluster,
        stages=stages,
        array=until is not None,
        mirror=arguments.mirror,
    )


def open_run(profile: Profile, arguments: argparse.Namespace) -> RunPaths:
    """The run directory of the command line, once its inputs are known to be there; says which it is.

    Raises:
        InputError: an input is missing.
    """
    run = RunPaths(expand(arguments.out or Path("runs") / profile.name))
    check_inputs(run, profile)
    print(f"profile {profile.name}: {profile.description}\nrun directory: {run.root}", flush=True)
    return run


def run_all(arguments: argparse.Namespace) -> int:
    """Run what is unfinished, say where the report is; exit code from its verdicts."""
    profile = profile_from(arguments)
    run = open_run(profile, arguments)
    until = arguments.until
    plan = launch_as_asked(run, profile, arguments, UNTIL[: UNTIL.index(until) + 1] if until else tuple(PRIORITY))
    if arguments.until:
        left = len(set(plan.trainings()) - {*plan.targets})
        print(f"done until {arguments.until}; trainings for an array of `repro job`: {left}")
        return EXIT_OK
    if not plan.targets:
        print("everything is finished already")
    return say_result(run)


def say_result(run: RunPaths) -> int:
    """Print what the report says, step by step, and where it is; returns the exit code that its verdicts call for."""
    from repro.report import exit_code, render_text
    from repro.results.report import Report

    report = Report.read(run.report_json)
    verdicts = Counter(claim.verdict for claim in report.claims)
    print(f"\n{render_text(report)}")
    print("claims: " + (", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "none"))
    print(f"report: {run.report_md}\npage:   {run.report_html}")
    if container := os.environ.get("REPRO_CONTAINER"):  # set by the image where nothing is mounted
        print(f"fetch it: docker cp {container}:{run.root} .")
    return exit_code(report)
