"""Paddle: ``paddlenlp``'s BERT encoder and the question-aware head. Mirror image of ``repro.backends.pytorch``."""

from typing import TYPE_CHECKING

from repro.backends.common.imports import import_parts, lean_import

with lean_import():
    # device comes first: it prepares the process before paddle is loaded
    from repro.backends.paddle.device import arithmetic, devices, setup, versions

    # the models of paddlenlp alone; data comes first, since it and transformers import each other
    import_parts("paddlenlp", "data", "transformers")
    from repro.backends.paddle.dropout import shared_mask
    from repro.backends.paddle.initialise import declared_distributions, initialise
    from repro.backends.paddle.loader import batches
    from repro.backends.paddle.model import load_model, loss_from_logits
    from repro.backends.paddle.optimizer import learning_rates, make_trainer
    from repro.backends.paddle.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from repro.backends import paddle
    from repro.backends.protocol import Backend

    _this_module_is_a_backend: Backend = paddle

NAME = "paddle"

__all__ = [
    "NAME",
    "arithmetic",
    "batches",
    "declared_distributions",
    "devices",
    "initialise",
    "learning_rates",
    "load_model",
    "load_tokenizer",
    "loss_from_logits",
    "make_trainer",
    "setup",
    "shared_mask",
    "versions",
]
