"""Fresh parameters as the PyTorch program draws them, and the distributions that its code declares."""

import torch
from transformers import SplinterConfig, SplinterForQuestionAnswering

from repro.backends.pytorch.model import encoder_config, hub_array
from repro.checkpoint import ModelConfig
from repro.numerics.arrays import Arrays
from repro.numerics.distribution import Distribution, constant, normal


def _model(config: ModelConfig) -> torch.nn.Module:
    encoder = encoder_config(config, dropout=0.0).to_dict()
    return SplinterForQuestionAnswering(SplinterConfig(**{**encoder, "model_type": "splinter"}))


def initialise(config: ModelConfig, seed: int) -> Arrays:
    """Parameters by ``transformers``' initialiser of Splinter, hub names and orientation.

    The original leaves the two classifier matrices as uninitialised memory; ``transformers`` draws them like every
    other weight.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(config)
    parameters = dict(model.named_parameters())
    return {name: hub_array(name, value) for name, value in parameters.items()}


def declared_distributions(config: ModelConfig) -> dict[str, Distribution]:
    """Distribution of every parameter as the code declares it, by hub name."""
    scale = config["initializer_range"]
    declared: dict[str, Distribution] = {}
    for name, _ in _model(config).named_parameters():
        if name.endswith("LayerNorm.weight"):
            declared[name] = constant(1.0)
        elif name.endswith("bias"):
            declared[name] = constant(0.0)
        elif name.endswith("word_embeddings.weight"):
            declared[name] = normal(0.0, scale, zero_rows=(config["pad_token_id"],))
        else:
            declared[name] = normal(0.0, scale)
    return declared
