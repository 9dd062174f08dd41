"""The generated few-shot corpus of the mini profile: fictional entities, facts, passages, questions, vocabulary."""

from repro.data.corpus.mrqa_files import DEV_FILE, SEEDS, SIZES, TRAIN_FILE, write_corpus

__all__ = ["DEV_FILE", "SEEDS", "SIZES", "TRAIN_FILE", "write_corpus"]
