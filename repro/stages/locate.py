"""Where the files of a profile lie, before anything is fetched: for the checks before the first job, and for keys."""

from pathlib import Path

from repro.checkpoint.files import CONFIG_FILES, VOCAB, find_weights, kind_of
from repro.config.paths import CHECKPOINTS, RunPaths, expand
from repro.config.profile import Profile
from repro.data.vocabulary import TOKENIZER_CONFIG
from repro.errors import InputError

RECIPE = "recipe.yaml"
_NAMES = "--data DIR; file names are data.train and data.dev of the profile (repro profiles)"


def split_file(profile: Profile, split: str) -> str:
    """File name of a split: ``dev`` or ``train-{size}-{seed}``."""
    if split == "dev":
        return profile.data.dev
    _, size, seed = split.split("-")
    return profile.data.train.format(size=size, seed=seed)


def is_generated(profile: Profile) -> bool:
    """Whether the run generates its few-shot files itself."""
    return profile.data.directory is None and profile.data.source == "generated"


def data_directory(run: RunPaths, profile: Profile) -> Path | None:
    """Folder of the few-shot files; None where they have to be fetched first."""
    if profile.data.directory is not None:
        return expand(profile.data.directory)
    if is_generated(profile):
        return run.data.resolve()
    if profile.data.source == "path":
        what = "this profile needs a folder of few-shot files"
        raise InputError(what, where="data.directory", next_step="--data DIR")
    return None


def weights_path(profile: Profile) -> Path | None:
    """Checkpoint that is on disk already; None where weights are seeded or have to be fetched first."""
    if (named := profile.weights.path) is not None:
        path, shipped = expand(named), CHECKPOINTS.parent / named
        return shipped if shipped.exists() and not path.exists() else path
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
        path = expand(profile.weights.vocab)
    elif weights is not None:
        path = (weights if weights.is_dir() else weights.parent) / VOCAB
    else:
        raise InputError("this profile needs a vocabulary", where="weights.vocab", next_step="--vocab FILE")
    if not path.is_file():
        what = "no vocabulary file"
        if path.with_name("tokenizer.json").is_file():
            what += "; the tokenizer.json beside it is not read"
        raise InputError(what, where=path, next_step="--vocab FILE (a vocab.txt, one word piece a line)")
    return path


def vocab_files(profile: Profile, weights: Path | None) -> list[Path]:
    """The vocabulary, if it is on disk already, and the configuration of its tokeniser, if there is any."""
    if weights is None and profile.weights.vocab is None:
        return []
    path = vocab_path(profile, weights)
    return [file for file in (path, path.with_name(TOKENIZER_CONFIG)) if file.is_file()]


def weights_files(path: Path) -> list[Path]:
    """The files that make up a checkpoint: weights, then configurations and, if it was pretrained here, the recipe."""
    weights = find_weights(path)
    names = (*CONFIG_FILES, TOKENIZER_CONFIG, RECIPE)
    return [weights, *(weights.parent / name for name in names if (weights.parent / name).is_file())]


def evidence_directory(profile: Profile) -> Path | None:
    """Folder of the published files that is on disk already; None where there is none or it has to be fetched.

    Raises:
        InputError: the profile names a folder that is not there.
    """
    directory = profile.evidence.directory
    if directory is None:
        return None
    if not (directory := expand(directory)).is_dir():
        raise InputError("no such folder of published files", where=directory, next_step="--evidence DIR")
    return directory


def split_paths(profile: Profile, directory: Path) -> dict[str, Path]:
    """Path of every split that the profile's steps need.

    Raises:
        InputError: a file is missing, empty or none; says what is missing and what is there.
    """
    paths = {split: directory / split_file(profile, split) for split in profile.splits()}
    if directory.is_file():
        raise InputError("this is a file, not the folder of the few-shot files", where=directory, next_step=_NAMES)
    missing = [path.name for path in paths.values() if not path.exists() and not path.is_symlink()]
    if missing:
        present = shortened(sorted(p.name for p in directory.iterdir())) if directory.is_dir() else "no such folder"
        what = f"{len(missing)} of {len(paths)} few-shot files are missing: {shortened(missing)}\n"
        raise InputError(f"{what}  there is: {present or 'nothing'}", where=directory, next_step=_NAMES)
    for path in paths.values():
        if not path.is_file():
            what = f"this is no file but {kind_of(path)}"
            raise InputError(what, where=path, next_step="put the few-shot file in its place")
    for path in paths.values():
        if not path.stat().st_size:
            raise InputError("few-shot file is empty", where=path)
    return paths


def shortened(names: list[str], limit: int = 6) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def check_inputs(run: RunPaths, profile: Profile) -> None:
    """Before any job: whatever has to be on disk already is there.

    Raises:
        InputError: it is not.
    """
    try:
        _check_inputs(run, profile)
    except PermissionError as error:
        what = "this user may not look into a folder on the way to this file"
        raise InputError(what, where=error.filename, next_step="chmod, or run as its owner") from error


def _check_inputs(run: RunPaths, profile: Profile) -> None:
    directory, weights = data_directory(run, profile), weights_path(profile)
    evidence_directory(profile)
    if (notes := profile.evidence.notes) is not None and not expand(notes).is_file():
        raise InputError("no such file of alignment notes", where=notes, next_step="--notes FILE")
    if directory is not None and not is_generated(profile):
        split_paths(profile, directory)
    if weights is not None:
        weights_files(weights)
    if weights is not None or profile.weights.source != "fetched":
        vocab_path(profile, weights)
