"""The first batch of the real training file by both tokenisers and loaders is the one that was published."""

from pathlib import Path

import numpy as np
import pytest

from repro.dumps import read_dump
from tests.frameworks import run_in

TRAIN = "squad-few-shot/squad-train-seed-42-num-examples-16_qass.jsonl"
VOCABULARY = "published/splinter_init/vocab.txt"
BATCHES = "published/align_works/9_check_forward_data/align"
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from repro import backends
from repro.data.features import make_features
from repro.data.mrqa import read_examples
backend = backends.load(sys.argv[1])
tokenizer = backend.load_tokenizer(Path(sys.argv[3]))
examples = read_examples(Path(sys.argv[2]), training=True)
features = make_features(examples, tokenizer, max_seq_length=384, doc_stride=128, max_query_length=64, training=True)
np.savez(sys.argv[4], **next(iter(backend.batches(features.arrays(), [list(range(12))]))))
"""


@pytest.mark.slow
@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("backend", "dump"), [("pytorch", "input_data_torch.bin"), ("paddle", "input_data_paddle.bin")]
)
def test_the_first_batch_is_the_published_one(shared: Path, tmp_path: Path, backend: str, dump: str) -> None:
    batch = tmp_path / "batch.npz"
    run_in(backend, PROGRAM, backend, shared / TRAIN, shared / VOCABULARY, batch)
    published = read_dump(shared / BATCHES / dump)
    with np.load(batch, allow_pickle=False) as ours:
        assert ours.files == list(published)
        for name, array in published.items():
            assert ours[name].dtype == array.dtype and ours[name].shape == array.shape
            assert (ours[name] == array).all()
