"""The boxes of the workflow as commands: each reads files of the run, writes files of the run, and leaves a receipt
for every piece that it finished (``repro.workflow.receipts``)."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterable

from repro.errors import InputError
from repro.paths import RunPaths
from repro.profile import Profile, run_profile
from repro.progress import track
from repro.workflow.inputs import evidence_directory, load_inputs, resolve_inputs
from repro.workflow.receipts import working


def _open(arguments: argparse.Namespace) -> tuple[RunPaths, Profile]:
    run = RunPaths(arguments.run)
    return run, run_profile(run)


def _chosen(asked: Iterable[str] | None, known: list[str], what: str) -> list[str]:
    if asked is None:
        return known
    if unknown := [name for name in asked if name not in known]:
        raise InputError(f"this run has no {what} {unknown[0]!r}", next_step=f"choose from: {', '.join(known)}")
    return list(asked)


def inputs(arguments: argparse.Namespace) -> None:
    """``inputs.json``."""
    run, profile = _open(arguments)
    with working(run, "inputs"):
        resolve_inputs(run, profile, arguments.mirror)


def convert_run(arguments: argparse.Namespace) -> None:
    """``checkpoint/{init}/{backend}``."""
    from repro.workflow.convert_run import write_start_weights

    run, profile = _open(arguments)
    for init in _chosen(arguments.inits, profile.inits(), "start weights"):
        with working(run, f"convert-{init}"):
            write_start_weights(run, profile, init)


def features(arguments: argparse.Namespace) -> None:
    """``features/{backend}/{split}.npz``."""
    from repro import backends
    from repro.data.features import make_features
    from repro.data.mrqa import read_examples

    run, profile = _open(arguments)
    found = load_inputs(run)
    tokenizer = backends.load(arguments.backend).load_tokenizer(found.vocab)
    splits = _chosen(arguments.splits, profile.splits(), "split")
    for split in track(splits, total=len(splits), title="features"):
        with working(run, f"features-{arguments.backend}-{split}"):
            training = split != "dev"
            examples = read_examples(found.splits[split], training=training)
            made = make_features(examples, tokenizer, **profile.features.model_dump(), training=training)
            made.save(run.features(arguments.backend, split))


def capture(arguments: argparse.Namespace) -> None:
    """``dumps/{backend}/stepNN.npy`` and ``.json``."""
    from repro import backends
    from repro.steps.capture import capture_step

    run, profile = _open(arguments)
    backends.load(arguments.backend)  # here, so that it is no part of the first step's time
    gc.freeze()  # the framework's own objects take each of the steps' collections a quarter of a second
    known = [str(step) for step in profile.steps if step != 11]
    asked = None if arguments.steps is None else [str(step) for step in arguments.steps]
    for step in _chosen(asked, known, "step"):
        with working(run, f"capture-{arguments.backend}-{int(step):02d}"):
            capture_step(run, profile, arguments.backend, int(step))


def precision(arguments: argparse.Namespace) -> None:
    """``precision/{backend}.json``."""
    from repro import backends
    from repro.steps.precision import measure

    run, profile = _open(arguments)
    backends.load(arguments.backend)
    with working(run, f"precision-{arguments.backend}"):
        measure(run, profile, arguments.backend)


def _trainings(arguments: argparse.Namespace, profile: Profile) -> list[str]:
    known = [f"{init}-{size}-{seed}" for init, size, seed in profile.trainings()]
    asked = arguments.trainings
    if (arguments.size is None) != (arguments.seed is None):
        raise InputError("--size and --seed belong together", next_step="or --trainings pretrained-16-42,…")
    if arguments.size is not None:
        asked = [*(asked or []), f"{arguments.init}-{arguments.size}-{arguments.seed}"]
    return _chosen(asked, known, "training")


def train(arguments: argparse.Namespace) -> None:
    """``training/{backend}/{init}-{size}-{seed}/``."""
    from repro import backends
    from repro.steps.train import train_one

    run, profile = _open(arguments)
    backends.load(arguments.backend)
    for name in _trainings(arguments, profile):
        init, size, seed = name.split("-")
        with working(run, f"train-{arguments.backend}-{name}"):
            train_one(run, profile, arguments.backend, init, int(size), int(seed))


def job(arguments: argparse.Namespace) -> int:
    """What ``train`` does, for the training whose turn it is in an array of jobs."""
    from repro.workflow.array import array_index, run_training

    run, _ = _open(arguments)
    return run_training(run, array_index() if arguments.index is None else arguments.index)


def compare(arguments: argparse.Namespace) -> None:
    """``records/stepNN.json``."""
    from repro.steps.compare import compare_step

    run, profile = _open(arguments)
    asked = list(profile.steps) if arguments.steps is None else arguments.steps
    for piece, steps in (
        ("compare-alignment", [s for s in asked if s != 11]),
        ("compare-training", [11] if 11 in asked else []),
    ):
        if steps:
            with working(run, piece):
                for step in steps:
                    compare_step(run, profile, step)


def reprod_log(arguments: argparse.Namespace) -> None:
    """``reprod_log/stepNN.txt``."""
    from repro.backends.paddle.diff_log import write_log

    run, profile = _open(arguments)
    with working(run, "reprod-log"):
        for step in profile.steps:
            if step != 11:
                write_log(run.dump("pytorch", step), run.dump("paddle", step), run.reprod_log(step))


def audit_run(arguments: argparse.Namespace) -> None:
    """``audit/audit.json`` and ``audit/audit.md``."""
    from repro.audit import audit
    from repro.audit.render import write
    from repro.fetch import fetch_evidence

    run, profile = _open(arguments)
    with working(run, "audit-run"):
        folder = evidence_directory(profile) or fetch_evidence(arguments.mirror)
        write(audit(folder, [profile.evidence.notes] if profile.evidence.notes else []), run.audit.parent)


def selftest_capture(arguments: argparse.Namespace) -> None:
    """``selftest/clean/`` and ``selftest/faults/``, one framework's share."""
    from repro.selftest import capture_all

    run, profile = _open(arguments)
    with working(run, f"selftest-capture-{arguments.backend}"):
        capture_all(run.selftest, arguments.backend, clean=profile.selftest.clean)


def selftest_compare(arguments: argparse.Namespace) -> None:
    """``selftest/selftest.json`` and ``selftest/selftest.md``."""
    from repro.selftest import conclude

    run, profile = _open(arguments)
    with working(run, "selftest-compare"):
        conclude(run.selftest, clean=profile.selftest.clean)


def report(arguments: argparse.Namespace) -> None:
    """``report.json`` and ``report.md``."""
    from repro.report import build_report

    run, _ = _open(arguments)
    with working(run, "report"):
        print(build_report(run))
