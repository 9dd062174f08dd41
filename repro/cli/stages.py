"""``repro stage NAME`` and ``repro job``: the work of a run directory that ``repro all`` has set up."""

import argparse
from functools import partial

from repro.config.paths import RunPaths
from repro.config.profile_file import run_profile
from repro.errors import EXIT_OK, InputError


def stage(arguments: argparse.Namespace) -> int:
    """Do one stage, or the parts of it that are named; the exit code of the report is that of ``repro all``.

    Raises:
        InputError: the profile of the run has been edited.
    """
    from repro.results.stamp import is_profile_altered
    from repro.stages.base import Stage, run_stage
    from repro.workflow.completion import working

    run = RunPaths(arguments.run)
    if is_profile_altered(run):
        what = "the profile of this run is not as `repro all` wrote it"
        raise InputError(what, where=run.profile, next_step=f"repro all --out {run.root} --set FIELD=VALUE")
    options = {name: getattr(arguments, name) for name in ("backend", "only", "mirror")}
    run_stage(Stage(arguments.stage, run, run_profile(run), announce=partial(working, run), **options))
    if arguments.stage != "report" or arguments.exit_zero:
        return EXIT_OK
    from repro.report import exit_code
    from repro.results.report import Report

    return exit_code(Report.read(run.report_json))


def job(arguments: argparse.Namespace) -> int:
    """What ``repro stage train`` does, for the training whose turn it is in an array of jobs."""
    from repro.workflow.job import array_index, run_training

    return run_training(RunPaths(arguments.run), array_index() if arguments.index is None else arguments.index)
