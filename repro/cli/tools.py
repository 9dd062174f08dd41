"""Commands beside the workflow: convert a checkpoint, pretrain the mini checkpoint, check the machine, list
profiles."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from repro.profile import PROFILES, load_profile


def convert(arguments: argparse.Namespace) -> None:
    """``repro convert SRC DST --to LAYOUT``."""
    from repro.checkpoint import convert as convert_checkpoint
    from repro.workflow.convert_run import bin_reader

    source = arguments.source.expanduser()
    reader = bin_reader(source)
    done = convert_checkpoint(source, arguments.destination.expanduser(), arguments.to, arguments.head_seed, reader)
    print(done.describe())
    print(f"written: {arguments.destination} ({arguments.to} layout)")


def pretrain(arguments: argparse.Namespace) -> None:
    """``repro pretrain --recipe FILE --out DIR``."""
    from repro.backends.pytorch.pretrain import pretrain as run_recipe

    run_recipe(arguments.recipe, arguments.out)


def doctor(arguments: argparse.Namespace) -> int:
    """``repro doctor [--profile P] [--device D]``."""
    from repro.doctor import run_doctor

    return run_doctor(arguments.profile, sys.stdout, arguments.device)


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
    for path in sorted(PROFILES.glob("*.yaml")):
        profile = load_profile(path.stem)
        header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        print("\n".join([path.stem, *header, *_lines(profile.model_dump(mode="json")), ""]))
