"""Stage ``convert``: the start weights of a run in each framework's layout.

Reads ``inputs.json`` and the checkpoint that it names; writes ``checkpoint/{init}/{backend}/``, one task per kind of
start weights: ``pretrained`` (as the profile says), ``random`` (the same geometry) or ``perturbed`` (pretrained, 1 ulp
off).
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from repro.checkpoint import (
    BACKEND_LAYOUTS,
    ModelConfig,
    check_config,
    check_finite,
    find_weights,
    read_checkpoint,
    read_config,
    seeded_weights,
    write_checkpoint,
)
from repro.checkpoint.recipe import Start, read_start
from repro.config.profile import BACKENDS, Profile
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.numerics.perturb import perturbed
from repro.results.inputs import read_inputs
from repro.stages.base import Stage
from repro.stages.locate import RECIPE

GEOMETRY = "weights.geometry"  # of the profile
PERTURBATION_SEED = 0
RANDOM_OFFSET = 1000  # random weights beside seeded ones need another seed than they


def run(stage: Stage) -> None:
    """Write the start weights in both layouts."""
    inputs = read_inputs(stage.run)
    ids = {f"{name}_token_id": index for name, index in inputs.tokenizer.ids.model_dump().items()}
    for init in stage.parts(stage.profile.inits()):
        with stage.task(init):
            arrays, config, reading = start_weights(inputs.weights.path, stage.profile, init)
            print(reading, flush=True)
            for backend in BACKENDS:  # steps read the hub layout whichever backend runs
                folder = stage.run.checkpoint(backend, init)
                write_checkpoint(folder, arrays, {**config, **ids}, inputs.vocab.path, BACKEND_LAYOUTS[backend])


def start_weights(path: Path | None, profile: Profile, init: str) -> tuple[Arrays, ModelConfig, str]:
    """Hub arrays (float32) and configuration of one kind of start weights, and in words how they came about.

    Args:
        path: the checkpoint; None where the weights are seeded.

    Raises:
        InputError: the checkpoint is unreadable, does not fit its configuration, or holds NaN or an infinity.
    """
    seed = profile.weights.seed
    if init == "perturbed":
        arrays, config, reading = start_weights(path, profile, "pretrained")
        return perturbed(arrays, PERTURBATION_SEED), config, f"{reading} Each of them 1 ulp off."
    if path is None:
        config = check_config(profile.weights.geometry or {}, GEOMETRY)
        seed = seed if init == "pretrained" else seed + RANDOM_OFFSET
        return seeded_weights(config, seed), config, f"Seeded weights, seed {seed}."
    if init == "random":
        config = read_config(path if path.is_dir() else path.parent)
        return random_weights(path, config, seed), config, f"Random weights of the same geometry, seed {seed}."
    arrays, config, _, conversion = read_checkpoint(path, seed, bin_reader(path))
    try:
        check_finite(arrays)
    except InputError as error:
        raise InputError(error.what, where=find_weights(path), next_step=error.next_step) from error
    return arrays, config, conversion.describe()


def random_weights(weights: Path, config: ModelConfig, seed: int) -> Arrays:
    """Weights as they were before the pretraining of a checkpoint, so that its gain is not the initialisation's."""
    return recipe_start(weights).applied(seeded_weights(config, seed))


def recipe_start(weights: Path) -> Start:
    """How the pretraining of a checkpoint changed its seeded weights; not at all where there is no recipe beside it."""
    recipe = (weights if weights.is_dir() else weights.parent) / RECIPE
    return read_start(recipe) if recipe.is_file() else Start()


def bin_reader(path: Path) -> Callable[[Path], Arrays] | None:
    """The safe reader of a PyTorch pickle where ``path`` holds one; None elsewhere, and PyTorch is not loaded."""
    if find_weights(path).suffix == ".safetensors":
        return None
    reader: Callable[[Path], Arrays] = importlib.import_module("repro.backends.pytorch.weights").read_weights
    return reader
