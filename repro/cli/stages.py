"""``repro stage NAME`` and ``repro job``: the work of a run directory that ``repro all`` has set up."""

import argparse
from functools import partial

from repro.config.paths import RunPaths
from repro.config.profile_file import run_profile


def stage(arguments: argparse.Namespace) -> None:
    """Do one stage, or the parts of it that are named."""
    from repro.stages.base import Stage, run_stage
    from repro.workflow.completion import working

    run = RunPaths(arguments.run)
    options = {name: getattr(arguments, name) for name in ("backend", "only", "mirror")}
    run_stage(Stage(arguments.stage, run, run_profile(run), announce=partial(working, run), **options))


def job(arguments: argparse.Namespace) -> int:
    """What ``repro stage train`` does, for the training whose turn it is in an array of jobs."""
    from repro.workflow.job import array_index, run_training

    return run_training(RunPaths(arguments.run), array_index() if arguments.index is None else arguments.index)
