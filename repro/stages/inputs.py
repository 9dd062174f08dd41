"""Stage ``inputs``: data, vocabulary and start weights of a run, each file with its sha256.

Generates or fetches what is missing; writes ``inputs.json`` (``repro.results.inputs.RunInputs``) and, where the profile
generates its data, ``data/``.
"""

from pathlib import Path

from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import Profile
from repro.data.corpus import write_corpus
from repro.errors import InputError
from repro.fetch import FEW_SHOT, WEIGHTS, fetch_cached
from repro.results.inputs import DataInputs, InputFile, RunInputs, WeightsInputs
from repro.stages.base import Stage
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

SUMS = "SHA256SUMS"


def run(stage: Stage) -> None:
    """Resolve the inputs of the run."""
    with stage.task():
        resolve_inputs(stage.run, stage.profile, stage.mirror)


def resolve_inputs(run: RunPaths, profile: Profile, mirror: str | None = None) -> None:
    """Generate or fetch what is missing, check that every file is there, write ``inputs.json``.

    Args:
        mirror: address that stands in for the original hosts (profiles that fetch).

    Raises:
        InputError: a file or folder is missing, or a fetched file holds other bytes than pinned.
        EnvironmentFault: a download failed.
    """
    check_inputs(run, profile)
    weights = weights_path(profile)
    if weights is not None:
        check_sums(weights)
    if is_generated(profile):
        write_corpus(run.data, seed=profile.data.corpus_seed)
    directory = data_directory(run, profile) or _fetched_data(profile, mirror)
    if weights is None and profile.weights.source == "fetched":
        weights = fetch_cached("weights", WEIGHTS, mirror=mirror)
    source = profile.data.source if profile.data.directory is None else "path"
    files = {split: InputFile.of(path) for split, path in split_paths(profile, directory).items()}
    weights_source = profile.weights.source if profile.weights.path is None else "path"
    checkpoint = {path.name: InputFile.of(path) for path in weights_files(weights)} if weights else {}
    RunInputs(
        data=DataInputs(source=source, directory=directory, files=files),
        vocab=InputFile.of(vocab_path(profile, weights)),
        weights=WeightsInputs(source=weights_source, path=weights, files=checkpoint),
    ).write(run.inputs)


def check_sums(path: Path) -> None:
    """Compare the files of a checkpoint with the ``SHA256SUMS`` beside them, if it came with any.

    Raises:
        InputError: a listed file is missing or is not the one that was listed.
    """
    folder = path if path.is_dir() else path.parent
    if not (folder / SUMS).is_file():
        return
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        file = folder / name
        if not file.is_file() or sha256_file(file) != digest:
            next_step = f"restore it (git checkout -- {folder.name}), or remove {SUMS} if you changed it on purpose"
            raise InputError(f"{name} is not the file that {SUMS} lists", where=folder, next_step=next_step)


def _fetched_data(profile: Profile, mirror: str | None) -> Path:
    pins = {pin.name: pin for pin in FEW_SHOT}
    names = [split_file(profile, split) for split in profile.splits()]
    if unknown := [name for name in names if name not in pins]:
        raise InputError(f"no pinned address of {shortened(unknown)}", next_step="bring the files yourself: --data DIR")
    return fetch_cached("few-shot", [pins[name] for name in names], mirror=mirror)
