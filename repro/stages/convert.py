"""Stage ``convert``: the start weights of a run in each framework's layout.

Reads ``inputs.json`` and the checkpoint that it names; writes ``checkpoint/{init}/{backend}/``, one task per kind of
start weights: ``pretrained`` (as the profile says) or ``random`` (the same geometry).
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from repro.checkpoint import (
    BACKEND_LAYOUTS,
    ModelConfig,
    check_config,
    find_weights,
    read_checkpoint,
    seeded_weights,
    write_checkpoint,
)
from repro.checkpoint.recipe import read_start
from repro.config.profile import BACKENDS, Profile
from repro.numerics.arrays import Arrays
from repro.results.inputs import RunInputs, read_inputs
from repro.stages.base import Stage
from repro.stages.locate import RECIPE

RANDOM_OFFSET = 1000  # random weights beside seeded ones need another seed than they


def run(stage: Stage) -> None:
    """Write the start weights in both layouts."""
    inputs = read_inputs(stage.run)
    for init in stage.parts(stage.profile.inits()):
        with stage.task(init):
            arrays, config = start_weights(inputs, stage.profile, init)
            for backend in BACKENDS:  # steps read the hub layout whichever backend runs
                folder = stage.run.checkpoint(backend, init)
                write_checkpoint(folder, arrays, config, inputs.vocab.path, BACKEND_LAYOUTS[backend])


def start_weights(inputs: RunInputs, profile: Profile, init: str) -> tuple[Arrays, ModelConfig]:
    """Hub arrays (float32) and configuration of ``pretrained`` or ``random`` weights.

    Raises:
        InputError: the checkpoint is unreadable or does not fit its configuration.
    """
    path, seed = inputs.weights.path, profile.weights.seed
    if path is None:
        config = check_config(profile.weights.geometry or {})
        return seeded_weights(config, seed if init == "pretrained" else seed + RANDOM_OFFSET), config
    arrays, config, _, conversion = read_checkpoint(path, seed, bin_reader(path))
    if init == "random":
        return random_weights(path, config, seed), config
    print(conversion.describe())
    return arrays, config


def random_weights(weights: Path, config: ModelConfig, seed: int) -> Arrays:
    """Weights as they were before the pretraining of a checkpoint, so that its gain is not the initialisation's."""
    arrays = seeded_weights(config, seed)
    recipe = (weights if weights.is_dir() else weights.parent) / RECIPE
    return read_start(recipe).applied(arrays) if recipe.is_file() else arrays


def bin_reader(path: Path) -> Callable[[Path], Arrays] | None:
    """The safe reader of a PyTorch pickle where ``path`` holds one; None elsewhere, and PyTorch is not loaded."""
    if find_weights(path).suffix == ".safetensors":
        return None
    reader: Callable[[Path], Arrays] = importlib.import_module("repro.backends.pytorch.weights").read_weights
    return reader
