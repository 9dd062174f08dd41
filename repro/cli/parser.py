"""The command line: every command, its options, and the function that runs it (``module:function``)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro import __version__

BACKENDS = ("pytorch", "paddle")
UNTIL = ("inputs", "convert-run", "features", "capture", "precision", "train")
EPILOG = """exit codes: 0 every claim that could be judged is reproduced or explained; 1 some claim differs;
2 bad input or usage; 3 environment (missing device, wheel, disk, network)"""


def numbers(text: str) -> list[int]:
    """``1,4,8-10`` as ``[1, 4, 8, 9, 10]``: sorted, each once."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 1,4,8-10")
        span = range(int(first), int(last if dash else first) + 1)
        if not span:
            raise argparse.ArgumentTypeError(f"{part.strip()!r}: the range ends before it begins")
        found.update(span)
    return sorted(found)


def steps(text: str) -> list[int]:
    """As ``numbers``, within 1 to 11."""
    found = numbers(text)
    if found[0] < 1 or found[-1] > 11:
        raise argparse.ArgumentTypeError(f"steps are 1 to 11, not {text!r}")
    return found


def names(*allowed: str) -> Callable[[str], list[str]]:
    """Parser of a comma-separated list; only ``allowed`` names if any are given."""

    def parse(text: str) -> list[str]:
        found = [part.strip() for part in text.split(",") if part.strip()]
        wrong = [name for name in found if allowed and name not in allowed]
        if wrong or not found:
            raise argparse.ArgumentTypeError(f"{text!r}: choose from {', '.join(allowed)}")
        return list(dict.fromkeys(found))

    return parse


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def gpus(text: str) -> int | list[str]:
    """``2``: at most two GPUs; ``0,2`` or ``device=1``: these, as docker's ``--gpus`` names them."""
    listed = [part.strip() for part in text.removeprefix("device=").split(",")]
    if text.isdecimal() and int(text):
        return int(text)
    if text.isdecimal() or text == listed[0] or not all(listed):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of GPUs nor a list such as 0,2 or device=1")
    return list(dict.fromkeys(listed))


def assignment(text: str) -> tuple[str, str]:
    """``section.field=value``."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form section.field=value")
    return name.strip(), value


def _existing(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text} does not exist")
    return path


def _add_profile_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="mini", help="mini (default), base, paper, or a YAML file")
    parser.add_argument("--steps", type=steps, metavar="LIST", help="steps to run, e.g. 1,4,8-10")
    parser.add_argument("--data", type=_existing, metavar="DIR", help="folder of the few-shot files")
    parser.add_argument("--weights", type=_existing, metavar="PATH", help="checkpoint to start from: folder or file")
    parser.add_argument("--vocab", type=_existing, metavar="FILE", help="vocab.txt, if it is not beside the weights")
    parser.add_argument("--evidence", type=_existing, metavar="DIR", help="published dumps and logs to audit")
    parser.add_argument("--notes", type=_existing, metavar="FILE", help="alignment notes to hold against them")
    parser.add_argument("--protocol", choices=("paper", "published"), help="training rules")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"))
    parser.add_argument(
        "--gpus", type=gpus, metavar="N|LIST", help="at most N GPUs, or these: 0,2 or device=1 (implies --device gpu)"
    )
    parser.add_argument("--seeds", type=numbers, metavar="LIST", help="training files, e.g. 42,43")
    parser.add_argument("--sizes", type=numbers, metavar="LIST", help="training sizes, e.g. 16,128")
    parser.add_argument("--backends", type=names(*BACKENDS), metavar="LIST", help="pytorch,paddle")
    parser.add_argument(
        "--set", type=assignment, action="append", default=[], dest="settings", metavar="SECTION.FIELD=VALUE"
    )


def _add_boxes(add: Any) -> None:
    """The boxes of the workflow; each works in a run directory that ``repro all`` has set up."""

    def box(name: str, text: str, *, backend: bool = False) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = add(name, f"repro.cli.boxes:{name.replace('-', '_')}", f"box: {text}")
        parser.add_argument("--run", type=_existing, required=True, metavar="DIR", help="run directory")
        if backend:
            parser.add_argument("--backend", choices=BACKENDS, required=True)
        return parser

    box("inputs", "find, generate or fetch data, vocabulary and weights").add_argument("--mirror", metavar="URL")
    box("convert-run", "start weights in each framework's layout").add_argument(
        "--inits", type=names("pretrained", "random")
    )
    box("features", "windows of token ids by the framework's own tokeniser", backend=True).add_argument(
        "--splits", type=names(), help="dev, train-SIZE-SEED; default: all that the profile needs"
    )
    box("capture", "dumps of steps 1 to 10", backend=True).add_argument("--steps", type=steps, metavar="LIST")
    box("precision", "determinism, noise floor and error by operation of one framework", backend=True)
    train = box("train", "step 11: one training or several", backend=True)
    train.add_argument(
        "--trainings", type=names(), metavar="LIST", help="e.g. pretrained-16-42,random-128-42; default: all"
    )
    train.add_argument("--init", choices=("pretrained", "random"), default="pretrained")
    train.add_argument("--size", type=positive)
    train.add_argument("--seed", type=int)
    job = box("job", "one training of the plan, as a job of an array on Kubernetes, AWS Batch or Slurm")
    job.add_argument("--index", type=int, metavar="N", help="which, from 0 (default: as the batch system says)")
    box("compare", "records of both frameworks' dumps and trainings").add_argument(
        "--steps", type=steps, metavar="LIST"
    )
    box("reprod-log", "reprod_log's own log of each pair of dumps")
    box("audit-run", "audit of the published files").add_argument("--mirror", metavar="URL")
    box("report", "report.md and report.json")


def _add_tools(add: Any) -> None:
    audit = add("audit", "repro.cli.audit:audit", "judge published evidence: no framework, seconds")
    audit.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="DIR",
        help="folder with dumps, logs, scripts and documents (default: the published files, fetched and verified)",
    )
    audit.add_argument("--mirror", metavar="URL", help="fetch from here instead of the original host")
    audit.add_argument(
        "--notes", type=_existing, action="append", default=[], metavar="FILE", help="document to hold against them"
    )
    audit.add_argument("--out", type=Path, metavar="DIR", help="where audit.md and audit.json go (default: runs/audit)")
    convert = add("convert", "repro.cli.tools:convert", "convert a checkpoint between the three layouts")
    convert.add_argument("source", type=Path, metavar="SRC", help="checkpoint folder or weights file, any layout")
    convert.add_argument("destination", type=Path, metavar="DST", help="folder to write")
    convert.add_argument("--to", choices=("pytorch", "hub", "paddle"), required=True)
    convert.add_argument(
        "--head-seed", type=int, help="seed of the new QASS head that an encoder-only checkpoint needs"
    )
    pretrain = add("pretrain", "repro.cli.tools:pretrain", "pretrain the mini checkpoint")
    pretrain.add_argument("--recipe", type=Path, required=True, metavar="FILE")
    pretrain.add_argument("--out", type=Path, required=True, metavar="DIR")
    doctor = add("doctor", "repro.cli.tools:doctor", "check versions, devices, memory and disk")
    doctor.add_argument("--profile", help="check for this profile only")
    doctor.add_argument("--device", choices=("auto", "gpu"), default="auto", help="gpu: refuse what cannot use a GPU")
    add("profiles", "repro.cli.tools:profiles", "list profiles and their fields")


def make_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show a traceback on errors")
    parser = argparse.ArgumentParser(
        prog="repro",
        description="Re-verify a Paddle reproduction of Splinter (ACL 2021), number by number.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[debug],
    )
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action="version", version=f"repro {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, function: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[debug])
        command.set_defaults(function=function)
        return command

    everything = add("all", "repro.cli.run:run_all", "run everything that is unfinished and write the report")
    _add_profile_options(everything)
    everything.add_argument("--out", type=Path, metavar="DIR", help="run directory (default: runs/<profile>)")
    everything.add_argument("--jobs", type=positive, metavar="N", help="jobs at a time (default: number of cores)")
    everything.add_argument("--mirror", metavar="URL", help="fetch from here instead of the original hosts")
    everything.add_argument(
        "--executor", metavar="NAME|DIR", help="batch system that runs the jobs: slurm, or the folder of its profile"
    )
    everything.add_argument(
        "--until",
        choices=UNTIL,
        metavar="BOX",
        help="stop after this box; `repro job` then does one training of the plan",
    )
    _add_boxes(add)
    _add_tools(add)
    return parser
