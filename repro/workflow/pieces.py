"""Pieces of work of a profile: what each needs, writes and depends on, and the key under which it is finished.

A piece's key covers the profile fields, input files, sources, library versions and upstream pieces that matter to
it, and nothing else: a changed learning rate leaves step 1 alone, one more step leaves the others alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from repro.installed import installed_versions
from repro.paths import CHECKPOINTS, RunPaths, sha256_file
from repro.profile import BACKENDS, Profile
from repro.workflow.inputs import data_directory, evidence_directory, split_file, weights_files, weights_path
from repro.workflow.sources import fingerprint

HASHED_BYTES = 16 << 20
ALIGNMENT_STEPS = range(1, 11)
STARTUP = {"pytorch": 4.5, "paddle": 3.0}  # seconds on one core, measured; only proportions matter
STEP_SECONDS = {"pytorch": 0.025, "paddle": 0.05}  # mini geometry
CAPTURE_SECONDS = {1: 0.6, 2: 0.1, 3: 0.8, 4: 0.6, 5: 0.6, 6: 0.1, 7: 0.8, 9: 0.1, 10: 0.6}
TRAINING_STEP_OF_8 = 0.25  # larger than in the mini geometry, smaller than at BERT-base size
PRECISION_SECONDS = 8.0
SELFTEST_SECONDS = {"pytorch": 45.0, "paddle": 63.0}
SELFTEST = ("repro.selftest", *(f"repro.backends.{backend}{part}" for backend in BACKENDS for part in ("", ".faults")))
SOURCES: dict[str, tuple[str, ...]] = {
    "inputs": ("repro.workflow.inputs",),
    "convert-run": ("repro.workflow.convert_run",),
    "features": ("repro.data.features", "repro.data.mrqa", "repro.backends.{backend}.tokenizer"),
    "capture": ("repro.steps.capture", "repro.backends.{backend}"),
    "precision": ("repro.steps.precision", "repro.backends.{backend}"),
    "train": ("repro.steps.train", "repro.backends.{backend}"),
    "compare": ("repro.steps.compare",),
    "reprod-log": ("repro.backends.paddle.diff_log",),
    "audit-run": ("repro.audit",),
    "selftest-capture": SELFTEST,
    "selftest-compare": SELFTEST,
    "report": ("repro.report",),
}
COMPARING_ONLY = ("repro.claims", "repro.numerics.verdict", "repro.numerics.record")
# Profile fields of each step besides alignment, features, data, weights, protocol, device and threads.
RULES = tuple(
    f"training.{name}"
    for name in (
        *("learning_rate", "adam_epsilon", "max_grad_norm", "warmup_ratio"),
        *("batch_size", "epochs", "min_steps", "order_seed"),
    )
)
STEP_FIELDS: dict[int, Sequence[str]] = {
    3: ("training.n_best", "training.max_answer_length"),
    5: RULES,
    6: (*RULES, "training.sizes"),
    7: RULES,
    8: (*RULES, "training.dropout_masks"),
    9: ("training.batch_size", "training.epochs", "training.min_steps", "training.order_seed"),
}
COMMON = ("features", "protocol", "device", "threads")
TRAINING = (
    *RULES,
    *(f"training.{name}" for name in ("eval_batch_size", "dropout", "dropout_masks", "n_best", "max_answer_length")),
)


@dataclass(frozen=True)
class Piece:
    """One finished-or-not unit of work.

    Attributes:
        argument: what names this piece within its job (``train``: ``pretrained-16-42``).
        outputs: glob patterns under the run directory; each must match when the piece is done.
        after: names of the pieces that must be finished before.
        cost: rough seconds on one core, for the order of jobs and the first estimate of time left.
        twin: the same step of the other framework. Twins are compared, so they must be made under one ``context``:
            a twin that was finished under another is redone when this piece is.
    """

    name: str
    kind: str
    key: str
    outputs: tuple[str, ...]
    after: tuple[str, ...] = ()
    backend: str = ""
    argument: str = ""
    cost: float = 1.0
    gpu: bool = False
    twin: str = ""
    context: str = ""


def digest(*parts: Any) -> str:
    """Short hash of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _fields(profile: Profile, names: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    content = profile.model_dump(mode="json")
    for name in names:
        value: Any = content
        for part in name.split("."):
            value = value[part]
        values[name] = value
    return values


def _code(kind: str, backend: str = "") -> str:
    without = COMPARING_ONLY if kind in ("capture", "train") else ()
    return fingerprint(tuple(module.format(backend=backend) for module in SOURCES[kind]), without)


@cache
def _content(path: Path) -> Any:
    """Identity of an input file: its content, or size and time where it is large; None where it is missing."""
    if not path.is_file():
        return None
    state = path.stat()
    return sha256_file(path) if state.st_size <= HASHED_BYTES else [state.st_size, state.st_mtime_ns]


def _tree(folder: Path) -> list[list[Any]]:
    """Identity of a folder: name, size and time of every file in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [[str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def training_steps(profile: Profile, size: int) -> int:
    """Optimizer steps of one training if every example has one window."""
    batches = ceil(size / profile.training.batch_size)
    return max(batches * profile.training.epochs, profile.training.min_steps)


class Pieces:
    """Every piece of a profile, in an order in which they could be done. ``names`` maps name to piece."""

    def __init__(self, run: RunPaths, profile: Profile) -> None:
        self.run, self.profile = run, profile
        self.names: dict[str, Piece] = {}
        self._start()
        for backend in profile.backends:
            self._features(backend)
        for backend in profile.backends:
            self._captures(backend)
        for backend in profile.backends:
            self._precision(backend)
        if 11 in profile.steps:
            for backend in profile.backends:
                self._trainings(backend)
        self._ending()

    def _add(self, piece: Piece) -> None:
        self.names[piece.name] = piece

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [self.names[name].key for name in names]

    def _identity(self, split: str) -> Any:
        directory = data_directory(self.run, self.profile)
        name = split_file(self.profile, split)
        if directory is None:
            return [name, fingerprint(("repro.fetch.pins",))]
        if directory == self.run.data.resolve():
            return [name, self.profile.data.corpus_seed, fingerprint(("repro.data.corpus",))]
        return [name, str(directory), _content(directory / name)]

    def _weights_identity(self) -> Any:
        path, vocab = weights_path(self.profile), self.profile.weights.vocab
        files = [] if path is None else [[str(p), _content(p)] for p in [*weights_files(path), path / "vocab.txt"]]
        return [files, str(vocab) if vocab else None, _content(vocab.resolve()) if vocab else None]

    def _start(self) -> None:
        profile = self.profile
        fields = _fields(profile, ["data", "weights"])
        splits = [self._identity(split) for split in profile.splits()]
        weights = self._weights_identity()
        self._add(
            Piece("inputs", "inputs", digest("inputs", fields, splits, weights, _code("inputs")), ("inputs.json",))
        )
        for init in profile.inits():
            key = digest("convert", init, fields["weights"], weights, _code("convert-run"))
            outputs = tuple(f"checkpoint/{init}/{backend}/*" for backend in BACKENDS)
            self._add(Piece(f"convert-{init}", "convert-run", key, outputs, ("inputs",), argument=init))

    def _features(self, backend: str) -> None:
        common = [
            _fields(self.profile, ["features"]),
            self._weights_identity(),
            installed_versions(backend),
            _code("features", backend),
        ]
        for split in self.profile.splits():
            key = digest("features", backend, self._identity(split), *common)
            outputs = (f"features/{backend}/{split}.npz",)
            self._add(Piece(f"features-{backend}-{split}", "features", key, outputs, ("inputs",), backend, split))

    def _captures(self, backend: str) -> None:
        profile = self.profile
        data = f"train-{profile.alignment.size}-{profile.alignment.seed}"
        always = ("convert-pretrained", f"features-{backend}-dev", f"features-{backend}-{data}")
        sizes = [f"features-{backend}-train-{size}-{profile.alignment.seed}" for size in profile.training.sizes]
        common = [_fields(profile, [*COMMON, "alignment"]), installed_versions(backend), _code("capture", backend)]
        context = digest(profile.model_dump(mode="json"), self._keys(["inputs"]))
        for step in profile.steps:
            if step not in ALIGNMENT_STEPS:
                continue
            # step 6 reckons with the windows of every size that the run makes features of
            more = [name for name in sizes if step == 6 and name in self.names]
            after = tuple(dict.fromkeys([*always, *more]))
            fields = _fields(profile, STEP_FIELDS.get(step, ()))
            key = digest("capture", backend, step, fields, self._keys(after), *common)
            outputs = (f"dumps/{backend}/step{step:02d}.json", f"dumps/{backend}/step{step:02d}.npy")
            name, twin = (f"capture-{side}-{step:02d}" for side in (backend, *(b for b in BACKENDS if b != backend)))
            cost = CAPTURE_SECONDS.get(step) or self._cost_of_8()
            self._add(Piece(name, "capture", key, outputs, after, backend, str(step), cost, True, twin, context))

    def _cost_of_8(self) -> float:
        alignment = self.profile.alignment
        repeated = alignment.perturbed_training_steps
        steps = alignment.training_steps if repeated is None else repeated
        return TRAINING_STEP_OF_8 * (alignment.training_steps + steps + alignment.float64_training_steps)

    def _precision(self, backend: str) -> None:
        if 1 not in self.profile.steps:
            return
        after = tuple(f"capture-{side}-01" for side in self.profile.backends)
        backward = 8 in self.profile.steps
        key = digest(
            "precision", backend, backward, self._keys(after), installed_versions(backend), _code("precision", backend)
        )
        outputs = (f"precision/{backend}.json",)
        name = f"precision-{backend}"
        self._add(Piece(name, "precision", key, outputs, after, backend, cost=PRECISION_SECONDS, gpu=True))

    def _trainings(self, backend: str) -> None:
        profile = self.profile
        common = [_fields(profile, [*COMMON, *TRAINING]), installed_versions(backend), _code("train", backend)]
        for init, size, seed in profile.trainings():
            after = (f"convert-{init}", f"features-{backend}-dev", f"features-{backend}-train-{size}-{seed}")
            key = digest("train", backend, init, size, seed, self._keys(after), *common)
            argument = f"{init}-{size}-{seed}"
            cost = training_steps(profile, size) * STEP_SECONDS[backend] + 1
            outputs = (f"training/{backend}/{argument}/result.json", f"training/{backend}/{argument}/*")
            name = f"train-{backend}-{argument}"
            self._add(Piece(name, "train", key, outputs, after, backend, argument, cost=cost, gpu=True))

    def _of(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, piece in self.names.items() if piece.kind == kind)

    def _selftest(self) -> None:
        fields, versions = _fields(self.profile, ["selftest"]), [installed_versions(backend) for backend in BACKENDS]
        vocabulary = _content(CHECKPOINTS / "mini" / "vocab.txt")
        key = digest("selftest", fields, vocabulary, versions, _code("selftest-capture"))
        for backend in BACKENDS:
            name, output = f"selftest-capture-{backend}", f"selftest/captured-{backend}.json"
            cost = SELFTEST_SECONDS[backend]
            self._add(Piece(name, "selftest-capture", key, (output,), backend=backend, cost=cost))
        outputs = ("selftest/selftest.md", "selftest/selftest.json")
        self._add(Piece("selftest-compare", "selftest-compare", key, outputs, self._of("selftest-capture"), cost=35.0))

    def _ending(self) -> None:
        profile = self.profile
        captures, trainings = self._of("capture"), self._of("train")
        code = _code("compare")
        if captures:
            steps = [step for step in profile.steps if step in ALIGNMENT_STEPS]
            records = tuple(f"records/step{step:02d}.json" for step in steps)
            before = (*captures, *self._of("precision"))
            key = digest("compare", profile.model_dump(mode="json"), self._keys(before), code)
            argument = ",".join(map(str, steps))
            self._add(Piece("compare-alignment", "compare", key, records, before, argument=argument))
            if len(profile.backends) == 2:
                logs = tuple(f"reprod_log/step{step:02d}.txt" for step in steps)
                key = digest("reprod-log", steps, self._keys(captures), _code("reprod-log"))
                self._add(Piece("reprod-log", "reprod-log", key, logs, captures))
        if trainings:
            key = digest("compare", profile.model_dump(mode="json"), self._keys(trainings), code)
            self._add(Piece("compare-training", "compare", key, ("records/step11.json",), trainings, argument="11"))
        if profile.evidence.source != "none":
            directory, notes = evidence_directory(profile), profile.evidence.notes
            files = fingerprint(("repro.fetch.pins",)) if directory is None else _tree(directory)
            key = digest("audit", files, _content(notes) if notes else None, _code("audit-run"))
            self._add(Piece("audit-run", "audit-run", key, ("audit/audit.md", "audit/audit.json")))
        if not profile.no_selftest():
            self._selftest()
        before = tuple(self.names)
        key = digest("report", profile.model_dump(mode="json"), self._keys(before), _code("report"))
        self._add(Piece("report", "report", key, ("report.md", "report.json"), before))
