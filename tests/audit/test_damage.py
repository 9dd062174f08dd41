"""Whatever is done to the files of a reproduction, an audit ends with a report or with bad input."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from repro.audit import audit
from repro.audit.render import render, terminal, to_json
from repro.errors import InputError
from tests.audit.planted import make_reproduction

ODD = (
    b"\xff" * 4,
    bytes(4),
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 50,
    b"|",
    b"\n# 1 ",
    b"\n```\n",
    b"%",
    b'"',
    b"\\",
    b"\0",
)


def _damaged(data: bytes, other: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(data) + 1)
    match generator.randrange(7):
        case 0:
            return data[:at] + bytes([generator.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + generator.randrange(1, 64) :]
        case 3:
            return data[:at] + generator.choice(ODD) + data[at:]
        case 4:
            return data[:at] + data[generator.randrange(len(data) + 1) :][:200] + data[at:]
        case 5:
            return data[:at] + other[generator.randrange(len(other) + 1) :]
        case _:
            return other


@pytest.mark.parametrize("part", range(3))
def test_a_damaged_folder_is_audited_to_the_end(part: int, tmp_path: Path) -> None:
    generator = random.Random(part)
    faults = (None, "large masked logits", "data check of one dump")
    folder = make_reproduction(tmp_path / "made", faults[part], part)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    originals = {path: path.read_bytes() for path in files}
    for _ in range(100):
        chosen = [generator.choice(files) for _ in range(generator.choice([1, 1, 1, 3]))]
        for path in chosen:
            path.write_bytes(_damaged(originals[path], originals[generator.choice(files)], generator))
        _ends(folder)
        for path in chosen:
            path.write_bytes(originals[path])
    for path in files:  # swapped between steps, one after another, until nothing is where it was
        os.replace(path, path.with_name("aside"))
        other = generator.choice(files)
        if other.exists():
            os.replace(other, path)
            os.replace(path.with_name("aside"), other)
        else:
            os.replace(path.with_name("aside"), path)
        if generator.random() < 0.3:
            _ends(folder)


def _ends(folder: Path) -> None:
    try:
        result = audit(folder)
    except InputError:
        return
    report = to_json(result)
    assert render(report) and terminal(result)
