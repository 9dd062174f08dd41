"""The small run of the self-test: a generated corpus, seeded weights, features by the framework's tokeniser."""

from functools import lru_cache

import numpy as np

from repro.checkpoint import BACKEND_LAYOUTS, seeded_weights, write_checkpoint
from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.profile_file import load_profile, save_profile
from repro.context.data import RunData
from repro.data.corpus import write_corpus
from repro.data.features import Tokenizer, make_features
from repro.numerics.arrays import Arrays
from repro.results.inputs import DataInputs, InputFile, RunInputs, WeightsInputs
from repro.selftest.paths import PROFILE, VOCABULARY, SelftestPaths

FIRST_SEED = 42
DEV_QUESTIONS = 12
DEVIATION = 0.25


@lru_cache
def profile_of(seed: int) -> Profile:
    """The profile of the self-test with another corpus, other weights, rows and gradients for every seed from 0."""
    number = FIRST_SEED + seed
    changes = {"data.corpus_seed": seed, "weights.seed": number, "alignment.seed": number, "training.seeds": [number]}
    return load_profile(str(PROFILE), changes)


def start_weights(profile: Profile) -> Arrays:
    """Seeded weights, float32, with noise on biases and LayerNorms: leaving out a bias of 0 would change nothing."""
    arrays = seeded_weights(profile.weights.geometry or {}, profile.weights.seed)
    generator = np.random.Generator(np.random.PCG64(profile.weights.seed))
    vectors = {name: array for name, array in arrays.items() if array.ndim == 1}
    noise = {name: generator.normal(0, DEVIATION, array.shape).astype(array.dtype) for name, array in vectors.items()}
    return arrays | {name: array + noise[name] for name, array in vectors.items()}


def write_features(run: RunPaths, profile: Profile, backend: str, tokenizer: Tokenizer) -> None:
    """``features/{backend}/{split}.npz`` of every split by this tokeniser."""
    data = RunData(run, profile, backend)
    for split in profile.splits():
        training = split != "dev"
        examples = data.examples(split, training=training)
        features = make_features(examples, tokenizer, **profile.features.model_dump(), training=training)
        features.save(run.features(backend, split))


def prepare_clean(paths: SelftestPaths, seed: int) -> None:
    """Write what both frameworks share of a run without a fault: corpus, ``inputs.json``, start weights, profile."""
    run, profile = paths.clean(seed), profile_of(seed)
    size, number = profile.alignment.size, profile.alignment.seed
    write_corpus(run.data, seed=profile.data.corpus_seed, sizes=[size], seeds=[number], dev_questions=DEV_QUESTIONS)
    names = {"dev": profile.data.dev, f"train-{size}-{number}": profile.data.train.format(size=size, seed=number)}
    data = DataInputs(files={split: InputFile.of(run.data / name) for split, name in names.items()})
    RunInputs(data=data, vocab=InputFile.of(VOCABULARY), weights=WeightsInputs()).write(run.inputs)
    arrays, geometry = start_weights(profile), dict(profile.weights.geometry or {})
    for backend, layout in BACKEND_LAYOUTS.items():
        write_checkpoint(run.checkpoint(backend), arrays, geometry, VOCABULARY, layout)
    save_profile(run, profile)
