"""PyTorch: ``transformers``' BERT encoder and the question-aware head. Mirror image of ``repro.backends.paddle``."""

from typing import TYPE_CHECKING

from repro.backends.common.imports import lean_import

# optional to transformers: assisted generation (and with it pandas), losses of object detection, traces
with lean_import("sklearn", "scipy", "opentelemetry"):
    from repro.backends.pytorch.device import arithmetic, devices, setup, versions
    from repro.backends.pytorch.dropout import shared_mask
    from repro.backends.pytorch.initialise import declared_distributions, initialise
    from repro.backends.pytorch.loader import batches
    from repro.backends.pytorch.model import load_model, loss_from_logits
    from repro.backends.pytorch.optimizer import learning_rates, make_trainer
    from repro.backends.pytorch.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from repro.backends import pytorch
    from repro.backends.protocol import Backend

    _this_module_is_a_backend: Backend = pytorch

NAME = "pytorch"

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
