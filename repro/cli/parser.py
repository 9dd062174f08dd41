"""The command line: every command, its options, and the function that runs it (``module:function``)."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro import __version__
from repro.config.paths import expand
from repro.config.switches import SWITCHES
from repro.errors import InputError
from repro.stages import PER_BACKEND, STAGES

BACKENDS = ("pytorch", "paddle")
DEVICES = ("auto", "cpu", "gpu")
LONGEST_RANGE = 10_000
LARGEST = 2**32 - 1  # as in `repro.config.section`, which loads pydantic
UNTIL = ("inputs", "convert", "features", "capture", "measure", "train")
EPILOG = """exit codes: 0 every claim that could be judged is reproduced or explained; 1 some claim differs;
2 bad input or usage; 3 environment (missing device, wheel, disk, network)"""


def numbers(text: str) -> list[int]:
    """``1,4,8-10`` as ``[1, 4, 8, 9, 10]``: sorted, each once."""
    listed: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 1,4,8-10")
        span = range(int(first), int(last if dash else first) + 1)
        if not span:
            raise argparse.ArgumentTypeError(f"{part.strip()!r}: the range ends before it begins")
        if span[-1] - span[0] >= LONGEST_RANGE:
            raise argparse.ArgumentTypeError(f"{part.strip()!r}: a range of more than {LONGEST_RANGE} numbers")
        listed.update(span)
    return sorted(listed)


def steps(text: str) -> list[int]:
    """As ``numbers``, within 1 to 11."""
    listed = numbers(text)
    if listed[0] < 1 or listed[-1] > 11:
        raise argparse.ArgumentTypeError(f"steps are 1 to 11, not {text!r}")
    return listed


def names(*allowed: str) -> Callable[[str], list[str]]:
    """Parser of a comma-separated list; only ``allowed`` names if any are given."""

    def parse(text: str) -> list[str]:
        listed = [part.strip() for part in text.split(",") if part.strip()]
        if not listed or (allowed and not {*listed} <= {*allowed}):
            what = f"choose from {', '.join(allowed)}" if allowed else "names separated by commas are needed"
            raise argparse.ArgumentTypeError(f"{text!r}: {what}")
        return list(dict.fromkeys(listed))

    return parse


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """A whole number of 32 bits, as the profile's."""
    if not text.isdecimal() or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {LARGEST}")
    return int(text)


def gpus(text: str) -> int | list[str]:
    """``2``: at most two GPUs; ``0,2`` or ``device=1``: these, as docker's ``--gpus`` names them."""
    listed = [part.strip() for part in text.removeprefix("device=").split(",")]
    if text.isdecimal() and int(text):
        return int(text)
    if text.isdecimal() or text == listed[0] or not all(listed):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of GPUs nor a list such as 0,2 or device=1")
    return list(dict.fromkeys(listed))


def device(text: str) -> str | dict[str, str]:
    """``gpu`` for both frameworks, or ``pytorch=gpu,paddle=cpu``: a device for each."""
    pairs = [part.strip().partition("=") for part in text.split(",")]
    chosen = {name: value for name, equals, value in pairs if equals}
    if text in DEVICES:
        return text
    if len(chosen) < len(pairs) or not {*chosen} <= {*BACKENDS} or not {*chosen.values()} <= {*DEVICES}:
        raise argparse.ArgumentTypeError(f"{text!r}: choose auto, cpu or gpu, or name both: pytorch=gpu,paddle=cpu")
    return chosen


def assignment(text: str) -> tuple[str, str]:
    """``section.field=value``."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form section.field=value")
    return name.strip(), value


def some(text: str) -> str:
    """Any text but an empty one, which an unset variable of the shell gives."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty; is a variable of the shell unset?")
    return text


def path(text: str) -> Path:
    """A path; an empty one would be the current folder."""
    return Path(some(text))


def _file(text: str) -> Path:
    """A path of something there that is no folder."""
    file = _existing(text)
    if file.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder, and a file is needed")
    return file


def _existing(text: str) -> Path:
    try:
        place = expand(path(text))
        there = place.exists()
    except InputError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.what}") from error
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[:80]}: {error.strerror}") from error
    if not there:
        raise argparse.ArgumentTypeError(f"{text} does not exist")
    return place


def _add_all(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument("--steps", type=steps, metavar="LIST", help="steps to run, e.g. 1,4,8-10")
    parser.add_argument("--evidence", type=_existing, metavar="DIR", help="published dumps and logs to audit")
    parser.add_argument("--notes", type=_file, metavar="FILE", help="alignment notes to compare with them")
    repeats = "trainings on each file, each with its own order and masks (default: 1)"
    parser.add_argument("--repeats", type=positive, metavar="N", help=repeats)
    until = "stop after this stage; `repro job` then does one training of the plan"
    parser.add_argument("--until", choices=UNTIL, metavar="STAGE", help=until)


def _add_deviations(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    text = f"only these (default: all): {', '.join(SWITCHES)}"
    parser.add_argument("--switches", type=names(*SWITCHES), metavar="LIST", help=text)
    fields = {option: f"deviations.{option}" for option in ("switches", "sizes", "seeds")}
    parser.set_defaults(fields=fields)  # of the profile, in place of those of `repro all`


def _add_run(parser: argparse.ArgumentParser) -> None:
    """What decides what a run does, where, and with which machines."""
    parser.usage = "%(prog)s [OPTION ...]"  # all of them would hide the message of an error
    parser.add_argument("--profile", default="mini", help="mini (default), base, paper, or a YAML file")
    parser.add_argument("--data", type=_existing, metavar="DIR", help="folder of the few-shot files")
    parser.add_argument("--weights", type=_existing, metavar="PATH", help="checkpoint to start from: folder or file")
    parser.add_argument("--vocab", type=_file, metavar="FILE", help="vocab.txt, if it is not beside the weights")
    parser.add_argument(
        "--protocol",
        choices=("paper", "published"),
        help="training rules: the original's in both, or each published program's",
    )
    parser.add_argument(
        "--device", type=device, help="auto, cpu, gpu, or one for each framework: pytorch=gpu,paddle=cpu"
    )
    parser.add_argument(
        "--gpus", type=gpus, metavar="N|LIST", help="at most N GPUs, or these: 0,2 or device=1 (implies --device gpu)"
    )
    parser.add_argument("--seeds", type=numbers, metavar="LIST", help="seeds of the training files, e.g. 42,43")
    parser.add_argument("--sizes", type=numbers, metavar="LIST", help="numbers of training examples, e.g. 16,128")
    parser.add_argument("--backends", type=names(*BACKENDS), metavar="LIST", help="pytorch, paddle or both (default)")
    fields = "any field of the profile, again and again; `repro profiles` lists them"
    parser.add_argument(
        "--set", type=assignment, action="append", default=[], dest="settings", metavar="FIELD=VALUE", help=fields
    )
    parser.add_argument("--out", type=path, metavar="DIR", help="run directory (default: runs/<profile>)")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="jobs at a time (default: as cores and memory allow)"
    )
    parser.add_argument("--mirror", type=some, metavar="URL", help="fetch from here instead of the original hosts")
    parser.add_argument(
        "--executor",
        type=some,
        metavar="NAME|DIR",
        help="batch system that runs the jobs: slurm, or the folder of its profile",
    )


def _add_stages(add: Any) -> None:
    """The stages of the workflow and the job of an array; each works in a run directory that ``repro all`` set up."""
    stage = add("stage", "repro.cli.stages:stage", "one stage of the workflow, by hand")
    stages = stage.add_subparsers(title="stages", metavar="STAGE", required=True, dest="stage")
    for name, text in STAGES.items():
        parser = stages.add_parser(name, help=text, description=text)
        parser.add_argument("--run", type=_existing, required=True, metavar="DIR", help="run directory")
        if name in PER_BACKEND:
            parser.add_argument("--backend", choices=BACKENDS, required=True)
        else:
            parser.set_defaults(backend=None)
        parser.add_argument("--only", type=names(), metavar="LIST", help="steps, splits, trainings, … (default: all)")
        parser.add_argument("--mirror", type=some, metavar="URL", help="fetch from here instead of the original hosts")
        if name == "report":
            parser.add_argument("--exit-zero", action="store_true", help="end with 0 whatever the report says")
    job = add("job", "repro.cli.stages:job", "one training, as a job of an array on Kubernetes, AWS Batch or Slurm")
    job.add_argument("--run", type=_existing, required=True, metavar="DIR", help="run directory")
    job.add_argument("--index", type=int, metavar="N", help="which, from 0 (default: as the batch system says)")


def _add_tools(add: Any) -> None:
    audit = add("audit", "repro.cli.tools:audit", "judge published evidence: no framework, seconds")
    evidence = "folder with dumps, logs, scripts and documents (default: the published files, fetched and verified)"
    audit.add_argument("folder", type=path, nargs="?", metavar="DIR", help=evidence)
    audit.add_argument("--mirror", type=some, metavar="URL", help="fetch from here instead of the original host")
    audit.add_argument(
        "--notes", type=_file, action="append", default=[], metavar="FILE", help="document to compare with them"
    )
    audit.add_argument(
        "--out", type=path, metavar="DIR", help="folder of audit.{html,md,zh.md,json} (default: runs/audit)"
    )
    convert = add("convert", "repro.cli.tools:convert", "convert a checkpoint between the three layouts")
    convert.add_argument("source", type=path, metavar="SRC", help="checkpoint folder or weights file, any layout")
    convert.add_argument("destination", type=path, metavar="DST", help="folder to write")
    convert.add_argument("--to", choices=("pytorch", "hub", "paddle"), required=True, help="layout to write")
    convert.add_argument(
        "--head-seed", type=seed, metavar="N", help="seed of the QASS head that an encoder-only checkpoint lacks"
    )
    selftest = add("selftest", "repro.cli.tools:selftest", "plant faults in both frameworks; do the steps see them?")
    selftest.add_argument("--out", type=path, metavar="DIR", help="where the self-test works (default: runs/selftest)")
    selftest.add_argument("--faults", type=names(), metavar="LIST", help="only these (default: all of the table)")
    selftest.add_argument(
        "--clean", type=positive, default=10, metavar="N", help="seeds to count false alarms over (default: 10)"
    )
    selftest.add_argument(
        "--jobs", type=positive, metavar="N", help="jobs at a time (default: as cores and memory allow)"
    )
    doctor = add("doctor", "repro.cli.tools:doctor", "check versions, devices, memory and disk")
    doctor.add_argument("--profile", help="check for this profile only: a name or a YAML file")
    text = "gpu, or pytorch=gpu: refuse what cannot use a GPU"
    doctor.add_argument("--device", type=device, default="auto", help=text)
    add("profiles", "repro.cli.tools:profiles", "list profiles and their fields")
    diff = add("diff", "repro.cli.diff:diff", "two runs side by side: numbers that moved, verdicts that changed")
    diff.add_argument("a", type=path, metavar="A", help="run directory, or its report.json")
    diff.add_argument("b", type=path, metavar="B", help="the other one")
    diff.add_argument("--steps", type=steps, default=range(1, 12), metavar="LIST", help="only these, e.g. 1-3,8")
    diff.add_argument("--json", action="store_true", help="every difference, for a program")
    chart = add("timeline", "repro.cli.tools:timeline", "Gantt chart of a run: jobs, idle cores, critical path")
    chart.add_argument("run", type=_existing, metavar="RUN", help="run directory")
    chart.add_argument("--svg", type=path, metavar="FILE", help="write the chart as a picture as well")


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

    _add_all(add("all", "repro.cli.run:run_all", "run everything that is unfinished and write the report"))
    text = "train with each deviation of the published programs: what is it worth in F1?"
    _add_deviations(add("deviations", "repro.cli.deviations:deviations", text))
    _add_tools(add)
    _add_stages(add)
    return parser
