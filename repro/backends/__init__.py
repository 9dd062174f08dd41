"""What a framework must offer, and how to get one. One framework per process.

Everything at this boundary is numpy; names and orientation of parameters are the hub layout's
(``repro.checkpoint``). A batch is a dict of int64 arrays: ``input_ids``, ``attention_mask``, ``token_type_ids``
(B, T) and, for training, ``start_positions``, ``end_positions`` (B,).
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from repro.data.dropout import DropoutStream
from repro.errors import InputError
from repro.profile import BACKENDS, Training
from repro.protocol import Rules

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Device:
    """One accelerator as its framework sees it: compute capability such as ``8.6``, memory in bytes."""

    index: int
    name: str
    capability: str
    memory: int


class Tokenizer(Protocol):
    """WordPiece of one library. ``[MASK]`` in a text stays one token."""

    def tokenize(self, text: str) -> list[str]: ...
    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]: ...


class Model(Protocol):
    """Splinter with its question-aware span selection head."""

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        """Copy of every parameter, or of those named; hub names and orientation."""

    def replace(self, arrays: Arrays) -> None:
        """Overwrite the named parameters, cast to the model's dtype."""

    def forward(self, batch: Arrays, *, taps: bool = False) -> Arrays:
        """``start_logits``, ``end_logits`` (B, T) in evaluation mode, without gradients.

        With ``taps``, before them in the order of computation: ``embeddings``, ``encoder.layer.0`` … ,
        ``sequence_output`` (B, T, D), ``query_reps`` (B, 1, D); ``…_dense``, ``…_gelu``, ``…_reps`` of ``query_start``,
        ``query_end`` (B, 1, D), ``start``, ``end`` (B, T, D); ``start_temp`` (B, 1, D), ``start_reps_transposed``
        (B, D, T), ``start_logits_unmasked`` (B, 1, T), then the same three for ``end``.
        """

    def operations(self) -> dict[str, tuple[str, ...]]:
        """Inputs of every operation by its name, in the order of computation: as the taps, then ``loss``."""

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        """What the operations start from, in the framework's own form, to be handed to ``run`` and ``pull``."""

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        """One operation in evaluation mode on given values of its inputs, in the model's dtype."""

    def pull(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        """Vector-Jacobian product of one operation: gradients of its inputs that are arrays, and of its parameters.

        Args:
            values: of its inputs, at which it is differentiated.
            upstream: gradient of the operation's output, of its shape.
        """

    def loss(self, batch: Arrays) -> np.ndarray:
        """Loss of a batch in evaluation mode, 0-d array of the model's dtype."""

    def gradients(self, batch: Arrays) -> tuple[np.ndarray, Arrays]:
        """Loss and the gradient of every parameter in evaluation mode, hub names; zeros where there is none."""


class Trainer(Protocol):
    """AdamW, gradient clipping by global norm and linear warm-up and decay, under one set of rules."""

    def step(self, batch: Arrays, dropout: DropoutStream | None = None) -> dict[str, float]:
        """One training step: ``loss``, ``learning_rate`` used, ``grad_norm`` before clipping.

        With a stream every dropout mask comes from it; with none the framework draws its own.
        """

    def apply(self, gradients: Iterable[tuple[str, np.ndarray]]) -> dict[str, float]:
        """One update from a given gradient of every parameter: ``learning_rate``, ``grad_norm``, ``clip_factor``."""

    def state(self, names: Collection[str] | None = None) -> Arrays:
        """``{name}.exp_avg``, ``{name}.exp_avg_sq`` of every parameter, or of those named; hub orientation."""

    def weight_decay(self) -> dict[str, float]:
        """Decay coefficient of every parameter, by hub name."""


class Backend(Protocol):
    """The module of one framework."""

    NAME: str

    def setup(self, *, device: str = "cpu", threads: int = 1, seed: int = 0) -> str:
        """Select device (``auto``, ``cpu``, ``gpu``), threads, deterministic kernels; ``cpu`` or the GPU's name."""

    def versions(self) -> dict[str, str]: ...

    def arithmetic(self) -> dict[str, str]:
        """What decides how float32 is rounded and in which order it is summed, as the framework reports it."""

    def devices(self) -> list[Device]: ...
    def load_tokenizer(self, vocab: Path) -> Tokenizer: ...

    def load_model(self, checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Model:
        """Model from ``checkpoint/{model.safetensors,config.json}`` in the backend's own layout, strictly."""

    def make_trainer(
        self,
        model: Any,
        *,
        rules: Rules,
        settings: Training,
        total_steps: int,
        names: Collection[str] | None = None,
    ) -> Trainer:
        """Trainer of a model; ``total_steps`` is the length of the schedule, ``names`` the parameters it updates."""

    def loss_from_logits(self, start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The training loss of given logits (B, T) and positions (B,), by the framework's cross entropy."""

    def learning_rates(self, *, settings: Training, total_steps: int) -> np.ndarray:
        """Learning rate of steps 0 … total_steps by the framework's own scheduler, float64 (total_steps + 1,)."""

    def initialise(self, config: dict[str, Any], seed: int) -> Arrays:
        """Parameters as the framework's own initialiser draws them, hub names and orientation."""

    def declared_distributions(self, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """What ``initialise`` should follow, by hub name.

        ``{"kind": "normal", "mean", "std"}``, ``{"kind": "uniform", "low", "high"}`` or
        ``{"kind": "constant", "value"}``; rows listed under ``zero_rows`` are set to 0 afterwards.
        """

    def batches(self, arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
        """Batches by the framework's DataLoader, in the given order of row numbers; arrays (N, …) stay int64."""


def load(name: str) -> Backend:
    """Import one backend.

    Raises:
        InputError: no such backend.
    """
    if name not in BACKENDS:
        raise InputError(f"no backend {name!r}", next_step=f"choose one of: {', '.join(BACKENDS)}")
    return cast(Backend, importlib.import_module(f"repro.backends.{name}"))
