"""Faults of files: what a sound capture wrote goes wrong afterwards. Each gets a case that is all links."""

from collections.abc import Callable

import numpy as np

from repro.alignment import step_module
from repro.config.paths import sha256_file
from repro.context.capture import inputs_digest
from repro.dumps import read_dump, write_dump
from repro.numerics.arrays import Arrays
from repro.selftest.case import Case


def _nan(case: Case) -> None:
    for step, provenance in case.provenances():
        dumps = {}
        for dtype, file in provenance.dumps.items():
            path = case.run.dump(case.backend, step, dtype)
            write_dump(path, _spoiled(read_dump(path)))
            dumps[dtype] = file.replace(sha256=sha256_file(path), bytes=path.stat().st_size)
        provenance.replace(dumps=dumps).write(case.run.capture(case.backend, step))


def _spoiled(arrays: Arrays) -> Arrays:
    """The middle of the largest array of floats is NaN, if there is any."""
    floats = [name for name, array in arrays.items() if array.dtype.kind == "f"]
    if floats:
        largest = arrays[max(floats, key=lambda name: arrays[name].size)]
        largest.flat[largest.size // 2] = np.nan
    return arrays


def _stale_settings(case: Case) -> None:
    alignment = case.profile.alignment
    other = alignment.model_copy(update={"metric_questions": alignment.metric_questions + 1})
    profile = case.profile.model_copy(update={"alignment": other})
    for step, provenance in case.provenances():
        inputs = inputs_digest(case.run, profile, step, step_module(step, "capture").FIELDS)
        provenance.replace(inputs=inputs).write(case.run.capture(case.backend, step))


def _stale_file(case: Case) -> None:
    """Every dump is that of the step before."""
    steps = case.profile.steps
    for step, before in zip(steps, (steps[-1], *steps[:-1]), strict=True):
        case.link(case.run.dump(case.backend, step), case.clean.dump(case.backend, before))


FILE_FAULTS: dict[str, Callable[[Case], None]] = {
    "nan": _nan,
    "stale-settings": _stale_settings,
    "stale-file": _stale_file,
}
