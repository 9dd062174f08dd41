"""Stage ``features``: windows of token ids by the framework's own tokeniser.

Reads ``inputs.json`` and the few-shot files; writes ``features/{backend}/{split}.npz``, one task per split.
"""

from repro.backends import load
from repro.data.features import make_features
from repro.data.mrqa import read_examples
from repro.progress import track
from repro.results.inputs import read_inputs
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Cut each split into windows."""
    inputs, windows = read_inputs(stage.run), stage.profile.features.model_dump()
    tokenizer = load(stage.framework).load_tokenizer(inputs.vocab.path)
    splits = stage.parts(stage.profile.splits())
    for split in track(splits, total=len(splits), title="features"):
        with stage.task(split):
            training = split != "dev"
            examples = read_examples(inputs.split(split), training=training)
            features = make_features(examples, tokenizer, **windows, training=training)
            features.save(stage.run.features(stage.framework, split))
