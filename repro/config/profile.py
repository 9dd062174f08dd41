"""Profiles: what a run does, as YAML checked by these models; any field can be set on the command line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from string import Formatter
from typing import Any, Literal, cast

from pydantic import Field, field_validator, model_validator

from repro.config.deviations import Deviations
from repro.config.protocol import ProtocolName, Rules, rules
from repro.config.section import Section, Size
from repro.config.trainings import TrainingKey
from repro.errors import InputError

BackendName = Literal["pytorch", "paddle"]
DeviceName = Literal["auto", "cpu", "gpu"]
BACKENDS: tuple[BackendName, ...] = ("pytorch", "paddle")
BACKEND_NAMES = {"pytorch": "PyTorch", "paddle": "Paddle"}  # as sentences and tables name them
STEPS = tuple(range(1, 12))
MOST_TRAININGS = 10_000  # of one framework: far above any study, and few enough to plan


class Data(Section):
    """The MRQA few-shot files. File names may hold ``{size}`` and ``{seed}``."""

    source: Literal["generated", "path", "fetched"]
    directory: Path | None = Field(None, description="folder of the files (source: path, or in place of fetched ones)")
    train: str = "squad-train-seed-{seed}-num-examples-{size}_qass.jsonl"
    dev: str = "dev_qass.jsonl"
    corpus_seed: int = Field(0, description="seed of the generated corpus")

    @field_validator("train", "dev")
    @classmethod
    def _is_pattern(cls, name: str) -> str:
        try:
            fields = {part[1:] for part in Formatter().parse(name) if part[1] is not None}
        except ValueError as error:
            raise ValueError(f"{name!r} is no file name: {error}") from error
        if not name or not fields <= {("size", "", None), ("seed", "", None)}:
            raise ValueError(f"{name!r} may hold {{size}} and {{seed}} only")
        return name


class Weights(Section):
    """The start weights."""

    source: Literal["shipped", "seeded", "fetched", "path"]
    path: Path | None = Field(None, description="folder or file (source: path, or in place of fetched weights)")
    vocab: Path | None = Field(None, description="vocab.txt if it is not beside the weights")
    geometry: dict[str, int | float | str] | None = Field(None, description="BERT configuration of seeded weights")
    seed: int = Field(42, description="seed of seeded weights and of a new QASS head")


class Evidence(Section):
    """Published dumps and logs, from which the audit derives the documented numbers again."""

    source: Literal["none", "path", "fetched"] = "none"
    directory: Path | None = Field(None, description="folder of the published files (--evidence DIR)")
    notes: Path | None = Field(None, description="alignment notes, compared with these files (--notes FILE)")


class Selftest(Section):
    """Faults planted in both frameworks, on a small run of their own, to show what steps 1 to 10 would see."""

    faults: Literal["all", "none"] | tuple[str, ...] = Field("none", description="all, none, or a list of names")
    clean: int = Field(10, ge=1, description="seeds over which false alarms are counted")

    def chosen(self, known: Sequence[str]) -> tuple[str, ...]:
        """Names of the faults to plant, in the order of ``known``.

        Raises:
            InputError: one is not ``known``.
        """
        if isinstance(self.faults, str):
            return tuple(known) if self.faults == "all" else ()
        if unknown := [name for name in self.faults if name not in known]:
            raise InputError(f"no fault {unknown[0]!r}", next_step=f"choose from: {', '.join(known)}")
        return tuple(name for name in known if name in self.faults)


class Features(Section):
    """Windows over the context, in WordPiece tokens (original: 384, 128, 64)."""

    max_seq_length: int = Field(384, ge=16)
    doc_stride: int = Field(128, ge=1)
    max_query_length: int = Field(64, ge=4)


class Alignment(Section):
    """Steps 1 to 10."""

    size: Size = Field(16, description="training file of the alignment: number of examples")
    seed: int = 42
    batch_size: int = Field(12, ge=1)
    eval_batch_size: int = Field(16, ge=1)
    random_rows: int = Field(5, ge=1, description="step 2: rows drawn from the dev features")
    batches: int = Field(6, ge=1, description="step 2: batches taken from the dev loader")
    attribution_rows: int | None = Field(
        None, ge=1, description="step 1: rows of the batch whose errors are attributed in float64; none: all of them"
    )
    metric_questions: int = Field(50, ge=1, description="step 3: dev questions that both frameworks answer")
    optimizer_steps: int = Field(5, ge=1, description="step 5: updates from the same gradients")
    training_steps: int = Field(20, ge=1, description="step 8: training steps whose losses are compared")
    float64_training_steps: int = Field(
        20, ge=0, description="step 8: how many are repeated in float64; 0: none (gradients are in any case)"
    )
    perturbed_training_steps: int | None = Field(
        None, ge=0, description="step 8: how many are repeated with every start weight 1 ulp off; none: all of them"
    )


class Baseline(Section):
    """Extra trainings from the same geometry with random weights."""

    sizes: tuple[Size, ...] = ()
    seeds: tuple[int, ...] = ()


class Training(Section):
    """Step 11. Defaults are the published protocol."""

    sizes: tuple[Size, ...] = (16, 128, 1024)
    seeds: tuple[int, ...] = (42, 43, 44, 45, 46)
    repeats: int = Field(1, ge=1, description="trainings on each file, each with its own order of rows and masks")
    margin: float = Field(
        1.0, gt=0, description="points of F1: a smaller difference of means counts as none (justified in the profile)"
    )
    batch_size: int = Field(12, ge=1)
    eval_batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(3e-5, gt=0)
    adam_epsilon: float = Field(1e-8, gt=0)
    max_grad_norm: float = Field(1.0, gt=0)
    warmup_ratio: float = Field(0.1, ge=0, le=1)
    epochs: int = Field(10, ge=1)
    min_steps: int = Field(200, ge=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    dropout_masks: Literal["shared", "native"] = Field(
        "shared",
        description="shared: the same masks in both frameworks, on every device; native: each draws its own",
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(
        "float32", description="of step 11's matrix products; tf32, bf16: on GPUs (bf16: PyTorch on a CPU as well)"
    )
    order_seed: int | None = Field(None, description="seed of order and dropout; none: the seed of the training file")
    n_best: int = Field(20, ge=1)
    max_answer_length: int = Field(10, ge=1)
    baseline: Baseline = Baseline()

    @property
    def reduced(self) -> str:
        """What a sentence about these trainings adds: `` with TF32 products``; empty in float32."""
        name = {"float32": "", "tf32": "TF32", "bf16": "bfloat16"}[self.precision]
        return name and f" with {name} products"


class Profile(Section):
    """One run. ``steps`` are numbers 1 to 11."""

    name: str = Field(pattern=r"^\w[\w.-]*$", description="of the run directory as well")
    description: str
    protocol: ProtocolName = "paper"
    backends: tuple[BackendName, ...] = BACKENDS
    steps: tuple[int, ...] = STEPS
    device: DeviceName | dict[BackendName, DeviceName] = Field(
        "auto", description="of both frameworks, or of each: {pytorch: gpu, paddle: cpu}"
    )
    threads: int = Field(1, ge=1, le=256, description="compute threads of one job")
    data: Data
    weights: Weights
    evidence: Evidence = Evidence()
    selftest: Selftest = Selftest()
    features: Features = Features()
    alignment: Alignment = Alignment()
    training: Training = Training()
    deviations: Deviations = Deviations()

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        if unknown := set(self.steps) - set(STEPS):
            raise ValueError(f"steps are 1 to 11, not {sorted(unknown)}")
        if isinstance(self.device, dict) and (unnamed := set(self.backends) - set(self.device)):
            raise ValueError(f"device names none for {', '.join(sorted(unnamed))}: --device pytorch=gpu,paddle=cpu")
        training, baseline = self.training, self.training.baseline
        count = len(training.sizes) * len(training.seeds) * training.repeats
        if (count := count + len(baseline.sizes) * len(baseline.seeds)) > MOST_TRAININGS:
            raise ValueError(f"training.repeats, with sizes and seeds: {count} trainings, more than {MOST_TRAININGS}")
        if self.features.doc_stride >= self.features.max_seq_length - self.features.max_query_length:
            raise ValueError("features.doc_stride must be smaller than max_seq_length - max_query_length")
        if self.weights.source == "seeded" and self.weights.geometry is None:
            raise ValueError("weights.geometry is needed where weights.source is 'seeded'")
        if self.evidence.source == "path" and self.evidence.directory is None:
            raise ValueError("evidence.directory is needed where evidence.source is 'path': --evidence DIR")
        if self.evidence.notes is not None and self.evidence.source == "none":
            raise ValueError("evidence.notes are compared with published files: --evidence DIR")
        return self

    def select(self, names: Iterable[str]) -> dict[str, Any]:
        """Dotted name of each of these fields or sections -> its JSON value."""
        content = self.model_dump(mode="json")
        return {name: reduce(getitem, name.split("."), content) for name in names}

    @property
    def devices(self) -> dict[str, str]:
        """Device of each framework of the run."""
        return {backend: self.device_of(backend) for backend in self.backends}

    def device_of(self, backend: str) -> DeviceName:
        """``auto``, ``cpu`` or ``gpu``."""
        return self.device if isinstance(self.device, str) else self.device[cast(BackendName, backend)]

    def no_selftest(self) -> str:
        """Why the run plants no faults; empty if it does."""
        if self.selftest.faults == "none":
            return "The profile plants no faults; --set selftest.faults=all does."
        if len(self.backends) < 2:
            return "With one framework there is nothing to compare."
        if not {*STEPS[:-1]} <= set(self.steps):
            return "Faults are planted if steps 1 to 10 all run; `repro selftest` plants them at any time."
        return ""

    def splits(self) -> list[str]:
        """Feature files that the steps of this profile need, in the order in which they are made."""
        names = ["dev", f"train-{self.alignment.size}-{self.alignment.seed}"]
        if 11 in self.steps:
            names += [f"train-{key.size}-{key.seed}" for key in self.trainings()]
        names += [f"train-{size}-{seed}" for size, seed in self.deviation_files()]
        return list(dict.fromkeys(names))

    def trainings(self) -> list[TrainingKey]:
        """Every training of one backend. The baseline, a yardstick, is not repeated."""
        training, baseline = self.training, self.training.baseline
        files = itertools.product(training.sizes, training.seeds, range(training.repeats))
        return [
            *(TrainingKey("pretrained", *file) for file in files),
            *(TrainingKey("random", size, seed) for size in baseline.sizes for seed in baseline.seeds),
        ]

    def inits(self) -> list[str]:
        """Kinds of start weights that the run needs: ``pretrained``, perhaps ``random`` and ``perturbed``."""
        trained = [key.init for key in self.trainings() if 11 in self.steps]
        return list(
            dict.fromkeys(["pretrained", *trained, *(item.init for item in self.deviations.variants().values())])
        )

    def deviation_files(self) -> list[tuple[int, int]]:
        """(size, seed) of every training file on which deviations are measured."""
        sizes = self.training.sizes if self.deviations.sizes is None else self.deviations.sizes
        seeds = self.training.seeds if self.deviations.seeds is None else self.deviations.seeds
        files = [(size, seed) for size in sizes for seed in seeds] if self.deviations.variants() else []
        return list(dict.fromkeys(files))

    def all_rules(self) -> set[Rules]:
        """The rules of every training of the run."""
        return {*(rules(self.protocol, name) for name in self.backends), *self.deviations.rules()}
