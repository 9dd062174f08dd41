"""Fresh parameters as the PyTorch program draws them, and the distributions that its code declares."""

from __future__ import annotations

from typing import Any

import torch
from transformers import SplinterConfig, SplinterForQuestionAnswering

from repro.backends import Arrays
from repro.backends.pytorch.model import encoder_config, to_numpy


def _model(config: dict[str, Any]) -> torch.nn.Module:
    encoder = encoder_config(config, dropout=0.0).to_dict()
    return SplinterForQuestionAnswering(SplinterConfig(**{**encoder, "model_type": "splinter"}))


def initialise(config: dict[str, Any], seed: int) -> Arrays:
    """Parameters by ``transformers``' own initialiser of Splinter, hub names and orientation.

    The original leaves the two classifier matrices as uninitialised memory; ``transformers`` draws them like every
    other weight.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(config)
    return {name: to_numpy(value) for name, value in model.named_parameters()}


def declared_distributions(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Distribution of every parameter as the code declares it, by hub name.

    Returns:
        name -> ``{"kind": "normal", "mean", "std"}``, ``{"kind": "uniform", "low", "high"}`` or
        ``{"kind": "constant", "value"}``; ``zero_rows`` lists rows that are set to 0 afterwards.
    """
    scale = config.get("initializer_range", 0.02)
    found: dict[str, dict[str, Any]] = {}
    for name, _ in _model(config).named_parameters():
        if name.endswith("LayerNorm.weight"):
            found[name] = {"kind": "constant", "value": 1.0}
        elif name.endswith("bias"):
            found[name] = {"kind": "constant", "value": 0.0}
        else:
            found[name] = {"kind": "normal", "mean": 0.0, "std": scale}
    found["splinter.embeddings.word_embeddings.weight"]["zero_rows"] = [0]  # the padding token
    return found
