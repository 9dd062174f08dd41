"""Step 2: features of the dev file from both tokenisers and both data loaders: random rows, and the first batches.

The published dumps hold, under ``start_pos_list`` and ``end_pos_list``, the window number and a constant 0 (what the
original's evaluation loader hands out in those places). Here they are answer positions, made by each tokeniser for the
rows concerned, so that the two keys say what their names say and can differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.data import features as windows
from repro.data.features import MODEL_ARRAYS, Features
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import CompareContext, find

TITLE = "Validation and test data"
KEYS = dict(
    zip(
        MODEL_ARRAYS,
        ("input_ids_list", "attention_mask_list", "token_type_ids_list", "start_pos_list", "end_pos_list"),
        strict=True,
    )
)
CLAIMS = tuple(f"2.{key}{suffix}" for suffix in ("", "2") for key in KEYS.values())


def chosen_rows(count: int, wanted: int, seed: int) -> np.ndarray:
    """Row numbers drawn without replacement, in the order of the draw; all rows where there are fewer."""
    return np.random.Generator(np.random.PCG64(seed)).permutation(count)[:wanted]


def batch_rows(count: int, batches: int, size: int) -> list[list[int]]:
    """Row numbers of the first full batches; of one short batch where there is no full one."""
    full = min(batches, count // size)
    return [list(range(i * size, (i + 1) * size)) for i in range(full)] or [list(range(count))]


def answer_positions(context: CaptureContext, features: Features, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last answer token (inclusive) of evaluation windows, by the backend's own tokeniser; 0 if none."""
    examples = context.examples("dev", training=True)
    owners = np.unique(features.example_index[rows])
    made = windows.make_features(
        [examples[owner] for owner in owners],
        context.framework.load_tokenizer(context.vocabulary_file),
        **context.profile.features.model_dump(),
        training=True,
    )
    place = {}
    found_there = zip(made.example_index, made.start_positions, made.end_positions, strict=True)
    for row, (owner, start, end) in enumerate(found_there):
        number = row - int(np.flatnonzero(made.example_index == owner)[0])
        place[int(owners[owner]), number] = (start, end)
    found = []
    for row in rows:
        owner = int(features.example_index[row])
        number = int(row) - int(np.flatnonzero(features.example_index == owner)[0])
        found.append(place.get((owner, number), (0, 0)))
    starts, ends = np.array(found, dtype=np.int64).reshape(-1, 2).T
    return starts, ends


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """The documented ten keys: (rows, T) and (rows,), then (batches, B, T) and (batches, B); int64."""
    settings, features = context.profile.alignment, context.features("dev")
    rows = chosen_rows(len(features), settings.random_rows, settings.seed)
    order = batch_rows(len(features), settings.batches, settings.eval_batch_size)
    needed = np.unique(np.concatenate([rows, *[np.array(batch) for batch in order]]))
    starts, ends = (np.zeros(len(features), dtype=np.int64) for _ in range(2))
    starts[needed], ends[needed] = answer_positions(context, features, needed)
    arrays = {**features.arrays(), "start_positions": starts, "end_positions": ends}
    loaded: list[Arrays] = list(framework.batches(arrays, order))
    found = {key: arrays[name][rows] for name, key in KEYS.items()}
    found |= {f"{key}2": np.stack([batch[name] for batch in loaded]) for name, key in KEYS.items()}
    yield "float32", found


def compare(context: CompareContext) -> Outcome:
    """Equality of the ten documented keys."""
    records = context.records()
    claims = tuple(answers.zero(context, claim, find(records, claim.removeprefix("2."))) for claim in CLAIMS)
    settings = context.profile.alignment
    rows, batches = (context.side("pytorch")[key].shape for key in ("input_ids_list", "input_ids_list2"))
    equal = sum(record.verdict == "equal" for record in records)
    summary = (
        f"{equal} of {len(records)} arrays are equal: {rows[0]} random rows and {batches[0]} batches of {batches[1]}"
        f" windows of {rows[1]} tokens, each from the framework's own tokeniser and data loader."
    )
    if rows[0] < settings.random_rows or batches[0] < settings.batches:
        summary += (
            f" The dev file has too few windows for {settings.random_rows} rows and {settings.batches} full batches."
        )
    notes = (
        "start_pos_list and end_pos_list are answer positions here; the published dumps hold the window number and a"
        " constant 0 under these names.",
    )
    return Outcome(tuple(records), claims, summary, notes=notes)
