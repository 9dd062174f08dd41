"""Box ``convert-run``: the start weights of a run in each framework's layout."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from repro.checkpoint import BACKEND_LAYOUTS, find_weights, read_checkpoint, seeded_weights, write_checkpoint
from repro.data.pretraining import read_recipe
from repro.paths import RunPaths
from repro.profile import BACKENDS, Profile
from repro.workflow.inputs import RECIPE, load_inputs

RANDOM_OFFSET = 1000  # a random twin of seeded weights needs another seed than they


def bin_reader(path: Path) -> Any:
    """The safe reader of a PyTorch pickle where ``path`` holds one; None elsewhere, and PyTorch is not loaded."""
    if find_weights(path).suffix == ".safetensors":
        return None
    return importlib.import_module("repro.backends.pytorch.weights").read_weights


def random_twin(weights: Path, config: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Weights as the pretraining of a checkpoint found them, so that its gain is not the initialisation's."""
    arrays = seeded_weights(config, seed)
    recipe = (weights if weights.is_dir() else weights.parent) / RECIPE
    return read_recipe(recipe).start.applied(arrays) if recipe.is_file() else arrays


def start_weights(run: RunPaths, profile: Profile, init: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Hub arrays and configuration of ``pretrained`` (as the profile says) or ``random`` weights (same geometry).

    Raises:
        InputError: the checkpoint is unreadable or does not fit its configuration.
    """
    inputs, seed = load_inputs(run), profile.weights.seed
    if inputs.weights is None:
        config: dict[str, Any] = dict(profile.weights.geometry or {})
        return seeded_weights(config, seed if init == "pretrained" else seed + RANDOM_OFFSET), config
    arrays, config, _, conversion = read_checkpoint(inputs.weights, seed, bin_reader(inputs.weights))
    if init == "random":
        return random_twin(inputs.weights, config, seed), config
    print(conversion.describe())
    return arrays, config


def write_start_weights(run: RunPaths, profile: Profile, init: str) -> None:
    """Write ``checkpoint/{init}/{backend}/`` for both backends: steps read the hub layout whichever one runs."""
    arrays, config = start_weights(run, profile, init)
    for backend in BACKENDS:
        write_checkpoint(
            run.checkpoint(backend, init), arrays, config, load_inputs(run).vocab, BACKEND_LAYOUTS[backend]
        )
