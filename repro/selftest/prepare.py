"""The small run of the self-test: a generated corpus, seeded weights, features by the backend's own tokeniser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from repro.backends import Arrays, load
from repro.checkpoint import BACKEND_LAYOUTS, seeded_weights, write_checkpoint
from repro.data.corpus import write_corpus
from repro.data.features import Tokenizer, make_features
from repro.paths import RunPaths, atomic_json, sha256_file
from repro.profile import Profile, load_profile, save_profile
from repro.selftest.layout import PROFILE, VOCABULARY, alone, finish, is_finished
from repro.steps.context import Inputs

FIRST_SEED = 42
DEV_QUESTIONS = 12
SCATTER = 0.25


def profile_of(seed: int) -> Profile:
    """The profile of the self-test with another corpus, other weights, rows and gradients for every seed from 0."""
    number = FIRST_SEED + seed
    own = {"data.corpus_seed": seed, "weights.seed": number, "alignment.seed": number, "training.seeds": [number]}
    return load_profile(str(PROFILE), own)


def start_weights(profile: Profile) -> Arrays:
    """Seeded weights with scattered biases and LayerNorms: a bias of 0 that is left out would make no difference."""
    arrays = seeded_weights(profile.weights.geometry or {}, profile.weights.seed)
    generator = np.random.Generator(np.random.PCG64(profile.weights.seed))
    vectors = {name: array for name, array in arrays.items() if array.ndim == 1}
    noise = {name: generator.normal(0, SCATTER, array.shape).astype(array.dtype) for name, array in vectors.items()}
    return arrays | {name: array + noise[name] for name, array in vectors.items()}


def write_features(run: RunPaths, profile: Profile, backend: str, tokenizer: Tokenizer) -> None:
    """``features/{backend}/{split}.npz`` of every split by a given tokeniser."""
    inputs = Inputs(run, profile, backend)
    for split in profile.splits():
        training = split != "dev"
        examples = inputs.examples(split, training=training)
        made = make_features(examples, tokenizer, **profile.features.model_dump(), training=training)
        made.save(run.features(backend, split))


def _entry(path: Path) -> dict[str, Any]:
    return {"path": str(path), "sha256": sha256_file(path)}


def _share(run: RunPaths, profile: Profile) -> None:
    """Corpus, ``inputs.json``, start weights in both layouts, profile."""
    size, number = profile.alignment.size, profile.alignment.seed
    write_corpus(run.data, seed=profile.data.corpus_seed, sizes=[size], seeds=[number], dev_questions=DEV_QUESTIONS)
    files = {"dev": profile.data.dev, f"train-{size}-{number}": profile.data.train.format(size=size, seed=number)}
    data = {"files": {split: _entry(run.data / name) for split, name in files.items()}}
    atomic_json(run.inputs, {"data": data, "vocab": _entry(VOCABULARY), "weights": {"path": None, "files": {}}})
    arrays, geometry = start_weights(profile), dict(profile.weights.geometry or {})
    for backend, layout in BACKEND_LAYOUTS.items():
        write_checkpoint(run.checkpoint(backend), arrays, geometry, VOCABULARY, layout)
    save_profile(run, profile)


def prepare(run: RunPaths, backend: str, seed: int) -> Profile:
    """Write all that a capture with one backend reads; what both backends share is written by the first of them."""
    profile, shared = profile_of(seed), run.root / "prepared.json"
    with alone(run):
        if not is_finished(shared):
            _share(run, profile)
            finish(shared)
    write_features(run, profile, backend, load(backend).load_tokenizer(VOCABULARY))
    return profile
