"""Commands beside the workflow. Each imports what it needs itself, so that others start fast."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from repro.config.paths import RunPaths, atomic_text, expand, read_json
from repro.errors import EXIT_DIFFERS, EXIT_INPUT, EXIT_OK

LOG_COLUMNS = 120  # where no terminal says how wide it is


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else LOG_COLUMNS


def audit(arguments: argparse.Namespace) -> int:
    """``repro audit [DIR] [--notes FILE]``: 1 if the evidence contradicts a documented claim, 2 if there is none."""
    from repro.audit import audit as run_audit
    from repro.audit.render import terminal, write

    folder, out = arguments.folder, expand(arguments.out or Path("runs") / "audit")
    if folder is None:
        from repro.fetch import fetch_evidence

        folder = fetch_evidence(arguments.mirror)
    report = run_audit(expand(folder), arguments.notes, exclude=out)
    page = write(report, out)  # before anything is printed: whoever reads the output may close it
    print(f"{terminal(report, _width())}\n\naudit: {page}")
    if not report.anything_checked:
        return EXIT_INPUT
    return EXIT_DIFFERS if report.summary.contradictions else EXIT_OK


def selftest(arguments: argparse.Namespace) -> int:
    """``repro selftest``: plant, capture, compare, print the table; 1 if a fault was missed or a false alarm raised."""
    from repro.config.profile_file import load_profile
    from repro.markdown import table
    from repro.workflow.jobs import SELFTEST
    from repro.workflow.launch import launch

    run = RunPaths(expand(arguments.out or Path("runs") / "selftest"))
    overrides = {"selftest.faults": arguments.faults or "all", "selftest.clean": arguments.clean}
    launch(run, load_profile("mini", overrides), stages=SELFTEST, workers=arguments.jobs)
    result = read_json(run.selftest / "selftest.json")
    print("\n".join(table(result["table"]["columns"], result["table"]["rows"])))
    print(result["sentence"])
    print(f"self-test: {run.selftest / 'selftest.md'}")
    return EXIT_OK if result["passed"] else EXIT_DIFFERS


def convert(arguments: argparse.Namespace) -> None:
    """``repro convert SRC DST --to LAYOUT``."""
    from repro.checkpoint import convert as convert_checkpoint
    from repro.stages.convert import bin_reader

    source, destination = expand(arguments.source), expand(arguments.destination)
    conversion = convert_checkpoint(source, destination, arguments.to, arguments.head_seed, bin_reader(source))
    print(conversion.describe())
    print(f"written: {arguments.destination} ({arguments.to} layout)")


def doctor(arguments: argparse.Namespace) -> int:
    """``repro doctor [--profile P] [--device D]``."""
    from repro.machine.doctor import run_doctor

    return run_doctor(arguments.profile, sys.stdout, arguments.device)


def timeline(arguments: argparse.Namespace) -> None:
    """``repro timeline RUN [--svg FILE]``: as wide as the terminal, in a log 120 columns."""
    from repro.workflow.chart import svg, text
    from repro.workflow.timeline import read_timeline

    chart = read_timeline(RunPaths(arguments.run))
    if arguments.svg is not None:
        atomic_text(arguments.svg, svg(chart))
    print(text(chart, _width()))
    if arguments.svg is not None:
        print(f"picture: {arguments.svg}")


def _lines(fields: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for name, value in fields.items():
        if isinstance(value, dict) and value and prefix + name != "weights.geometry":
            lines += _lines(value, f"{prefix}{name}.")
        else:
            lines.append(f"  {prefix}{name} = {'' if value is None else value}")
    return lines


def profiles(_: argparse.Namespace) -> None:
    """Every shipped profile: its header comment and all fields, in the spelling of ``--set``."""
    from repro.config.profile_file import PROFILES, load_profile

    for path in sorted(PROFILES.glob("*.yaml")):
        profile = load_profile(path.stem)
        header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        print("\n".join([path.stem, *header, *_lines(profile.model_dump(mode="json")), ""]))
