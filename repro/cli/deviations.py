"""``repro deviations``: train with each deviation of the published programs, and say what it is worth."""

import argparse

from repro.cli.run import launch_as_asked, open_run, profile_from
from repro.markdown import clock, table
from repro.results.deviations import DeviationsResult
from repro.workflow.jobs import DEVIATIONS


def deviations(arguments: argparse.Namespace) -> None:
    """Do the trainings that are unfinished, in the run directory of ``repro all``, and print the tables."""
    arguments.switches = arguments.switches or "all"
    profile = profile_from(arguments)
    run = open_run(profile, arguments)
    launch_as_asked(run, profile, arguments, DEVIATIONS)
    result = DeviationsResult.read(run.deviations / "deviations.json")
    for part in result.tables:
        print("\n".join([part.title, *table(part.columns, part.rows)]))
    print(f"{result.sentence}\ntime of all trainings, added up: {clock(result.seconds)}")
    print(f"deviations: {run.deviations / 'deviations.md'}")
    print("in the report of the run: repro all, with the same options and --set deviations.switches=all")
