"""Runs one backend in a separate process and writes what the tests of this folder examine.

``main(BACKEND, FOLDER)``: FOLDER holds ``checkpoint/{pytorch,paddle}``, ``vocab.txt`` and ``texts.json``; the
results are ``{BACKEND}.npz`` (arrays) and ``{BACKEND}.json`` (texts).
"""

import dataclasses
import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from repro import backends
from repro.analysis import chunking
from repro.backends import StepReport, UpdateReport
from repro.backends.common.names import special_ids
from repro.checkpoint import hub_shapes, read_config
from repro.config.profile import Training
from repro.config.protocol import PAPER, Rules
from repro.data.dropout import DropoutMasks, multipliers
from repro.errors import EnvironmentFault, InputError
from tests.backends import padding

Arrays = dict[str, np.ndarray]
LENGTH = 48
chunking.TOKENS = 3 * LENGTH  # three rows of a batch of four, then one
CLASSIFIER = "splinter_qass.start_classifier.weight"
SETTINGS = Training(learning_rate=1e-3, warmup_ratio=0.2)
DEVIATIONS: dict[str, dict[str, Any]] = {
    "segment_ids": {"segment_ids": True},
    "eps": {"eps_before_bias_correction": False},
    "decay": {"weight_decay": 0.1},
    "decay_norms": {"weight_decay": 0.1, "decay_layer_norms": True},
}
MASK_SHAPES = ((2, 81), (2, 40, 128), (2, 3, 70, 71), (2, 12, 384, 384))


def batch(seed: int, vocab_size: int, rows: int = 4) -> Arrays:
    """Rows of [CLS] question [MASK] . [SEP] context [SEP] padding, answers in the context."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(110, vocab_size, (rows, LENGTH))
    mask, segments = np.ones_like(ids), np.zeros_like(ids)
    for row in range(rows):
        question, end = generator.integers(4, 10), generator.integers(LENGTH // 2, LENGTH + 1)
        ids[row, 0], ids[row, question], ids[row, question + 2], ids[row, end - 1] = 101, 103, 102, 102
        segments[row, question + 3 : end] = 1
        ids[row, end:] = mask[row, end:] = 0
    starts = generator.integers(14, LENGTH // 2 - 3, rows)
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": segments,
        "start_positions": starts,
        "end_positions": starts + generator.integers(0, 3, rows),
    }


def fixed_gradients(shapes: dict[str, tuple[int, ...]], step: int) -> Arrays:
    """Seeded gradients, small enough at odd steps that nothing is clipped."""
    generator = np.random.default_rng(1000 + step)
    scale = 1e-4 if step % 2 else 0.1
    return {name: (generator.standard_normal(shape) * scale).astype(np.float32) for name, shape in shapes.items()}


def columns(reports: Sequence[StepReport] | Sequence[UpdateReport]) -> Arrays:
    """Reports of several steps as one array a field."""
    return {field: np.array([getattr(report, field) for report in reports]) for field in reports[0]._fields}


class Worker:
    """One backend over one folder; ``arrays`` and ``texts`` are its results."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.backend = backends.load(name)
        self.config = read_config(folder / "checkpoint" / name)
        self.arrays: Arrays = {}
        self.texts: dict[str, Any] = {}

    def put(self, prefix: str, arrays: Arrays) -> None:
        self.arrays |= {f"{prefix}/{name}": value for name, value in arrays.items()}

    def batch(self, seed: int) -> Arrays:
        return batch(seed, self.config["vocab_size"])

    def model(self, dtype: str = "float32", rules: Rules = PAPER, dropout: float = 0.0, folder: str = "") -> Any:
        checkpoint = self.folder / (folder or "checkpoint") / self.name
        return self.backend.load_model(checkpoint, rules=rules, dtype=dtype, dropout=dropout)

    def evaluate(self, dtype: str) -> None:
        """Parameters, forward with activations, operation by operation, loss and gradients."""
        model, rows = self.model(dtype), self.batch(0)
        self.put(f"{dtype}/parameters", model.parameters())
        self.put(f"{dtype}/activations", model.forward(rows, activations=True))
        self.put(f"{dtype}/logits", model.forward(rows))
        self.put(f"{dtype}/by_rows", chunking.forward(model, rows, activations=True))
        loss, gradients = model.gradients(rows)
        self.put(f"{dtype}/loss", {"loss": model.loss(rows), "with_gradients": loss})
        self.put(f"{dtype}/gradients", gradients)
        self.put(f"{dtype}/run", self.one_by_one(model, rows))
        self.put(f"{dtype}/chained", dict(chunking.gradients(model, rows)))
        model.replace({CLASSIFIER: -model.parameters()[CLASSIFIER]})
        self.put(f"{dtype}/replaced", {**model.parameters(), **model.forward(rows)})

    def one_by_one(self, model: Any, rows: Arrays) -> Arrays:
        """Each operation by itself, at the outputs of those before it."""
        values = model.prepare(rows)
        for name in model.operations():
            values[name] = model.run(name, values)
        return {name: values[name] for name in model.operations()}

    def train(self, dtype: str) -> None:
        """Twenty steps with shared dropout masks, then updates from fixed gradients on a fresh model."""
        model = self.model(dtype, dropout=0.1)
        trainer = self.backend.make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=15)
        masks = DropoutMasks(5)
        self.put(f"{dtype}/train", columns([trainer.step(self.batch(seed), masks) for seed in range(20)]))
        self.put(f"{dtype}/trained", model.parameters())
        model = self.model(dtype)
        trainer = self.backend.make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=15)
        self.put(f"{dtype}/state0", trainer.state())
        shapes = hub_shapes(self.config)
        updates = [trainer.apply(fixed_gradients(shapes, step).items()) for step in range(4)]
        self.put(f"{dtype}/apply", columns(updates))
        self.put(f"{dtype}/applied", model.parameters())
        self.put(f"{dtype}/state", trainer.state())

    def deviate(self) -> None:
        """Each deviation alone: logits, five losses without dropout, decay."""
        for name, changes in {"paper": {}, **DEVIATIONS}.items():
            rules = dataclasses.replace(PAPER, **changes)
            model = self.model("float64", rules)
            self.put(f"deviation/{name}/logits", model.forward(self.batch(0)))
            settings = SETTINGS.model_copy(update={"adam_epsilon": 1e-6})
            trainer = self.backend.make_trainer(model, rules=rules, settings=settings, total_steps=15)
            losses = np.array([trainer.step(self.batch(seed)).loss for seed in range(5)])
            self.put(f"deviation/{name}", {"losses": losses})
            self.texts[f"deviation/{name}/decay"] = trainer.weight_decay()

    def plant(self) -> None:
        """Faults that a comparison of logits must show: wrong epsilon, [SEP] attended to, one transposed weight."""
        rows = self.batch(0)
        for fault in ("epsilon", "transposed"):
            self.put(f"fault/{fault}", self.model("float64", folder=f"fault-{fault}").forward(rows))
        module = importlib.import_module(f"repro.backends.{self.name}.model")
        with patch.object(module, "special_ids", lambda config: special_ids(config)._replace(sep=-1)):
            self.put("fault/sep", self.model("float64").forward(rows))

    def renumber(self) -> None:
        """The same model with its tokens numbered from the other end."""
        rows = self.batch(0)
        rows["input_ids"] = self.config["vocab_size"] - 1 - rows["input_ids"]
        self.put("renumbered", self.model("float64", folder="renumbered").forward(rows))

    def native_dropout(self) -> None:
        """Masks of the framework: the same after the same seed."""
        losses = []
        for seed in (7, 7, 8):
            model = self.model(dropout=0.1)
            self.backend.setup(seed=seed)
            trainer = self.backend.make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=15)
            losses.append([trainer.step(self.batch(0)).loss for _ in range(3)])
        self.put("native", {"losses": np.array(losses), "without": self.model().loss(self.batch(0))})

    def reduced_products(self) -> None:
        """Three steps and logits with bfloat16 products where the CPU has them, then in float32 again."""
        for precision in ("bf16", "float32") if self.name == "pytorch" else ():
            self.backend.setup(precision=precision)
            model = self.model(dropout=0.1)
            before = model.loss(self.batch(0))
            trainer = self.backend.make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=15)
            losses = [trainer.step(self.batch(0), DropoutMasks(5)).loss for _ in range(3)]
            arrays = {"before": before, "losses": np.array(losses), "weight": model.parameters()[CLASSIFIER]}
            self.put(f"products/{precision}", model.forward(self.batch(0)) | arrays)

    def shared_dropout(self) -> None:
        """A chain of three dropouts, of which the first has probability 0 and the last a transposed input."""
        module = importlib.import_module(f"repro.backends.{self.name}.dropout")
        to_tensor = importlib.import_module(f"repro.backends.{self.name}.model").to_tensor
        masks, rows = DropoutMasks(5), np.array([1, 4, 9])
        last_two_swapped: Any = {"pytorch": (1, 2), "paddle": ([0, 2, 1],)}[self.name]
        wanted = {"pytorch": ("requires_grad", True), "paddle": ("stop_gradient", False)}[self.name]
        for dtype in ("float32", "float64"):
            array = np.random.default_rng(6).normal(size=(3, 5, 81)).astype(dtype)
            values, others = to_tensor(array), to_tensor(array)
            setattr(values, *wanted)
            setattr(others, *wanted)
            with module.shared_dropout(masks, 7, rows):
                first = module.functional.dropout(module.functional.dropout(values, 0.0), 0.1)
                second = module.functional.dropout(first.transpose(*last_two_swapped), 0.5)
            second.sum().backward()
            arrays = {"first": first.detach(), "second": second.detach(), "gradient": values.grad}
            elements = multipliers(masks.key(7, 0), tuple(rows), (3, 5, 81), 0.1) > 0
            by_tensors = module.dropped(others, to_tensor(elements), 0.1)
            by_tensors.sum().backward()
            arrays |= {"by_tensors": by_tensors.detach(), "gradient_by_tensors": others.grad}
            self.put(f"dropout/{dtype}", {name: tensor.numpy() for name, tensor in arrays.items()})
        self.put("dropout/mask", {"shared": self.backend.shared_mask(masks, rows, (3, 2, 5, 7), 0.1)})
        for shape in MASK_SHAPES:
            mask = module.keep_by_tensors(masks.key(1, len(shape)), (0, 6), shape, 0.3).numpy()
            self.put(f"dropout/by_tensors/{shape}", {"mask": mask})

    def small_parts(self) -> None:
        """Loss from logits, schedule, loader, tokeniser, initialiser, refusals."""
        generator = np.random.default_rng(3)
        start, end = generator.standard_normal((2, 5, 9)).astype(np.float32)
        starts, ends = np.array([0, 8, 9, 400, 3]), np.array([-4, 2, 8, 9, 9])
        inside = self.backend.loss_from_logits(start, end, starts, ends)
        outside = self.backend.loss_from_logits(start, end, np.full(5, 9), ends)
        optimizer, model = (importlib.import_module(f"repro.backends.{self.name}.{n}") for n in ("optimizer", "model"))
        large = SimpleNamespace(grad=model.to_tensor(generator.standard_normal(1 << 22, dtype=np.float32)))
        self.put("clipped", {"before": np.array(float(optimizer.clip_grad_norm_([large], 1.0)))})
        self.put("clipped", {"values": model.to_numpy(large.grad)})
        rates = self.backend.learning_rates(settings=Training(), total_steps=203)
        self.put("parts", {"loss": inside, "all_ignored": outside, "rates": rates})
        columns = {"input_ids": np.arange(60).reshape(12, 5), "end_positions": np.arange(12, dtype=np.int32)}
        for number, rows in enumerate(self.backend.batches(columns, [[3, 1, 11], [5], [0, 2]])):
            self.put(f"batch/{number}", rows)
        self.put("initial", self.backend.initialise(self.config, 4))
        self.put("again", self.backend.initialise(self.config, 4))
        self.texts["distributions"] = self.backend.declared_distributions(self.config)
        tokenizer = self.backend.load_tokenizer(self.folder / "vocab.txt")
        texts = json.loads((self.folder / "texts.json").read_text(encoding="utf-8"))
        self.texts["tokens"] = [tokenizer.tokenize(text) for text in texts]
        self.texts["ids"] = [tokenizer.convert_tokens_to_ids(tokens) for tokens in self.texts["tokens"]]
        self.texts["versions"] = self.backend.versions()

    def refuse(self) -> None:
        """What the user sees where something is wrong."""
        other = self.folder / "checkpoint" / {"pytorch": "paddle", "paddle": "pytorch"}[self.name]
        attempts: dict[str, Callable[[], object]] = {
            "layout": lambda: self.backend.load_model(other, rules=PAPER),
            "vocab": lambda: self.backend.load_tokenizer(self.folder / "none.txt"),
            "device": lambda: self.backend.setup(device="tpu"),
            "gpu": lambda: self.backend.setup(device="gpu") if not self.backend.devices() else None,
            "tf32": lambda: self.backend.setup(precision="tf32"),
            "bf16": lambda: self.backend.setup(precision="bf16") if self.name == "paddle" else None,
        }
        for name, attempt in attempts.items():
            try:
                self.texts[f"refused/{name}"] = repr(attempt())
            except (InputError, EnvironmentFault) as error:
                self.texts[f"refused/{name}"] = f"{type(error).__name__}: {error}"

    def run(self) -> None:
        self.backend.setup(device="cpu", threads=1, seed=0)
        for dtype in ("float32", "float64"):
            self.evaluate(dtype)
            self.train(dtype)
            padding.compute(self, dtype)
        self.deviate()
        self.plant()
        self.renumber()
        self.native_dropout()
        self.reduced_products()
        self.shared_dropout()
        self.small_parts()
        self.refuse()


def reference(worker: Worker) -> None:
    """Splinter of ``transformers`` on the same weights, [SEP] masked and [MASK] replaced beforehand."""
    import torch
    from transformers import SplinterConfig, SplinterForQuestionAnswering

    config = SplinterConfig(**{**worker.config, "attn_implementation": "eager"})
    model = SplinterForQuestionAnswering(config).eval()
    arrays = {name: torch.from_numpy(array) for name, array in worker.model().parameters().items()}
    model.load_state_dict(arrays, strict=True)
    rows = worker.batch(0)
    ids = torch.from_numpy(np.where(rows["input_ids"] == 103, 104, rows["input_ids"]))
    mask = torch.from_numpy(np.where(rows["input_ids"] == 102, 0, rows["attention_mask"]))
    with torch.no_grad():
        output = model(
            input_ids=ids,
            attention_mask=mask,
            start_positions=torch.from_numpy(rows["start_positions"]),
            end_positions=torch.from_numpy(rows["end_positions"]),
        )
    logits = {"start_logits": output.start_logits.numpy(), "end_logits": output.end_logits.numpy()}
    worker.put("reference", {**logits, "loss": output.loss.numpy(), "mask": mask.numpy()})


def logs(worker: Worker) -> None:
    """``reprod_log`` on pairs of dumps: close, apart, and pairs that it cannot or should not compare."""
    from reprod_log import ReprodDiffHelper

    from repro.backends.paddle.diff_log import write_log
    from repro.dumps import write_dump

    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    nan = np.full((2, 3), np.nan, np.float32)
    pairs = {
        "alike": ({"x": one, "loss": np.array(1.5)}, {"x": one + np.float32(1e-7), "loss": np.array(1.5)}),
        "apart": ({"x": one}, {"x": one + 1}),
        "keys": ({"x": one, "y": one}, {"x": one, "z": one}),
        "shapes": ({"x": one, "y": one}, {"x": one, "y": one[:, :2]}),
        "transposed": ({"x": one}, {"x": one.T.copy()}),
        "nan": ({"x": nan}, {"x": one}),
    }
    for name, (a, b) in pairs.items():
        folder = worker.folder / "logs"
        write_dump(folder / f"{name}.a.npy", a)
        write_dump(folder / f"{name}.b.npy", b)
        write_log(folder / f"{name}.a.npy", folder / f"{name}.b.npy", folder / f"{name}.txt")
        worker.texts[f"log/{name}"] = (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    opened = ReprodDiffHelper().load_info(str(worker.folder / "logs" / "alike.a.npy"))
    worker.texts["log/opened"] = sorted(opened)


def main(name: str, folder: Path) -> None:
    worker = Worker(name, folder)
    worker.run()
    {"pytorch": reference, "paddle": logs}[name](worker)
    np.savez(folder / f"{name}.npz", **worker.arrays)
    (folder / f"{name}.json").write_text(json.dumps(worker.texts), encoding="utf-8")
