"""What the stage ``inputs`` checks in files that it has found, so that no later stage fails on them."""

import re
from collections.abc import Mapping
from pathlib import Path

from repro.checkpoint import ModelConfig, config_file, stated_config
from repro.config.paths import sha256_file
from repro.config.profile import Profile
from repro.data.counts import count_split
from repro.data.mrqa import read_examples
from repro.data.vocabulary import TOKENIZER_CONFIG, Vocabulary
from repro.errors import EnvironmentFault, InputError
from repro.machine.memory import memory_limit
from repro.machine.needs import GIB, needs
from repro.results.inputs import InputFile, SplitCounts, TokenizerInputs
from repro.stages.convert import GEOMETRY

SUMS = "SHA256SUMS"
MANY_UNKNOWN = 0.01  # of a split's word pieces
_SUM = re.compile(r"(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+)")


def check_vocabulary(
    vocabulary: Vocabulary, weights: Path | None, config: ModelConfig, profile: Profile
) -> TokenizerInputs:
    """The vocabulary, compared with the configuration of the weights and with the profile.

    Raises:
        InputError: they do not fit each other.
    """
    folder = None if weights is None else weights if weights.is_dir() else weights.parent
    stated: Mapping[str, object] = (profile.weights.geometry or {}) if folder is None else stated_config(folder)
    where = GEOMETRY if folder is None else config_file(folder)
    if len(vocabulary.tokens) > config["vocab_size"]:
        what = f"vocabulary has {len(vocabulary.tokens)} entries, the model {config['vocab_size']} word embeddings"
        raise InputError(what, where=vocabulary.path, next_step="does it belong to these weights?")
    if config["max_position_embeddings"] < profile.features.max_seq_length:
        what = (
            f"the model has {config['max_position_embeddings']} positions, a window {profile.features.max_seq_length}"
        )
        raise InputError(what, where=where, next_step="shorter windows: --set features.max_seq_length=N")
    if config["type_vocab_size"] < 2 and any(rules.segment_ids for rules in profile.all_rules()):
        what = f"the model has {config['type_vocab_size']} kind of segments, the published program's rules need 2"
        raise InputError(what, where=where, next_step="--protocol paper, without the deviation segment-ids")
    return TokenizerInputs(
        ids=vocabulary.special_ids({**stated, "vocab_size": config["vocab_size"]}, where),
        lower_case=vocabulary.lower_case,
        strip_accents=vocabulary.strip_accents,
    )


def count(split: str, path: Path, vocabulary: Vocabulary, profile: Profile) -> SplitCounts:
    """What a few-shot file comes to.

    Raises:
        InputError: it cannot be read, or nothing is left of it to train on or to evaluate.
    """
    training = split != "dev"
    examples = read_examples(path, training=training)
    counts = count_split(examples, vocabulary, **profile.features.model_dump(), training=training)
    if not counts.windows:
        why = "in none is the answer at its stated place" if training else "no context has anything to tokenise"
        raise InputError(f"none of the {counts.examples} questions can be used: {why}", where=path)
    batches = (counts.windows, profile.training.batch_size, profile.alignment.batch_size)
    if training and 1 in batches and any(rules.skip_batches_of_one for rules in profile.all_rules()):
        what = "every batch of this file would hold one window, and the published program leaves such batches out"
        next_step = "--protocol paper, without the deviation batches-of-one; more examples; or larger batches"
        raise InputError(what, where=path, next_step=next_step)
    return counts


def check_memory(profile: Profile) -> None:
    """Refuse seeded weights for which this machine has no room.

    Raises:
        EnvironmentFault: one job of the run would need more memory than there is.
    """
    needed, there = needs(profile).memory, memory_limit()
    if needed > there:
        what = f"a job of this geometry takes {needed / GIB:.1f} GiB of memory, there are {there / GIB:.1f}"
        raise EnvironmentFault(what, where=GEOMETRY, next_step="a larger machine, or a smaller model")


def casing_remark(vocabulary: Vocabulary) -> list[str]:
    """A sentence, if text is put into lower case for a vocabulary with capital letters."""
    capitals = sum(token != token.lower() for token in vocabulary.tokens if not token.startswith("["))
    if not (vocabulary.lower_case and capitals):
        return []
    file = TOKENIZER_CONFIG
    return [f"{file} puts text into lower case, but {capitals} entries of the vocabulary hold capital letters."]


def same_files(files: Mapping[str, InputFile]) -> list[str]:
    """A sentence for each group of splits that hold the same bytes: results on them are no independent ones."""
    by_content: dict[str, list[str]] = {}
    for split, file in files.items():
        by_content.setdefault(file.sha256, []).append(split)
    same = [", ".join(splits) for splits in by_content.values() if len(splits) > 1]
    return [f"The files of {splits} hold the same bytes: each counts as a file of its own." for splits in same]


def remarks(split: str, path: Path, counts: SplitCounts) -> list[str]:
    """What a reader should know of a file, in sentences."""
    sentences = []
    size = split.split("-")[1] if split != "dev" else str(counts.examples)
    if counts.examples != int(size):
        sentences.append(f"{path.name}: it holds {counts.examples} examples, and stands for {size} in every table.")
    if counts.skipped:
        why = "there is nothing to tokenise" if split == "dev" else "the answer is not at its stated place"
        sentences.append(f"{path.name}: {counts.skipped} of {counts.examples} examples are left out, since {why}.")
    if counts.unknown > MANY_UNKNOWN * counts.tokens:
        share = f"{counts.unknown} of {counts.tokens} word pieces ({counts.unknown / counts.tokens:.1%})"
        sentences.append(f"{path.name}: {share} are [UNK]. Does the vocabulary, with its casing, fit this text?")
    return sentences


def check_sums(path: Path, known: Mapping[str, str] | None = None) -> None:
    """Compare the files of a checkpoint with the ``SHA256SUMS`` beside them, if it came with any.

    Args:
        known: sha256 of files of the folder, by name, that need not be hashed again.

    Raises:
        InputError: a listed file is missing or is not the one that was listed, or a line lists none.
    """
    folder = path if path.is_dir() else path.parent
    sums = folder / SUMS
    if not sums.is_file():
        return
    for number, line in enumerate(sums.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        entry = _SUM.fullmatch(line)
        if entry is None:
            raise InputError("this is no line of sha256sum", where=f"{sums}, line {number}", next_step=f"remove {SUMS}")
        name = entry["name"].removeprefix("./")
        digest = (known or {}).get(name) or _sha256(folder / name)
        if digest != entry["digest"].lower():
            next_step = f"restore it (git checkout -- {folder.name}), or remove {SUMS} if you changed it on purpose"
            raise InputError(f"{name[:80]} is not the file that {SUMS} lists", where=folder, next_step=next_step)


def _sha256(path: Path) -> str:
    """Of a file; empty where there is none, or where there cannot be any of such a name."""
    try:
        return sha256_file(path)
    except (OSError, ValueError):
        return ""
