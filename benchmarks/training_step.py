"""CPU time and memory of training steps and of the evaluation on real text, one framework a process.

Command:  python -m benchmarks.training_step {pytorch,paddle} --data DIR [--geometry mini|small|base] [--masks shared]
          DIR holds squad-train-seed-42-num-examples-16_qass.jsonl and dev_qass_50.jsonl.
          On an older checkout, in its folder: PYTHONPATH=. python THIS_FILE.
Prints:   one JSON line: milliseconds of CPU time (all threads) of a step and of an evaluation batch, medians; the mean
          loss and a digest of the answers, by which two versions are seen to compute the same; peak memory in MB.
Duration: a minute for 4 x 128, five for BERT-base, on one core.
"""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from repro.backends import load
from repro.checkpoint import BACKEND_LAYOUTS, seeded_weights, write_checkpoint
from repro.config.profile import Training
from repro.config.protocol import PAPER
from repro.context.capture import predict
from repro.data.batches import epoch_orders
from repro.data.features import make_features
from repro.data.mrqa import Example, read_examples
from repro.machine.memory import forget_peak, peak_memory

TRAIN, DEV = "squad-train-seed-42-num-examples-16_qass.jsonl", "dev_qass_50.jsonl"
SIZES = {"mini": (64, 2, 2, 256), "small": (128, 4, 2, 512), "base": (768, 12, 12, 3072)}
SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 104: "[QUESTION]"}
WORDS = 28_996  # of the published vocabulary
BATCH, EVAL_BATCH = 12, 16
MASKS = "DropoutMasks"  # an older version has a stream of masks instead


def geometry(name: str) -> dict[str, Any]:
    """BERT configuration of one size."""
    hidden, layers, heads, intermediate = SIZES[name]
    return {
        "vocab_size": WORDS,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": intermediate,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
    }


def vocabulary(examples: list[Example]) -> list[str]:
    """Special tokens, characters, then the words of the files, the most frequent first."""
    texts = [" ".join((example.question_text, *example.doc_tokens)) for example in examples]
    words = Counter(re.findall(r"\w+|[^\w\s]", " ".join(texts)))
    letters = sorted({letter for word in words for letter in word})
    frequent = [word for word, _ in words.most_common()]
    tokens = [SPECIAL.get(index, f"[unused{index}]") for index in range(105)]
    return list(dict.fromkeys([*tokens, *letters, *(f"##{letter}" for letter in letters), *frequent]))[:WORDS]


def shared_masks(seed: int) -> Any:
    """The dropout masks that both frameworks share, of this version or of the one before."""
    from repro.data import dropout

    return getattr(dropout, MASKS if hasattr(dropout, MASKS) else "DropoutStream")(seed)


def milliseconds(function: Any) -> tuple[float, Any]:
    """CPU time of one call, all threads, and its result."""
    start = time.process_time()
    result = function()
    return 1e3 * (time.process_time() - start), result


def main() -> None:
    parser = argparse.ArgumentParser(description="Time training steps and the evaluation on real text.")
    parser.add_argument("backend", choices=["pytorch", "paddle"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--geometry", choices=[*SIZES], default="small")
    parser.add_argument("--masks", choices=["shared", "native", "none"], default="shared")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--eval-rows", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    framework = load(options.backend)
    framework.setup(device=options.device, threads=1, seed=0)
    train = read_examples(options.data / TRAIN, training=True)
    dev = read_examples(options.data / DEV, training=False)
    config = geometry(options.geometry)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vocab.txt").write_text("\n".join(vocabulary(train + dev)) + "\n", encoding="utf-8")
        write_checkpoint(folder, seeded_weights(config, 1, "bert"), config, None, BACKEND_LAYOUTS[options.backend])
        tokenizer = framework.load_tokenizer(folder / "vocab.txt")
        dropout = 0.0 if options.masks == "none" else 0.1
        model = framework.load_model(folder, rules=PAPER, dtype="float32", dropout=dropout)
    lengths = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
    windows = make_features(train, tokenizer, training=True, **lengths)
    asked = make_features(dev, tokenizer, training=False, **lengths)
    asked = asked.take(np.linspace(0, len(asked) - 1, options.eval_rows).astype(np.int64))

    trainer = framework.make_trainer(model, rules=PAPER, settings=Training(), total_steps=200)
    masks = shared_masks(7) if options.masks == "shared" else None
    orders = epoch_orders(len(windows), epochs=200, batch_size=BATCH, shuffle=True, seed=42)
    batches = [batch for order in orders for batch in order if len(batch) == BATCH][: options.steps + 2]
    forget_peak()
    loaded = framework.batches(windows.arrays(), batches)
    timed = [milliseconds(lambda batch=batch: trainer.step(batch, masks)) for batch in loaded]
    memory = peak_memory()
    evaluations = [milliseconds(lambda: predict(framework, model, asked, EVAL_BATCH)) for _ in range(3)]
    start, end = evaluations[0][1]
    result = {
        "backend": options.backend,
        "geometry": options.geometry,
        "masks": options.masks,
        "mean_tokens": round(float(windows.token_counts.mean()), 1),
        "mean_tokens_dev": round(float(asked.token_counts.mean()), 1),
        "step_ms": round(median(spent for spent, _ in timed[2:]), 1),
        "eval_batch_ms": round(median(spent for spent, _ in evaluations) / -(-len(asked) // EVAL_BATCH), 1),
        "mean_loss": float(np.mean([report.loss for _, report in timed])),
        "best_starts": int(start.argmax(-1).sum()),
        "best_ends": int(end.argmax(-1).sum()),
        "step_peak_mb": round(memory / 1e6),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
