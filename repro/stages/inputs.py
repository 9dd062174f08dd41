"""Stage ``inputs``: data, vocabulary and start weights of a run, each file with its sha256.

Generates or fetches what is missing, and reads every file as the later stages will, before the first framework loads.
Writes ``inputs.json`` (``repro.results.inputs.RunInputs``) and, where the profile generates its data, ``data/``.
"""

from collections.abc import Mapping
from pathlib import Path

from repro.checkpoint import check_config
from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.data.corpus import write_corpus
from repro.data.vocabulary import read_vocabulary
from repro.errors import InputError
from repro.fetch import FEW_SHOT, WEIGHTS, fetch_cached
from repro.fetch.verify import git_blob_id, recorded_sha256
from repro.results.inputs import NOT_VERIFIED, DataInputs, InputFile, RunInputs, WeightsInputs
from repro.stages.base import Stage
from repro.stages.checks import casing_remark, check_memory, check_sums, check_vocabulary, count, remarks, same_files
from repro.stages.convert import GEOMETRY, recipe_start, start_weights
from repro.stages.locate import (
    check_inputs,
    data_directory,
    is_generated,
    shortened,
    split_file,
    split_paths,
    vocab_path,
    weights_files,
    weights_path,
)


def run(stage: Stage) -> None:
    """Resolve the inputs of the run."""
    with stage.task():
        resolve_inputs(stage.run, stage.profile, stage.mirror)


def resolve_inputs(run: RunPaths, profile: Profile, mirror: str | None = None) -> None:
    """Generate or fetch what is missing, read and check every file, write ``inputs.json``.

    Args:
        mirror: address that stands in for the original hosts (profiles that fetch).

    Raises:
        InputError: a file or folder is missing, a fetched file holds other bytes than pinned, or what a file holds
            cannot be used.
        EnvironmentFault: a download failed.
    """
    check_inputs(run, profile)
    weights = weights_path(profile)
    if is_generated(profile):
        write_corpus(run.data, seed=profile.data.corpus_seed)
    directory = data_directory(run, profile) or _fetched_data(profile, mirror)
    if weights is None and profile.weights.source == "fetched":
        weights = fetch_cached("weights", WEIGHTS, mirror=mirror)
    vocabulary = read_vocabulary(vocab_path(profile, weights))
    checkpoint: dict[str, InputFile] = {}
    if weights is not None:
        checkpoint = {path.name: InputFile.of(path) for path in weights_files(weights)}
        check_sums(weights, {name: file.sha256 for name, file in checkpoint.items()})
        recipe_start(weights)
        _, config, reading = start_weights(weights, profile, "pretrained")
    else:
        config, reading = check_config(profile.weights.geometry or {}, GEOMETRY), ""
        check_memory(profile)
    print(reading, flush=True)
    paths = split_paths(profile, directory)
    counts = {split: count(split, path, vocabulary, profile) for split, path in paths.items()}
    warnings = casing_remark(vocabulary)
    warnings += [sentence for split, path in paths.items() for sentence in remarks(split, path, counts[split])]
    files = {split: InputFile.of(path) for split, path in paths.items()}
    warnings += same_files(files)
    published = are_published(profile, checkpoint)
    if not published and profile.weights.source == "fetched":
        warnings.append(NOT_VERIFIED)
    for sentence in warnings:
        print(f"warning: {sentence}", flush=True)
    RunInputs(
        data=DataInputs(
            source=profile.data.source if profile.data.directory is None else "path",
            directory=directory,
            files=files,
            published=all(map(is_published, paths.values())),
            counts=counts,
        ),
        vocab=InputFile.of(vocabulary.path),
        tokenizer=check_vocabulary(vocabulary, weights, config, profile),
        weights=WeightsInputs(
            source=profile.weights.source if profile.weights.path is None else "path",
            path=weights,
            reading=reading,
            published=published,
            files=checkpoint,
        ),
        warnings=tuple(warnings),
    ).write(run.inputs)


def are_published(profile: Profile, checkpoint: Mapping[str, InputFile]) -> bool:
    """Whether the start weights are known to be the published ones: fetched, or byte for byte the ones fetched once."""
    if profile.weights.path is None:
        return profile.weights.source == "fetched"
    recorded = recorded_sha256(WEIGHTS[-1])
    return recorded is not None and any(file.sha256 == recorded for file in checkpoint.values())


def is_published(path: Path) -> bool:
    """Whether a few-shot file is the pinned one of its name."""
    return any(pin.name == path.name and pin.blob == git_blob_id(path) for pin in FEW_SHOT)


def _fetched_data(profile: Profile, mirror: str | None) -> Path:
    pins = {pin.name: pin for pin in FEW_SHOT}
    names = [split_file(profile, split) for split in profile.splits()]
    if unknown := [name for name in names if name not in pins]:
        raise InputError(f"no pinned address of {shortened(unknown)}", next_step="bring the files yourself: --data DIR")
    return fetch_cached("few-shot", [pins[name] for name in names], mirror=mirror)
