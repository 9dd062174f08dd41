"""Seeded start weights drawn by numpy, so that both frameworks get the same bits."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from repro.checkpoint.geometry import ModelConfig, check_config, shape_of
from repro.checkpoint.names import Parameter, parameters
from repro.errors import InputError
from repro.numerics.arrays import Arrays

Style = Literal["bert", "copying"]

# Style "copying": a start from which a small model learns to copy recurring spans within minutes.
COPYING_STD = 0.1
COPYING_BILINEAR_STD = 0.02
COPYING_QUERY_GAIN = 1.5  # std of W_q = W_k, times 1 / sqrt(hidden size)
COPYING_POSITION_RMS = 1.4 * COPYING_STD
COPYING_SLOWEST_FREQUENCY = 1 / 20


def _draw(parameter: Parameter, shape: tuple[int, ...], std: float, generator: np.random.Generator) -> np.ndarray:
    """Matrices and embeddings N(0, std), LayerNorm 1 and 0, biases 0; float32. Vectors draw nothing."""
    if parameter.hub.endswith("LayerNorm.weight"):
        return np.ones(shape, np.float32)
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    values: np.ndarray = generator.standard_normal(shape, dtype=np.float32)
    values *= np.float32(std)
    return values


def sinusoids(positions: int, hidden: int, rms: float) -> np.ndarray:
    """Sines, then cosines, at frequencies from 1 to 1/20 in geometric steps; float32 (positions, hidden)."""
    count = (hidden + 1) // 2
    frequencies = np.geomspace(1.0, COPYING_SLOWEST_FREQUENCY, count)
    angles = np.arange(positions)[:, None] * frequencies[None, :]
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :hidden]
    scaled: np.ndarray = waves * (rms * 2.0**0.5)
    return scaled.astype(np.float32)


def _copying(config: ModelConfig, generator: np.random.Generator) -> Arrays:
    arrays: Arrays = {}
    query_std = COPYING_QUERY_GAIN / float(np.sqrt(config["hidden_size"]))
    for parameter in parameters(config["num_hidden_layers"]):
        name, shape = parameter.hub, shape_of(parameter, config)
        if name.endswith("position_embeddings.weight"):
            arrays[name] = sinusoids(shape[0], shape[1], COPYING_POSITION_RMS)
        elif name.endswith("attention.self.key.weight"):
            arrays[name] = arrays[name.replace(".key.", ".query.")].copy()
        else:
            std = COPYING_STD
            if name.endswith("attention.self.query.weight"):
                std = query_std
            elif name.endswith("_classifier.weight"):
                std = COPYING_BILINEAR_STD
            arrays[name] = _draw(parameter, shape, std, generator)
    return arrays


def seeded_weights(config: Mapping[str, object], seed: int, style: Style | None = None) -> Arrays:
    """Every parameter, hub names and orientation, float32, drawn in canonical order from ``numpy``'s PCG64.

    Args:
        config: BERT configuration; ``initializer_range`` is the standard deviation of style ``bert``.
        style: ``bert`` (matrices and embeddings N(0, initializer_range), LayerNorm 1 and 0, biases 0) or
            ``copying`` (as ``bert`` with std 0.1, bilinear matrices 0.02, sinusoidal positions, W_q = W_k
            with std 1.5 / sqrt(hidden)). Without it the configuration's ``initializer_style``, else ``bert``.

    Raises:
        InputError: the configuration is incomplete, or the style is unknown.
    """
    full = check_config(config)
    chosen = style or full.get("initializer_style", "bert")
    generator = np.random.Generator(np.random.PCG64(seed))
    if chosen == "copying":
        return _copying(full, generator)
    if chosen != "bert":
        raise InputError(f"no initializer style {chosen!r}", next_step="choose one of: bert, copying")
    std = float(full["initializer_range"])
    return {p.hub: _draw(p, shape_of(p, full), std, generator) for p in parameters(full["num_hidden_layers"])}


def seeded_head(config: Mapping[str, object], seed: int) -> Arrays:
    """A new QASS head alone, as style ``bert`` draws it; the same in both frameworks."""
    full = check_config(config)
    generator = np.random.Generator(np.random.PCG64(seed))
    std = float(full["initializer_range"])
    return {p.hub: _draw(p, shape_of(p, full), std, generator) for p in parameters(full["num_hidden_layers"]) if p.head}
