"""Whatever is done to an input: the stages without a framework go through, or end with a message on a file."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizer

from repro.config.paths import sha256_file
from repro.data.features import make_features
from repro.data.mrqa import read_examples
from repro.errors import InputError
from tests.draws import draws
from tests.stages.handed_in import HandedIn

ROUNDS = draws(200)
ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    3,
    103,
    2**40,
    10**30,
    0.5,
    1e999,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    {},
]
ODD_VALUES += [[[0, 0]], [[1, 0]], [[0, 99]], "the", "[SEP]", {"init_args": [[]]}, "\u2028", "\x00"]
ODD_BYTES = [
    b"",
    b"\n",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\\ud83d",
    b"<html>",
    b"{",
    b"]",
    b"9" * 5000,
    b"[" * 3000,
]
ODD_BYTES += [b"version https://git-lfs.github.com/spec/v1\n", b"\x1f\x8b", "\u2028".encode(), b"\xed\xa0\x80"]


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a JSON value."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [place for key, inner in items for place in [(value, key), *places(inner)]]


def change_json(generator: random.Random, raw: bytes) -> bytes:
    """One line of JSON with one value exchanged, repeated or left out."""
    lines = raw.split(b"\n")
    number = generator.randrange(len(lines))
    try:
        value = json.loads(lines[number])
    except (ValueError, RecursionError):  # what a change before this one made of it
        return change_bytes(generator, raw)
    container, key = generator.choice(places(value) or [([value], 0)])
    kind = generator.randrange(4)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, list):
        container.insert(key, container[key])
    else:
        container[key] = generator.choice(ODD_VALUES)
    lines[number] = json.dumps(value).encode()
    return b"\n".join(lines)


def change_bytes(generator: random.Random, raw: bytes) -> bytes:
    """Bytes overwritten, inserted, cut out or cut off."""
    at = generator.randrange(min(len(raw), 4000) + 1)
    until = min(len(raw), at + generator.choice([0, 1, 1, 40]))
    kind = generator.randrange(4)
    if kind == 0:
        return raw[:at]
    if kind == 1:
        return raw[:at] + bytes(generator.randrange(256) for _ in range(until - at)) + raw[until:]
    return raw[:at] + generator.choice(ODD_BYTES) + raw[until:]


def change_lines(generator: random.Random, raw: bytes) -> bytes:
    """Lines exchanged, repeated or left out."""
    lines = raw.split(b"\n")
    one, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    kind = generator.randrange(3)
    if kind == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 1:
        lines.insert(one, lines[other])
    else:
        del lines[one]
    return b"\n".join(lines)


def change_tensors(generator: random.Random, raw: bytes) -> bytes:
    """A ``safetensors`` file with another header, or other numbers."""
    end = 8 + int.from_bytes(raw[:8], "little")
    if generator.random() < 0.3 or end > len(raw) - 4:
        return change_bytes(generator, raw)
    if generator.random() < 0.4:
        at = generator.randrange(end, len(raw) - 4)
        return raw[:at] + generator.choice([b"\xff\xff\xff\xff", b"\x00\x00\x80\x7f", b"\x01"]) + raw[at + 4 :]
    header = change_json(generator, raw[8:end].strip())
    for kind in (b"F32", b"F16"):
        if generator.random() < 0.2:
            header = header.replace(
                kind, generator.choice([b"BF16", b"F16", b"I32", b"F8_E5M2", b"F64", b"C64", b"F4"])
            )
    return len(header).to_bytes(8, "little") + header + raw[end:]


Change = Callable[[random.Random, bytes], bytes]
CHANGES: dict[str, tuple[Change, ...]] = {
    "dev": (change_json, change_json, change_bytes, change_lines),
    "train": (change_json, change_json, change_bytes, change_lines),
    "vocab": (change_bytes, change_lines),
    "config": (change_json, change_json, change_bytes),
    "tokenizer": (change_json, change_bytes),
    "tensors": (change_tensors,),
    "sums": (change_bytes, change_lines),
    "recipe": (change_bytes, change_bytes, change_lines),
}


def all_stages(files: HandedIn) -> None:
    """What a run does with its inputs before it computes."""
    resolved = files.resolve()
    files.convert()
    profile = files.profile()
    vocab = resolved.vocab.path
    tokenizer = BertTokenizer(str(vocab), do_lower_case=resolved.tokenizer.lower_case)
    for split in profile.splits():
        training = split != "dev"
        examples = read_examples(resolved.split(split), training=training)
        features = make_features(examples, tokenizer, training=training, **profile.features.model_dump())
        assert len(features) == resolved.data.counts[split].windows


@pytest.mark.parametrize("part", range(4))
def test_no_input_leads_to_anything_but_a_message(tmp_path: Path, part: int) -> None:
    files = HandedIn(tmp_path)
    refused = accepted = 0
    for seed in range(part * ROUNDS // 4, (part + 1) * ROUNDS // 4):
        generator = random.Random(seed)
        files.restore()
        name = generator.choice(list(CHANGES))
        files.recipe.write_text("start: {query_factor: 0.5, position_factor: 1.5}\nseed: 3\n")
        if name == "sums":
            files.sums.write_text(f"{sha256_file(files.vocab)} *vocab.txt\n\n")
        path: Path = getattr(files, name)
        for _ in range(generator.choice([1, 1, 2])):
            path.write_bytes(generator.choice(CHANGES[name])(generator, path.read_bytes()))
        try:
            all_stages(files)
            accepted += 1
        except InputError as error:
            refused += 1
            assert str(tmp_path) in str(error), f"{seed}: {error}"
            assert len(str(error).splitlines()) <= 4 and not re.search("Traceback|unexpected", str(error)), seed
        except Exception as error:
            pytest.fail(f"seed {seed}, {name}: {type(error).__name__}: {error}")
    assert refused > ROUNDS / 16 and accepted > ROUNDS / 32
