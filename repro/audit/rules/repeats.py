"""Repeats of an experiment from several seeds: how far apart its results lie by the seed alone."""

import math
import re
from collections.abc import Mapping
from statistics import fmean, stdev

from repro.audit.discovery import words
from repro.audit.evidence import Check
from repro.audit.key_words import METRIC
from repro.audit.rules.series import families

SIGMAS = 3.0  # of two trainings from one seed, and of the means of both sides
_REPEAT = re.compile(r"(?:seed|run|trial|fold|repeat|rep|split)s?[-_=/]?#", re.IGNORECASE)


def scatter_of_repeats(checks: Mapping[str, Check]) -> dict[tuple[str, str], float]:
    """(pair, key of a metric) -> the share of it by which the sides may differ, where its family shows that.

    Metrics of trainings on a few examples scatter by more from seed to seed than those of large ones. Where the means
    of both sides over the seeds are farther apart than that scatter explains, it excuses nothing.
    """
    shares: dict[tuple[str, str], float] = {}
    for stem, names in families(list(checks)).items():
        if not _REPEAT.search(stem):
            continue
        for key in set.intersection(*({*checks[name].facts} for name in names)):
            values = [checks[name].facts[key].values for name in names]
            if METRIC.isdisjoint(words(key)) or any(
                len(pair) != 2 or not all(map(math.isfinite, pair)) for pair in values
            ):
                continue
            first, second = zip(*values, strict=True)
            means, spread = (fmean(first), fmean(second)), max(stdev(first), stdev(second)) * math.sqrt(2)
            if abs(means[0] - means[1]) <= SIGMAS * spread / math.sqrt(len(names)):
                share = SIGMAS * spread / max(min(map(abs, means)), spread)
                shares |= {(name, key): share for name in names}
    return shares
