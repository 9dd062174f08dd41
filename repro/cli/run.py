"""``repro all``: profile, workflow, report, exit code."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from repro.cli.parser import UNTIL
from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES, Profile, load_profile
from repro.errors import EXIT_OK, InputError
from repro.machine.devices import SUPPORTED
from repro.progress import clock
from repro.stages.locate import check_inputs
from repro.workflow.executors import executor_folder, executor_options
from repro.workflow.gpus import check_precision, choose_gpus
from repro.workflow.jobs import PRIORITY, USES_GPU
from repro.workflow.launch import cores, launch
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
    overrides = {field: options[option] for option, field in FIELDS.items() if options[option] is not None}
    if arguments.evidence is not None:
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
    for option, chosen in (("seeds", baseline.seeds), ("sizes", baseline.sizes)):
        field = f"training.baseline.{option}"
        if options[option] is not None and field not in overrides:
            overrides[field] = [number for number in chosen if number in options[option]]
    return load_profile(arguments.profile, overrides)


def cpu_seconds(profile: Profile, frameworks: int) -> float:
    """Rough seconds of all trainings of a BERT-base with so many frameworks on one core."""
    trained = sum(training_steps(profile, size) for _, size, _ in profile.trainings()) * profile.training.batch_size
    evaluated = len(profile.trainings()) * DEV_WINDOWS
    window = BASE_WEIGHTS * profile.features.max_seq_length
    return (6 * trained + 2 * evaluated) * window * frameworks / CORE_FLOPS


def _launch(run: RunPaths, profile: Profile, arguments: argparse.Namespace) -> Plan:
    cluster, gpus, warnings = None, None, []
    if arguments.executor:
        if isinstance(arguments.gpus, list):
            what = "a batch system assigns GPUs itself"
            raise InputError(what, where="--gpus", next_step="--gpus N, or --device gpu")
        cluster = executor_options(executor_folder(arguments.executor), jobs=arguments.jobs, gpus=arguments.gpus)
    elif not arguments.until or arguments.until in USES_GPU:
        gpus, left_out = choose_gpus(profile.devices, arguments.gpus)
        warnings += [f"{reason}; supported: {SUPPORTED}" for reason in left_out]
    if 11 in profile.steps:
        on_cpu = {name: list[str]() for name, device in profile.devices.items() if device == "cpu"}
        check_precision(profile.training.precision, on_cpu if gpus is None else gpus)
    large = profile.weights.source in ("fetched", "path") and 11 in profile.steps
    without = [name for name, device in profile.devices.items() if device == "cpu" or (gpus and not gpus[name])]
    if large and without:
        workers = arguments.jobs or max(1, cores() // profile.threads)
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
        stages=UNTIL[: UNTIL.index(arguments.until) + 1] if arguments.until else tuple(PRIORITY),
        array=arguments.until is not None,
        mirror=arguments.mirror,
    )


def run_all(arguments: argparse.Namespace) -> int:
    """Run what is unfinished, say where the report is; exit code from its verdicts."""
    profile = profile_from(arguments)
    run = RunPaths((arguments.out or Path("runs") / profile.name).expanduser().resolve())
    check_inputs(run, profile)
    print(f"profile {profile.name}: {profile.description}\nrun directory: {run.root}", flush=True)
    plan = _launch(run, profile, arguments)
    if arguments.until:
        left = len(set(plan.trainings()) - {*plan.targets})
        print(f"done until {arguments.until}; trainings for an array of `repro job`: {left}")
        return EXIT_OK
    if not plan.targets:
        print("everything is finished already")
    return say_result(run)


def say_result(run: RunPaths) -> int:
    """Print where the report is and what it says; returns the exit code that its verdicts call for."""
    from repro.report import exit_code
    from repro.results.report import Report

    report = Report.read(run.report_json)
    verdicts = Counter(claim.verdict for claim in report.claims)
    print("claims: " + (", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "none"))
    print(f"report: {run.report_md}")
    return exit_code(report)
