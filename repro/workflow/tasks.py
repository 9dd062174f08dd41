"""The tasks of a profile: what each needs, writes and depends on, and the key under which it is finished.

A key covers the profile fields, input files, library versions, upstream tasks and code that the result depends on, and
nothing else: a changed learning rate leaves step 1 finished, a reworded sentence every capture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from itertools import product
from math import ceil
from pathlib import Path

from repro.alignment import STEPS, step_module
from repro.alignment.step11_training.train import FIELDS as TRAINING_FIELDS
from repro.analysis.measure import FIELDS as MEASURED_FIELDS
from repro.config.paths import CHECKPOINTS, RunPaths, sha256_file, sha256_json
from repro.config.profile import BACKENDS, Profile
from repro.config.protocol import Rules, rules
from repro.config.trainings import TrainingKey
from repro.context import deviations
from repro.context.capture import COMMON_FIELDS
from repro.machine.versions import installed_versions
from repro.results.report import SCHEMA_NAME
from repro.selftest import COMPARED, FAULT_NAMES, FAULTS
from repro.stages import locate
from repro.stages.selftest_capture import CLEAN
from repro.workflow.import_graph import fingerprint
from repro.workflow.plan import Task

PAGES = ("report.md", "report.zh.md", "report.html", "report.json", SCHEMA_NAME)
HASHED_BYTES = 16 << 20
TRAINING = 11
CAPTURES = tuple(f"repro.alignment.{name}.capture" for step, name in STEPS.items() if step != TRAINING)
COMPARISONS = tuple(f"repro.alignment.{name}.compare" for step, name in STEPS.items() if step != TRAINING)

# What computes a task, beside its stage's own module: all that this imports counts as well. Modules that are loaded by
# name are named here. The stages of the self-test count by the part of it that they call.
CODE: dict[str, tuple[str, ...]] = {
    "inputs": ("repro.stages.inputs",),
    "convert": ("repro.stages.convert", "repro.backends.pytorch.weights"),
    "features": ("repro.stages.features", "repro.backends.{backend}.tokenizer"),
    "capture": ("repro.stages.capture", "repro.alignment.{step}.capture", "repro.backends.{backend}"),
    "measure": ("repro.stages.measure", "repro.backends.{backend}"),
    "train": ("repro.stages.train", "repro.backends.{backend}"),
    "deviations-train": ("repro.stages.deviations_train", "repro.backends.{backend}"),
    "deviations-compare": ("repro.stages.deviations_compare",),
    "compare": ("repro.stages.compare", "repro.alignment.{step}.compare"),
    "reprod-log": ("repro.stages.reprod_log", "repro.backends.paddle.diff_log"),
    "audit": ("repro.stages.audit",),
    "selftest-prepare": ("repro.selftest.prepare",),
    "selftest-capture": (
        *("repro.selftest.capture", *CAPTURES),
        *("repro.backends.{backend}", "repro.backends.{backend}.faults"),
    ),
    "selftest-compare": ("repro.stages.selftest_compare", *COMPARISONS),
    "selftest-conclude": ("repro.stages.selftest_conclude",),
    "report": ("repro.stages.report",),
}

# Rough seconds on one core in the mini geometry. Only proportions matter: the time left is learnt from finished tasks.
COST = {"capture": 0.6, "measure": 8.0, "selftest-compare": 4.0}
TRAINING_STEP_COST = {"pytorch": 0.025, "paddle": 0.05}
SELFTEST_STEP_COST = 0.1
STEP_8_COST = 0.25  # of one training step: larger than in the mini geometry, smaller than at BERT-base size


@cache
def _content(path: Path) -> object:
    """Identity of an input file: its content, or size and time where it is large; None where it is missing."""
    if not path.is_file():
        return None
    state = path.stat()
    return sha256_file(path) if state.st_size <= HASHED_BYTES else [state.st_size, state.st_mtime_ns]


def _tree(folder: Path) -> object:
    """Identity of a folder: name, size and time of every file in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [[str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def training_steps(profile: Profile, size: int) -> int:
    """Optimizer steps of one training if every example has one window."""
    batches = ceil(size / profile.training.batch_size)
    return max(batches * profile.training.epochs, profile.training.min_steps)


def step_8_cost(profile: Profile) -> float:
    alignment = profile.alignment
    perturbed = alignment.perturbed_training_steps
    repeated = alignment.training_steps if perturbed is None else perturbed
    return STEP_8_COST * (alignment.training_steps + repeated + alignment.float64_training_steps)


class TaskList:
    """Every task of a profile by name, in an order in which they could be done: ``tasks``."""

    def __init__(self, run: RunPaths, profile: Profile) -> None:
        self.run, self.profile = run, profile
        self.tasks: dict[str, Task] = {}
        self._inputs()
        for add in (self._features, self._captures, self._measure, self._trainings):
            for backend in profile.backends:
                add(backend)
        self._comparisons()
        self._deviations()
        self._audit()
        self._selftest()
        everything = profile.model_dump(mode="json")
        self._add("report", outputs=PAGES, optional=["figures/*"], after=tuple(self.tasks), fields=everything)

    def _add(
        self,
        kind: str,
        backend: str = "",
        part: str = "",
        *,
        outputs: Sequence[str],
        optional: Sequence[str] = (),
        after: Iterable[str] = (),
        order: tuple[str, ...] = (),
        fields: object = None,
        inputs: object = None,
        step: int = TRAINING,
        cost: float | None = None,
    ) -> None:
        """Add a task.

        Args:
            after: tasks whose results it reads.
            order: tasks that must be finished before, but whose results the key has already.
            fields: JSON value of the profile fields that matter, beside those that matter to tasks before.
            inputs: identity of the files that matter and that no task before has written.
            step: whose module computes it, where ``CODE`` names one.
        """
        after = tuple(dict.fromkeys(after))
        code = fingerprint(tuple(name.format(backend=backend, step=STEPS[step]) for name in CODE[kind]))
        versions = installed_versions(backend) if backend else None
        upstream = [self.tasks[name].key for name in after]
        task = Task(
            kind=kind,
            backend=backend,
            part=part,
            key=sha256_json([kind, backend, part, fields, inputs, versions, code, upstream]),
            outputs=tuple(outputs),
            optional=tuple(optional),
            after=(*order, *after),
            cost=COST.get(kind, 1.0) if cost is None else cost,
        )
        self.tasks[task.name] = task

    def _of(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, task in self.tasks.items() if task.kind == kind)

    def _steps(self) -> list[int]:
        """Those that are captured."""
        return [step for step in self.profile.steps if step != TRAINING]

    def _on_machine(self, backend: str, names: Iterable[str]) -> dict[str, object]:
        """These fields, and where the framework computes."""
        profile = self.profile
        return profile.select(names) | {"device": profile.device_of(backend), "threads": profile.threads}

    def _split(self, split: str) -> object:
        """Identity of a few-shot file."""
        directory = locate.data_directory(self.run, self.profile)
        name = locate.split_file(self.profile, split)
        if directory is None:
            return [name, fingerprint(("repro.fetch.pins",))]
        if locate.is_generated(self.profile):
            return [name, self.profile.data.corpus_seed, fingerprint(("repro.data.corpus",))]
        return [name, _content(directory / name)]

    def _weights(self) -> object:
        """Identity of start weights and vocabulary: their contents, wherever they lie."""
        path = locate.weights_path(self.profile)
        paths = [*(locate.weights_files(path) if path else ()), *locate.vocab_files(self.profile, path)]
        return [[file.name, _content(file)] for file in paths]

    def _inputs(self) -> None:
        profile, weights = self.profile, self._weights()
        # The only task that is redone where files have moved: what it writes says where they are.
        places = [str(place) for place in (locate.data_directory(self.run, profile), locate.weights_path(profile))]
        files = [[self._split(split) for split in profile.splits()], weights, places]
        outputs = ["inputs.json", *(["data/*"] if locate.is_generated(profile) else [])]
        self._add("inputs", outputs=outputs, fields=profile.select(["data", "weights"]), inputs=files)
        fields = profile.select(["weights.source", "weights.geometry", "weights.seed"])
        for init in profile.inits():
            outputs = [f"checkpoint/{init}/{backend}/*" for backend in BACKENDS]
            self._add("convert", "", init, outputs=outputs, order=("inputs",), fields=fields, inputs=weights)

    def _features(self, backend: str) -> None:
        fields = self.profile.select(["features"])
        for split in self.profile.splits():
            files = [self._split(split), self._weights()]
            outputs = [f"features/{backend}/{split}.npz"]
            self._add("features", backend, split, outputs=outputs, order=("inputs",), fields=fields, inputs=files)

    def _captures(self, backend: str) -> None:
        profile, seed = self.profile, self.profile.alignment.seed
        splits = ["dev", f"train-{profile.alignment.size}-{seed}"]
        sizes = [f"train-{size}-{seed}" for size in profile.training.sizes]
        for step in self._steps():
            # step 6 counts the windows of every size of which the run makes features
            more = [split for split in sizes if step == 6 and split in profile.splits()]
            self._add(
                "capture",
                backend,
                str(step),
                outputs=[f"dumps/{backend}/step{step:02d}.json", f"dumps/{backend}/step{step:02d}.npy"],
                optional=[f"dumps/{backend}/step{step:02d}.float64.npy"],
                after=["convert-pretrained", *(f"features-{backend}-{split}" for split in [*splits, *more])],
                fields=self._on_machine(backend, [*COMMON_FIELDS, *step_module(step, "capture").FIELDS]),
                step=step,
                cost=step_8_cost(profile) if step == 8 else None,
            )

    def _measure(self, backend: str) -> None:
        steps = [step for step in MEASURED_FIELDS if step in self.profile.steps]
        if 1 in steps:
            fields = [steps, self.profile.select(name for step in steps for name in MEASURED_FIELDS[step])]
            captures = [f"capture-{side}-1" for side in self.profile.backends]
            self._add("measure", backend, outputs=[f"precision/{backend}.json"], after=captures, fields=fields)

    def _trainings(self, backend: str) -> None:
        profile = self.profile
        if TRAINING not in profile.steps:
            return
        for key in profile.trainings():
            self._training("train", backend, key.name, key, rules(profile.protocol, backend))

    def _training(self, kind: str, backend: str, part: str, key: TrainingKey, followed: Rules) -> None:
        folder = f"{'training' if kind == 'train' else 'deviations'}/{backend}/{part}"
        splits = ("dev", f"train-{key.size}-{key.seed}")
        self._add(
            kind,
            backend,
            part,
            outputs=[f"{folder}/result.json", f"{folder}/*"],
            after=[f"convert-{key.init}", *(f"features-{backend}-{split}" for split in splits)],
            fields=self._on_machine(backend, TRAINING_FIELDS) | {"rules": asdict(followed)},
            cost=training_steps(self.profile, key.size) * TRAINING_STEP_COST[backend] + 1,
        )

    def _deviations(self) -> None:
        profile, compared, shared = self.profile, deviations.compared(self.profile), []
        if not compared:
            return
        for backend, key in product(profile.backends, compared):
            training, followed = key.trained(profile)
            if deviations.in_step_11(profile, backend, key):
                shared.append(f"train-{backend}-{training.name}")
            else:
                self._training("deviations-train", backend, key.name, training, followed)
        outputs = [f"deviations/deviations{end}" for end in (".json", ".md", ".svg", "-loss.svg")]
        fields = profile.select(["deviations", "protocol", "training.margin"])
        self._add("deviations-compare", outputs=outputs, after=[*shared, *self._of("deviations-train")], fields=fields)

    def _comparisons(self) -> None:
        profile, fields = self.profile, self.profile.model_dump(mode="json")
        for step in profile.steps:
            captures = [f"capture-{backend}-{step}" for backend in profile.backends]
            # step 11 shows step 8's perturbation growth beside its losses
            growth = [f"capture-{backend}-8" for backend in profile.backends if 8 in profile.steps]
            before = [*self._of("train"), *growth] if step == TRAINING else [*captures, *self._of("measure")]
            outputs = [f"records/step{step:02d}.json"]
            self._add("compare", "", str(step), outputs=outputs, after=before, fields=fields, step=step)
        if self._steps() and len(profile.backends) == len(BACKENDS):
            logs = [f"reprod_log/step{step:02d}.txt" for step in self._steps()]
            self._add("reprod-log", outputs=logs, after=self._of("capture"))

    def _audit(self) -> None:
        evidence, directory = self.profile.evidence, locate.evidence_directory(self.profile)
        if evidence.source != "none":
            files = fingerprint(("repro.fetch.pins",)) if directory is None else _tree(directory)
            notes = _content(evidence.notes) if evidence.notes else None
            outputs = [f"audit/audit.{suffix}" for suffix in ("json", "md", "html")]
            self._add("audit", outputs=outputs, inputs=[files, notes])

    def _selftest(self) -> None:
        if self.profile.no_selftest():
            return
        settings, vocabulary = self.profile.selftest, _content(CHECKPOINTS / "mini" / "vocab.txt")
        for seed in range(settings.clean):
            paths = ("profile.json", "inputs.json", "data/*", "checkpoint/*/*/*")
            outputs = [f"selftest/clean/{seed}/{path}" for path in paths]
            self._add("selftest-prepare", "", str(seed), outputs=outputs, inputs=vocabulary)
        captures: dict[str, list[str]] = {part: [] for part in COMPARED}
        for backend in BACKENDS:
            first = f"selftest-capture-{backend}-{CLEAN}0"
            clean = [(f"{CLEAN}{seed}", f"clean/{seed}", f"selftest-prepare-{seed}") for seed in range(settings.clean)]
            faults = [(fault, f"faults/{backend}/{fault}", first) for fault in settings.chosen(FAULT_NAMES)]
            for part, folder, before in clean + faults:
                outputs = [f"selftest/{folder}/{path}" for path in (f"dumps/{backend}/*", f"precision/{backend}.json")]
                cost = SELFTEST_STEP_COST * (1 + len(FAULTS[part].reach if part in FAULTS else self.profile.steps))
                more = [f"selftest/{folder}/{path}" for path in ("profile.json", f"features/{backend}/*")]
                self._add("selftest-capture", backend, part, outputs=outputs, optional=more, after=[before], cost=cost)
            captures["clean"] += [f"selftest-capture-{backend}-{part}" for part, _, _ in clean]
            for fault, _, _ in faults:
                captures[f"{backend}-{FAULTS[fault].group}"].append(f"selftest-capture-{backend}-{fault}")
        first_of_each = [f"selftest-capture-{backend}-{CLEAN}0" for backend in BACKENDS]
        for part, names in captures.items():
            outputs = [f"selftest/detections/{part}.json"]
            self._add("selftest-compare", "", part, outputs=outputs, after=[*first_of_each, *names])
        outputs = ["selftest/selftest.md", "selftest/selftest.json"]
        self._add("selftest-conclude", outputs=outputs, after=self._of("selftest-compare"))
