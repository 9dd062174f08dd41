"""Step 2, capture: windows of the dev file, by the framework's tokeniser and data loader.

Evidence: random rows of the features, and the first full batches of the loader. Answer positions are computed for these
windows by the backend's tokeniser, because evaluation features do not have them.
"""

import numpy as np

from repro.backends import Backend
from repro.context.capture import CaptureContext, Dumps
from repro.data.features import MODEL_ARRAYS, Features, make_features
from repro.numerics.arrays import Arrays

FIELDS: tuple[str, ...] = ()  # no training settings: the data alone

# array of the features -> documented key of the rows; the batches have the same keys with a "2" behind
KEYS = {name: f"{name.replace('positions', 'pos')}_list" for name in MODEL_ARRAYS}


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """The documented ten keys.

    Yields:
        ``float32`` and int64 arrays: ``{key}`` (rows, T), positions (rows,); ``{key}2`` (batches, B, T), positions
        (batches, B).
    """
    settings, features = context.profile.alignment, context.features("dev")
    rows = np.random.Generator(np.random.PCG64(settings.seed)).permutation(len(features))[: settings.random_rows]
    order = batch_rows(len(features), settings.batches, settings.eval_batch_size)
    needed = np.unique(np.concatenate([rows, *order]))
    starts, ends = (np.zeros(len(features), dtype=np.int64) for _ in range(2))
    starts[needed], ends[needed] = answer_positions(context, features, needed)
    arrays = {**features.arrays(), "start_positions": starts, "end_positions": ends}
    loaded: list[Arrays] = list(framework.batches(arrays, order))
    of_rows = {key: arrays[name][rows] for name, key in KEYS.items()}
    of_batches = {f"{key}2": np.stack([batch[name] for batch in loaded]) for name, key in KEYS.items()}
    yield "float32", of_rows | of_batches


def batch_rows(count: int, batches: int, size: int) -> list[list[int]]:
    """Row numbers of the first full batches; of one short batch where there is no full one."""
    full = min(batches, count // size)
    return [list(range(i * size, (i + 1) * size)) for i in range(full)] or [list(range(count))]


def answer_positions(context: CaptureContext, features: Features, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last answer token (inclusive) of evaluation windows, int64 (rows,); 0 where there is none.

    The backend's tokeniser finds them: training features of the same examples have the positions. A window is
    identified by its example and its number within it. A question without an answer has none in any window.
    """
    examples = context.examples("dev", training=False)
    owners = [owner for owner in np.unique(features.example_index[rows]) if examples[owner].answer_text is not None]
    training = make_features(
        [examples[owner] for owner in owners],
        context.framework.load_tokenizer(context.inputs.vocab.path),
        **context.profile.features.model_dump(),
        training=True,
    )
    windows = zip(np.array(owners, np.int64)[training.example_index], _window_numbers(training), strict=True)
    answers_by_window = zip(training.start_positions, training.end_positions, strict=True)
    positions = dict(zip(windows, answers_by_window, strict=True))
    numbers = _window_numbers(features)
    answers = [positions.get((features.example_index[row], numbers[row]), (0, 0)) for row in rows]
    starts, ends = np.array(answers, dtype=np.int64).reshape(-1, 2).T
    return starts, ends


def _window_numbers(features: Features) -> np.ndarray:
    """(N,) number of each window within its example; the windows of an example are neighbours."""
    index = features.example_index
    return np.arange(len(index)) - np.searchsorted(index, index)
