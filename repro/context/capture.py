"""What a step captures from: one framework with its models and the data of the run."""

import functools
import gc
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from repro.backends import Backend, Model, load
from repro.checkpoint import ModelConfig, read_config
from repro.config.paths import RunPaths, sha256_json
from repro.config.profile import Profile
from repro.config.protocol import Rules
from repro.context.data import RunData
from repro.data.batches import cut, sorted_batches, widths
from repro.data.features import Features
from repro.numerics.arrays import Arrays
from repro.progress import track
from repro.results.inputs import read_inputs

Dumps = Iterator[tuple[str, Arrays]]  # precision and its arrays; each is written before the next is computed

# Fields of the profile on which every step depends; each step adds its own (``FIELDS``).
COMMON_FIELDS = ("features", "alignment", "protocol")
OPTIMIZER_FIELDS = (
    *("training.learning_rate", "training.adam_epsilon", "training.max_grad_norm", "training.warmup_ratio"),
    *("training.batch_size", "training.epochs", "training.min_steps", "training.order_seed"),
)

# Logit of a column without a token that was not computed. Lower than any that was, the masked ones at about -10000
# included: a search for the highest logits never takes it before one of these, and no answer begins or ends there.
BEYOND = -20000.0


class CaptureContext(RunData):
    """Everything that a step needs to capture inside one framework's process."""

    def __init__(self, run: RunPaths, profile: Profile, backend: str, framework: Backend) -> None:
        super().__init__(run, profile, backend)
        self.framework = framework
        self._models: dict[str, Model] = {}

    def model(self, dtype: str = "float32") -> Model:
        """The start weights under the protocol's rules, dropout 0, loaded once per dtype. Do not train it."""
        if dtype not in self._models:
            self._models[dtype] = self.fresh_model(dtype)
        return self._models[dtype]

    def fresh_model(self, dtype: str = "float32", rules: Rules | None = None) -> Model:
        """A new model, for steps that change the weights. Releases all models before it.

        Args:
            rules: other rules than the protocol's.
        """
        self.release()
        checkpoint = self.run.checkpoint(self.backend)
        return self.framework.load_model(checkpoint, rules=rules or self.rules, dtype=dtype, dropout=0.0)

    def config(self) -> ModelConfig:
        """BERT configuration of the start weights."""
        return read_config(self.run.checkpoint(self.backend))

    def release(self) -> None:
        """Free cached models, and models and optimizers in reference cycles, which only the collector reaches."""
        self._models.clear()
        gc.collect()

    def logits(self, dtype: str, rows: np.ndarray, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """Start and end logits (rows, T) through the framework's data loader, evaluation batch size."""
        size = self.profile.alignment.eval_batch_size
        return predict(self.framework, self.model(dtype), features.take(rows), size)


def predict(
    framework: Backend, model: Model, features: Features, batch_size: int, title: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end logits (N, T) of every window, in order; shows progress under ``title`` if there is one.

    Windows of about the same width share a batch, which is cut to the widest. Beyond that all logits are ``BEYOND``.
    """
    arrays = features.arrays()
    needed = widths(arrays)
    order = sorted_batches(needed, batch_size)
    logits: Arrays = {}
    loaded = zip(order, framework.batches(arrays, order), strict=True)
    for rows, batch in track(loaded, total=len(order), title=title) if title else loaded:
        width = int(needed[rows].max())
        for name, array in model.forward(cut(batch, width)).items():
            if name not in logits:
                logits[name] = np.full(features.input_ids.shape, BEYOND, array.dtype)
            logits[name][rows, :width] = array
    return logits["start_logits"], logits["end_logits"]


def inputs_digest(run: RunPaths, profile: Profile, step: int, fields: Iterable[str]) -> str:
    """What both frameworks' dumps of a step must have in common: step, settings, data, vocabulary, weights."""
    inputs = read_inputs(run)
    splits = ("dev", f"train-{profile.alignment.size}-{profile.alignment.seed}")
    files = [inputs.data.files[split].sha256 for split in splits]
    weights = {name: file.sha256 for name, file in inputs.weights.files.items()}
    seeds = profile.select(["weights.geometry", "weights.seed"])
    settings = profile.select((*COMMON_FIELDS, *fields))
    return sha256_json([step, settings, files, inputs.vocab.sha256, weights, seeds])


@functools.lru_cache(maxsize=1)
def opened(root: Path, settings: str, backend: str) -> tuple[CaptureContext, str]:
    """(context, device) of one framework, set up once per process.

    Args:
        settings: the profile as JSON.
    """
    profile = Profile.model_validate_json(settings)
    context = CaptureContext(RunPaths(root), profile, backend, load(backend))
    chosen, seed = profile.device_of(backend), profile.weights.seed
    device = context.framework.setup(device=chosen, threads=profile.threads, seed=seed)
    return context, device
