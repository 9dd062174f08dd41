"""Both frameworks' dumps of one step, opened only if they can be what they say they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.claims import Claim, load_claims
from repro.dumps import read_dump
from repro.errors import InputError
from repro.numerics.invariance import zero_by_shift
from repro.numerics.record import Record
from repro.numerics.verdict import EPS32, NOT_MEASURED, Noise, judge_exact, judge_floats
from repro.paths import RunPaths, read_json, sha256_file
from repro.profile import Profile
from repro.steps.context import Inputs
from repro.steps.thin import projected

SIDES = ("pytorch", "paddle")
NAMES = {"pytorch": "PyTorch", "paddle": "Paddle"}
Judge = Callable[[str, np.ndarray, np.ndarray], Record]


class NotRunError(Exception):
    """The step cannot be compared because there is nothing to compare; says why."""


class NotTrustedError(Exception):
    """The dumps are there but are not two runs of two programs on the same inputs."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.reason)
        self.record = record


@dataclass
class CompareContext:
    """Profile, claims and dumps of one step."""

    run: RunPaths
    profile: Profile
    step: int
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    _dumps: dict[tuple[str, str], Arrays] = field(default_factory=dict)

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Documented claims of this step, by id."""
        return {name: claim for name, claim in load_claims().items() if claim.step == self.step}

    @cached_property
    def inputs(self) -> dict[str, Inputs]:
        """Data of either backend, by its name."""
        return {side: Inputs(self.run, self.profile, side) for side in SIDES}

    def open(self) -> None:
        """Check the provenance of both sides.

        Raises:
            NotRunError: a side was not captured.
            NotTrustedError: a dump is not the file that its capture wrote, both sides are one, or the inputs differ.
        """
        missing = [side for side in SIDES if side not in self.profile.backends]
        if missing:
            text = f"The profile runs {self.profile.backends[0]} only: there is no {missing[0]} to compare it with."
            raise NotRunError(text)
        for side in SIDES:
            path = self.run.capture(side, self.step)
            if not path.is_file():
                raise NotRunError(
                    f"dumps/{side}/{path.name} is missing: step {self.step} was not captured with {side}."
                )
            self.provenance[side] = read_json(path)
        first, second = (self.provenance[side] for side in SIDES)
        if first["backend"] == second["backend"] or self._same_files():
            raise NotTrustedError(Record("dumps", "same file", reason="both sides are dumps of one program"))
        for side in SIDES:
            self._check_hashes(side)
        if first["inputs"] != second["inputs"]:
            reason = "the two sides were captured from different inputs, profiles or steps"
            raise NotTrustedError(Record("dumps", "stale file", reason=reason))

    def _same_files(self) -> bool:
        for dtype in self.provenance[SIDES[0]]["dumps"]:
            a, b = (self.run.dump(side, self.step, dtype) for side in SIDES)
            if a.exists() and b.exists() and os.path.samefile(a, b):
                return True
        return False

    def _check_hashes(self, side: str) -> None:
        content = self.provenance[side]
        if content["backend"] != side:
            reason = f"dumps/{side} was written by {content['backend']}"
            raise NotTrustedError(Record("dumps", "stale file", reason=reason))
        for dtype, expected in content["dumps"].items():
            path = self.run.dump(side, self.step, dtype)
            if not path.is_file():
                raise NotRunError(f"dumps/{side}/{path.name} is missing, though its capture was finished.")
            if sha256_file(path) != expected["sha256"]:
                reason = f"dumps/{side}/{path.name} is not the file that its capture wrote"
                raise NotTrustedError(Record("dumps", "stale file", reason=reason))

    def has(self, dtype: str) -> bool:
        """Whether both sides were captured in this precision."""
        return all(dtype in self.provenance[side]["dumps"] for side in SIDES)

    def side(self, side: str, dtype: str = "float32") -> Arrays:
        """One side's dump."""
        if (side, dtype) not in self._dumps:
            self._dumps[side, dtype] = read_dump(self.run.dump(side, self.step, dtype))
        return self._dumps[side, dtype]

    def dumps(self, dtype: str = "float32") -> tuple[Arrays, Arrays]:
        """(PyTorch's, Paddle's) arrays."""
        return self.side("pytorch", dtype), self.side("paddle", dtype)

    def evidence(self, dtype: str = "float32") -> tuple[dict[str, str], ...]:
        """The dumps behind a number: file (below the run directory) and sha256."""
        found = []
        for side in SIDES:
            path = self.run.dump(side, self.step, dtype)
            name = str(path.relative_to(self.run.root))
            found.append({"file": name, "sha256": self.provenance[side]["dumps"][dtype]["sha256"]})
        return tuple(found)

    @cached_property
    def precision(self) -> dict[str, dict[str, Any]]:
        """What box ``precision`` measured with each framework, by its name; empty where it belongs to other inputs."""
        found = {}
        for side in SIDES:
            path = self.run.precision(side)
            content = read_json(path) if path.is_file() else {}
            if content.get("inputs", {}).get(str(self.step)) == self.provenance[side]["inputs"]:
                found[side] = content
        return found if len(found) == len(SIDES) else {}

    def noise(self, name: str) -> Noise:
        """Measured noise floor of a tensor, over everything that was changed, and its sensitivity in float64.

        The floor is the smaller one of the two frameworks': a coarser arithmetic moves its own results more, which must
        not excuse it. The sensitivity, which no float32 touches, is the larger one. A part of a large tensor
        (``repro.steps.thin``), which may stand still by luck, moves as the largest of the parts does. A gradient that
        is zero in exact arithmetic has neither: there is nothing that they could be relative to.
        """
        if zero_by_shift(name):
            return NOT_MEASURED
        whole = name.partition("[")[0].removeprefix("scaled.")
        keys = (name, whole, f"{whole}[sample]")
        floors, sensitivities = (
            [value for content in self.precision.values() if (value := _largest(content, kind, keys)) is not None]
            for kind in ("noise", "sensitivity")
        )
        return Noise(min(floors, default=None), max(sensitivities, default=None))

    def records(
        self,
        *,
        exact: set[str] | Callable[[str], bool] = frozenset().__contains__,
        floors: dict[str, float] | None = None,
        skip: Callable[[str], bool] = frozenset().__contains__,
    ) -> list[Record]:
        """One record for every key that either side has.

        Args:
            skip: keys that serve another purpose than being equal; their structure is checked before any comparison.
            exact: keys of floats for which only equality counts; integers and text always do.
            floors: smallest relative float32 error to reckon with, by key.
        """
        a, b = self.dumps()
        a64, b64 = self.dumps("float64") if self.has("float64") else ({}, {})
        choose = exact if callable(exact) else exact.__contains__
        found = []
        for name in [*a, *(key for key in b if key not in a)]:
            if skip(name):
                continue
            record = missing(name, a, b)
            if record is None and (choose(name) or a[name].dtype.kind != "f"):
                record = judge_exact(name, a[name], b[name])
            elif record is None:
                record = missing(name, a64, b64) if (name in a64) != (name in b64) else None
                floor = max(EPS32 * projected(name, a), (floors or {}).get(name, 0.0))
                record = record or judge_floats(
                    name, a[name], b[name], a64.get(name), b64.get(name), floor=floor, noise=self.noise(name)
                )
            found.append(self.signed(record))
        return found

    def signed(self, record: Record) -> Record:
        """The record with the hashes of the two float32 dumps."""
        hashes = [self.provenance[side]["dumps"]["float32"]["sha256"] for side in SIDES]
        return replace(record, sha256_a=hashes[0], sha256_b=hashes[1])


def _largest(content: dict[str, Any], kind: str, keys: Sequence[str]) -> float | None:
    """What moves any of these tensors most in one framework's measurements; None where none was measured."""
    moved = {**content.get(kind, {}), **content.get(f"gradient_{kind}", {})}
    return max((value for key in keys for value in moved.get(key, {}).values()), default=None)


def missing(name: str, a: Arrays, b: Arrays) -> Record | None:
    """Record of a key that only one side has."""
    if name in a and name in b:
        return None
    outcome, side = ("missing key", "Paddle") if name in a else ("extra key", "Paddle")
    verb = "lacks" if outcome == "missing key" else "alone has"
    return Record(name, outcome, reason=f"{side} {verb} it", verdict="different semantics")  # type: ignore[arg-type]


def find(records: Sequence[Record], name: str) -> Record:
    """The record of one key.

    Raises:
        InputError: no such key was compared.
    """
    for record in records:
        if record.name == name:
            return record
    raise InputError(
        f"no record {name!r}: the dumps are not those of this step", next_step="delete dumps/ and run again"
    )
