"""Box ``inputs``: where data, vocabulary and start weights of a run are, each file with its sha256.

``inputs.json``::

    {"data": {"source", "directory", "files": {split: {"path", "sha256", "bytes"}}},
     "vocab": {"path", "sha256", "bytes"},
     "weights": {"source", "path" or null, "files": {name: {"path", "sha256", "bytes"}}}}

``split`` is ``dev`` or ``train-{size}-{seed}``. Seeded weights have no path and no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.checkpoint.files import CONFIG_FILES, VOCAB, find_weights
from repro.data.corpus import write_corpus
from repro.errors import InputError
from repro.fetch import FEW_SHOT, WEIGHTS, cache_dir, fetch
from repro.paths import CHECKPOINTS, RunPaths, atomic_json, read_json, sha256_file
from repro.profile import Profile

RECIPE = "recipe.yaml"
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Inputs:
    """Resolved inputs of a run; all paths absolute. ``weights`` is a folder or file, None for seeded weights."""

    data: Path
    splits: dict[str, Path]
    vocab: Path
    weights: Path | None


def split_file(profile: Profile, split: str) -> str:
    """File name of a split: ``dev`` or ``train-{size}-{seed}``."""
    if split == "dev":
        return profile.data.dev
    _, size, seed = split.split("-")
    return profile.data.train.format(size=size, seed=seed)


def load_inputs(run: RunPaths) -> Inputs:
    """What the box ``inputs`` found.

    Raises:
        InputError: the box has not run.
    """
    if not run.inputs.is_file():
        raise InputError(
            "the inputs of this run are not resolved yet", where=run.inputs, next_step="repro inputs --run DIR"
        )
    found = read_json(run.inputs)
    weights = found["weights"]["path"]
    return Inputs(
        data=Path(found["data"]["directory"]),
        splits={name: Path(entry["path"]) for name, entry in found["data"]["files"].items()},
        vocab=Path(found["vocab"]["path"]),
        weights=Path(weights) if weights else None,
    )


def data_directory(run: RunPaths, profile: Profile) -> Path | None:
    """Folder of the few-shot files before any fetching: None where they have to be fetched first."""
    if profile.data.directory is not None:
        return profile.data.directory.expanduser().resolve()
    if profile.data.source == "generated":
        return run.data.resolve()
    if profile.data.source == "path":
        raise InputError(
            "this profile needs a folder of few-shot files", where="data.directory", next_step="--data DIR"
        )
    return None


def weights_path(profile: Profile) -> Path | None:
    """Checkpoint that is on disk already: None where weights are seeded or have to be fetched first."""
    if profile.weights.path is not None:
        path = profile.weights.path.expanduser()
        return (path if path.is_absolute() or path.exists() else CHECKPOINTS.parent / path).resolve()
    if profile.weights.source == "shipped":
        return CHECKPOINTS / profile.name
    if profile.weights.source == "path":
        raise InputError("this profile needs start weights", where="weights.path", next_step="--weights PATH")
    return None


def vocab_path(profile: Profile, weights: Path | None) -> Path:
    """``vocab.txt`` named in the profile, or the one beside the weights.

    Raises:
        InputError: neither is there.
    """
    if profile.weights.vocab is not None:
        path = profile.weights.vocab.expanduser().resolve()
    elif weights is not None:
        path = (weights if weights.is_dir() else weights.parent) / VOCAB
    else:
        raise InputError("this profile needs a vocabulary", where="weights.vocab", next_step="--vocab FILE")
    if not path.is_file():
        raise InputError("no vocabulary file", where=path, next_step="--vocab FILE")
    return path


def weights_files(path: Path) -> list[Path]:
    """The files that make up a checkpoint: weights, then configuration and, if it was pretrained here, the recipe."""
    weights = find_weights(path)
    return [weights, *(weights.parent / name for name in (*CONFIG_FILES, RECIPE) if (weights.parent / name).is_file())]


def check_sums(path: Path) -> None:
    """Hold the files of a checkpoint against the ``SHA256SUMS`` beside them, if it came with any.

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
            raise InputError(
                f"{name} is not the file that {SUMS} lists",
                where=folder,
                next_step=f"restore it (git checkout -- {folder.name}), or remove {SUMS} if you changed it on purpose",
            )


def split_paths(profile: Profile, directory: Path) -> dict[str, Path]:
    """Path of every split that the profile's steps need.

    Raises:
        InputError: a file is missing or empty; says what is missing and what is there.
    """
    paths = {split: directory / split_file(profile, split) for split in profile.splits()}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        there = _some(sorted(p.name for p in directory.iterdir())) if directory.is_dir() else "no such folder"
        raise InputError(
            f"{len(missing)} of {len(paths)} few-shot files are missing: {_some(missing)}\n"
            f"  there is: {there or 'nothing'}",
            where=directory,
            next_step="--data DIR; file names are data.train and data.dev of the profile (repro profiles)",
        )
    for path in paths.values():
        if not path.stat().st_size:
            raise InputError("few-shot file is empty", where=path)
    return paths


def _some(names: list[str], limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _entry(path: Path) -> dict[str, Any]:
    return {"path": str(path), "sha256": sha256_file(path), "bytes": path.stat().st_size}


def _fetched_data(profile: Profile, mirror: str | None) -> Path:
    pins = {pin.name: pin for pin in FEW_SHOT}
    wanted = [split_file(profile, split) for split in profile.splits()]
    if unknown := [name for name in wanted if name not in pins]:
        raise InputError(f"no pinned address of {_some(unknown)}", next_step="bring the files yourself: --data DIR")
    folder = cache_dir() / "few-shot" / FEW_SHOT[0].revision
    fetch([pins[name] for name in wanted], folder, mirror=mirror)
    return folder


def _fetched_weights(mirror: str | None) -> Path:
    folder = cache_dir() / "weights" / WEIGHTS[0].revision
    fetch(WEIGHTS, folder, mirror=mirror)
    return folder


def evidence_directory(profile: Profile) -> Path | None:
    """Folder of the published files that is on disk already; None where there is none or it has to be fetched.

    Raises:
        InputError: the profile names a folder that is not there.
    """
    directory = profile.evidence.directory
    if directory is None:
        return None
    if not (directory := directory.expanduser().resolve()).is_dir():
        raise InputError("no such folder of published files", where=directory, next_step="--evidence DIR")
    return directory


def check_inputs(run: RunPaths, profile: Profile) -> None:
    """Before anything is started: whatever has to be on disk already is there.

    Raises:
        InputError: it is not.
    """
    directory, weights = data_directory(run, profile), weights_path(profile)
    evidence_directory(profile)
    if directory is not None and directory != run.data.resolve():
        split_paths(profile, directory)
    if weights is not None:
        weights_files(weights)
    if weights is not None or profile.weights.source != "fetched":
        vocab_path(profile, weights)


def resolve_inputs(run: RunPaths, profile: Profile, mirror: str | None = None) -> None:
    """Generate or fetch what is missing, check that every file is there, write ``inputs.json``.

    Args:
        mirror: address that stands in for the original hosts (profiles that fetch).

    Raises:
        InputError: a file or folder is missing, or a fetched file holds other bytes than pinned.
        EnvironmentFault: a download failed.
    """
    check_inputs(run, profile)
    directory, weights = data_directory(run, profile), weights_path(profile)
    if weights is not None:
        check_sums(weights)
    generated = directory is not None and directory == run.data.resolve()
    if generated:
        write_corpus(run.data, seed=profile.data.corpus_seed)
    directory = directory or _fetched_data(profile, mirror)
    if weights is None and profile.weights.source == "fetched":
        weights = _fetched_weights(mirror)
    atomic_json(
        run.inputs,
        {
            "data": {
                "source": profile.data.source if generated or profile.data.directory is None else "path",
                "directory": str(directory),
                "files": {split: _entry(path) for split, path in split_paths(profile, directory).items()},
            },
            "vocab": _entry(vocab_path(profile, weights)),
            "weights": {
                "source": profile.weights.source if profile.weights.path is None else "path",
                "path": str(weights) if weights else None,
                "files": {path.name: _entry(path) for path in weights_files(weights)} if weights else {},
            },
        },
    )
