"""What each backend offers. Everything at this boundary is numpy.

Names and orientation of parameters are the hub layout's (``repro.checkpoint``). A batch is a dict of int64 arrays:
``input_ids``, ``attention_mask``, ``token_type_ids`` (B, T) and, for training, ``start_positions``, ``end_positions``
(B,). ``dtype`` is ``float32`` or ``float64``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from repro.checkpoint import ModelConfig
from repro.config.profile import Training
from repro.config.protocol import Rules
from repro.data.dropout import DropoutMasks
from repro.data.features import Tokenizer
from repro.numerics.arrays import Arrays
from repro.numerics.distribution import Distribution

__all__ = ["Backend", "Device", "Model", "StepReport", "Tokenizer", "Trainer", "UpdateReport"]


@dataclass(frozen=True)
class Device:
    """One accelerator as its framework sees it: compute capability such as ``8.6``, memory in bytes."""

    index: int
    name: str
    capability: str
    memory: int


class StepReport(NamedTuple):
    """One training step: mean loss of the batch, learning rate used, global gradient norm before clipping."""

    loss: float
    learning_rate: float
    grad_norm: float


class UpdateReport(NamedTuple):
    """One update: learning rate used, global gradient norm before clipping, factor that clipping applied."""

    learning_rate: float
    grad_norm: float
    clip_factor: float


class Model(Protocol):
    """Splinter with its question-aware span selection head."""

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        """Copy of every parameter, or of the named ones, in the model's dtype."""

    def replace(self, arrays: Arrays) -> None:
        """Overwrite the named parameters, cast to the model's dtype.

        Raises:
            KeyError: the model has no such parameter.
        """

    def forward(self, batch: Arrays, *, activations: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode, without gradients, in the model's dtype.

        With ``activations``, before them in the order of computation: ``embeddings``, ``encoder.layer.0`` … ,
        ``sequence_output`` (B, T, D), ``query_reps`` (B, 1, D); ``…_dense``, ``…_gelu``, ``…_reps`` of ``query_start``,
        ``query_end`` (B, 1, D), ``start``, ``end`` (B, T, D); ``start_temp`` (B, 1, D), ``start_reps_transposed``
        (B, D, T), ``start_logits_unmasked`` (B, 1, T), then the same three for ``end``.
        """

    def operations(self) -> dict[str, tuple[str, ...]]:
        """Inputs of each operation by its name, in the order of computation: as the activations, then ``loss``."""

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        """What the operations start from, as the framework's tensors: pass it on to ``run`` and ``vjp``."""

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        """One operation in evaluation mode at the values of its inputs, in the model's dtype."""

    def vjp(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        """Vector-Jacobian product of one operation: gradients of its inputs that are arrays, and of its parameters.

        Args:
            values: of its inputs, at which to differentiate.
            upstream: gradient of the operation's output, of its shape.
        """

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss of a batch in evaluation mode, 0-d array of the model's dtype."""

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss (0-d) and the gradient of every parameter in evaluation mode; zeros where there is none."""


class Trainer(Protocol):
    """AdamW, gradient clipping by global norm and linear warm-up and decay, under one set of rules."""

    def step(self, batch: Arrays, dropout: DropoutMasks | None = None) -> StepReport:
        """One training step. Without dropout masks the framework draws its own."""

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> UpdateReport:
        """One update from (hub name, gradient) of every parameter that the trainer updates."""

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of the named ones; zeros before a step."""

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, by hub name."""


class Backend(Protocol):
    """The module of one framework."""

    NAME: str

    def setup(self, *, device: str = "cpu", threads: int = 1, seed: int = 0, precision: str = "float32") -> str:
        """Select the device (``auto``, ``cpu``, ``gpu``), threads, deterministic kernels; seed the generator.

        Args:
            precision: ``tf32`` or ``bf16``: matrix products of a float32 model round their factors so. Weights, sums
                and everything else stay in float32. Only trainings of step 11 ask for it.

        Returns:
            ``cpu`` or the name of the GPU; ``auto`` is the first GPU that this build has code for, else the CPU.

        Raises:
            EnvironmentFault: ``gpu`` without a GPU that this build has machine code for, or one without the precision.
            InputError: an unknown device.
        """

    def versions(self) -> dict[str, str]:
        """Versions of the framework, its model library, CUDA and cuDNN."""

    def arithmetic(self) -> dict[str, str]:
        """What decides how float32 is rounded and in which order it is summed, as the framework reports it."""

    def devices(self) -> list[Device]:
        """GPUs that the framework sees."""

    def load_tokenizer(self, vocab: Path) -> Tokenizer:
        """WordPiece of a ``vocab.txt``. ``[MASK]`` in a text stays one token. InputError without such a file."""

    def load_model(self, checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
        """Model from ``checkpoint/{model.safetensors,config.json}`` in the backend's layout, strictly.

        Raises:
            InputError: a parameter is missing, unknown or of the wrong shape, or the layout is another one.
        """

    def make_trainer(
        self,
        model: Model,
        *,
        rules: Rules,
        settings: Training,
        total_steps: int,
        names: Collection[str] | None = None,
    ) -> Trainer:
        """Trainer of a model that this backend loaded.

        Args:
            total_steps: length of the schedule.
            names: hub names of the parameters to update; all by default.
        """

    def shared_mask(
        self, masks: DropoutMasks, rows: np.ndarray, shape: tuple[int, ...], probability: float
    ) -> np.ndarray:
        """What the first dropout of step 0 keeps of ``rows`` (B,) of a batch: bool of ``shape`` (B, …)."""

    def loss_from_logits(self, start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The training loss (0-d) from logits (B, T) and int64 positions (B,), by the framework's cross entropy."""

    def learning_rates(self, *, settings: Training, total_steps: int) -> np.ndarray:
        """Learning rate of steps 0 … total_steps by the framework's scheduler, float64 (total_steps + 1,)."""

    def initialise(self, config: ModelConfig, seed: int) -> Arrays:
        """Parameters as the framework's initialiser draws them, float32."""

    def declared_distributions(self, config: ModelConfig) -> dict[str, Distribution]:
        """The distribution that ``initialise`` should follow, by hub name."""

    def batches(self, arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
        """Batches by the framework's DataLoader; ``order`` lists the rows of each, arrays (N, …) become int64."""
