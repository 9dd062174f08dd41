"""Fresh parameters as the Paddle program draws them, and the distributions that its code declares."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import nn

from repro.backends import Arrays
from repro.backends.paddle.head import QuestionAwareSpanSelectionHead
from repro.backends.paddle.model import encoder, to_numpy
from repro.checkpoint import hub_orientation, paddle_to_hub


def _model(config: dict[str, Any]) -> nn.Layer:
    model = nn.Layer()
    model.bert = encoder(config, dropout=0.0)
    model.cls = nn.Layer()
    model.cls.span_predictions = QuestionAwareSpanSelectionHead(config["hidden_size"])
    return model


def initialise(config: dict[str, Any], seed: int) -> Arrays:
    """Parameters by ``paddlenlp``'s own initialiser of BERT and the head's declared ones, hub names and orientation.

    The Paddle program draws the dense layers of the head, biases included, by Kaiming's uniform rule, and the
    classifier matrices by the framework's default, Xavier's.
    """
    state = paddle.get_rng_state()
    paddle.seed(seed)
    model = _model(config)
    paddle.set_rng_state(state)
    return {paddle_to_hub(name)[0]: hub_orientation(name, to_numpy(value)) for name, value in model.named_parameters()}


def declared_distributions(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Distribution of every parameter as the code declares it, by hub name.

    Returns:
        name -> ``{"kind": "normal", "mean", "std"}``, ``{"kind": "uniform", "low", "high"}`` or
        ``{"kind": "constant", "value"}``; ``zero_rows`` lists rows that are set to 0 afterwards.
    """
    scale = config.get("initializer_range", 0.02)
    kaiming = math.sqrt(6 / config["hidden_size"])  # gain sqrt(2), fan-in of a bias: its length
    xavier = math.sqrt(3 / config["hidden_size"])  # fan-in + fan-out = twice the hidden size
    found: dict[str, dict[str, Any]] = {}
    for own, _ in _model(config).named_parameters():
        name = paddle_to_hub(own)[0]
        if name.endswith("LayerNorm.weight"):
            found[name] = {"kind": "constant", "value": 1.0}
        elif name.endswith("_classifier.weight"):
            found[name] = {"kind": "uniform", "low": -xavier, "high": xavier}
        elif name.startswith("splinter_qass.") and ".dense." in name:
            found[name] = {"kind": "uniform", "low": -kaiming, "high": kaiming}
        elif name.endswith("bias"):
            found[name] = {"kind": "constant", "value": 0.0}
        else:
            found[name] = {"kind": "normal", "mean": 0.0, "std": scale}
    return found
