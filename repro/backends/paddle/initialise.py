"""Fresh parameters as the Paddle program draws them, and the distributions that its code declares."""

import math

import paddle
from paddle import nn

from repro.backends.paddle.head import QuestionAwareSpanSelectionHead
from repro.backends.paddle.model import encoder, hub_array
from repro.checkpoint import ModelConfig, paddle_to_hub
from repro.numerics.arrays import Arrays
from repro.numerics.distribution import Distribution, constant, normal, uniform


def _model(config: ModelConfig) -> nn.Layer:
    model = nn.Layer()
    model.bert = encoder(config, dropout=0.0)
    model.cls = nn.Layer()
    model.cls.span_predictions = QuestionAwareSpanSelectionHead(config["hidden_size"])
    return model


def initialise(config: ModelConfig, seed: int) -> Arrays:
    """Parameters by ``paddlenlp``'s initialiser of BERT and the head's declared ones, hub names and orientation.

    The Paddle program draws the dense layers of the head, biases included, by Kaiming's uniform rule, and the
    classifier matrices by the framework's default, Xavier's.
    """
    state = paddle.get_rng_state()
    paddle.seed(seed)
    model = _model(config)
    paddle.set_rng_state(state)
    parameters = {paddle_to_hub(name): value for name, value in model.named_parameters()}
    return {name: hub_array(name, value) for name, value in parameters.items()}


def declared_distributions(config: ModelConfig) -> dict[str, Distribution]:
    """Distribution of every parameter as the code declares it, by hub name."""
    scale = config["initializer_range"]
    kaiming = math.sqrt(6 / config["hidden_size"])  # gain sqrt(2), fan-in of a bias: its length
    xavier = math.sqrt(3 / config["hidden_size"])  # fan-in + fan-out = twice the hidden size
    declared: dict[str, Distribution] = {}
    for paddle_name, _ in _model(config).named_parameters():
        name = paddle_to_hub(paddle_name)
        if name.endswith("LayerNorm.weight"):
            declared[name] = constant(1.0)
        elif name.endswith("_classifier.weight"):
            declared[name] = uniform(-xavier, xavier)
        elif name.startswith("splinter_qass.") and ".dense." in name:
            declared[name] = uniform(-kaiming, kaiming)
        elif name.endswith("bias"):
            declared[name] = constant(0.0)
        else:
            declared[name] = normal(0.0, scale)
    return declared
