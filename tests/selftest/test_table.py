"""The table of faults, and the two files that plant them: no framework is loaded."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from repro.errors import InputError
from repro.paths import PACKAGE
from repro.profile import BACKENDS, load_profile
from repro.selftest.faults import FREE, NAMES, TABLE, chosen
from repro.selftest.prepare import profile_of

LISTED = 21  # by the issue


def file_of(backend: str) -> Path:
    return PACKAGE / "backends" / backend / "faults.py"


def planted(backend: str) -> list[str]:
    """Keys of ``FAULTS``, in order."""
    for node in ast.parse(file_of(backend).read_text()).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "FAULTS":
            assert isinstance(node.value, ast.Dict)
            return [ast.literal_eval(key) for key in node.value.keys if key is not None]
    raise AssertionError(f"no FAULTS in {file_of(backend)}")


def functions(backend: str) -> list[tuple[str, list[str]]]:
    nodes = ast.walk(ast.parse(file_of(backend).read_text()))
    return [(node.name, [a.arg for a in node.args.args]) for node in nodes if isinstance(node, ast.FunctionDef)]


def test_the_backends_plant_the_same_faults_in_mirror_images() -> None:
    first, second = BACKENDS
    assert planted(first) == planted(second)
    assert functions(first) == functions(second)
    lines = [len(file_of(backend).read_text().splitlines()) for backend in BACKENDS]
    assert abs(lines[0] - lines[1]) <= 8


def test_every_fault_is_planted_once_and_belongs_to_a_step() -> None:
    assert len(TABLE) >= LISTED and len(set(NAMES)) == len(NAMES)
    assert sorted(NAMES) == sorted([*planted("pytorch"), *FREE])
    assert {step for fault in TABLE for step in fault.steps} == set(range(1, 11))
    assert all(fault.mimics.endswith(".") and fault.steps for fault in TABLE)


def test_faults_are_chosen_by_name() -> None:
    assert chosen(None) == list(TABLE)
    assert [fault.name for fault in chosen(["nan", "tf32"])] == ["tf32", "nan"]
    with pytest.raises(InputError, match="no fault 'none'"):
        chosen(["none"])


def test_profiles_plant_all_of_them() -> None:
    for name in ("mini", "base", "paper"):
        assert load_profile(name).selftest.faults == "all"
    assert profile_of(0).selftest.faults == "none", "not within itself"
