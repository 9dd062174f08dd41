"""From the trainings of all variants to what each deviation is worth."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from itertools import product

from repro.config.paths import RunPaths
from repro.config.profile import BackendName, Profile
from repro.config.switches import BASELINE
from repro.context.deviations import DeviationKey, compared, folder_of
from repro.context.trainings import read_training
from repro.deviations.effects import Seeds, Trained, by_file, effect, judged
from repro.deviations.tables import effects_table, notes, sentence
from repro.deviations.words import switches_table
from repro.errors import InputError
from repro.results.deviations import Comparison, DeviationsResult


def compare(run: RunPaths, profile: Profile) -> DeviationsResult:
    """Effect of every deviation in every framework at every size.

    Raises:
        InputError: a training is missing, or is not the one that its folder says.
    """
    keys, variants = compared(profile), profile.deviations.variants()
    trained = {(side, key): _read(run, profile, side, key) for side, key in product(profile.backends, keys)}
    sizes = list(dict.fromkeys(key.size for key in keys))
    measured = []
    for size in sizes:
        of_size = {side: _of(trained, side, size) for side in profile.backends}
        seeds = tuple(key.seed for key in keys if (key.variant, key.size) == (BASELINE, size))
        for name, variant in variants.items():
            if reference := variant.reference:
                effects = tuple(effect(side, of_size[side], name, reference) for side in profile.backends)
                measured.append(
                    Comparison(
                        variant=name,
                        reference=reference,
                        size=size,
                        seeds=seeds,
                        effects=effects,
                        mean=by_file(effects).mean,
                        p_adjusted=None,
                        verdict="reference",
                    )
                )
    measured = judged(measured, profile.training.margin)
    first = profile.backends[0]
    baseline = [key for key in keys if key.variant == BASELINE]
    with_batch_of_one = [key for key in baseline if trained[first, key].result.batches_of_one]
    return DeviationsResult(
        sentence=sentence(measured),
        switches=switches_table([*variants]),
        tables=tuple(effects_table(size, [item for item in measured if item.size == size]) for size in sizes),
        notes=notes(profile.training.margin, with_batch_of_one),
        margin=profile.training.margin,
        comparisons=tuple(measured),
        seconds=round(sum(item.result.seconds for item in trained.values()), 1),
    )


def _of(trained: Mapping[tuple[BackendName, DeviationKey], Trained], backend: str, size: int) -> Mapping[str, Seeds]:
    """Trainings of one framework at one size, by variant and seed."""
    chosen: dict[str, dict[int, Trained]] = defaultdict(dict)
    for (side, key), item in trained.items():
        if (side, key.size) == (backend, size):
            chosen[key.variant][key.seed] = item
    return chosen


def _read(run: RunPaths, profile: Profile, backend: str, key: DeviationKey) -> Trained:
    training, rules = key.trained(profile)
    folder = folder_of(run, profile, backend, key)
    try:
        result = read_training(folder, backend, training)
        if result.rules != asdict(rules):
            raise InputError("it was done by other rules")
        return Trained.read(folder, result)
    except (OSError, InputError) as error:
        why = error.what if isinstance(error, InputError) else str(error)
        next_step = "remove this folder and give the same command again"
        raise InputError(f"a training cannot be compared: {why}", where=folder, next_step=next_step) from error
