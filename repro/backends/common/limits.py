"""How a training pass is divided, by what the device can hold and what it does well. No value depends on it.

Only sums are added up in another order, where a batch has other parts.
"""

from collections.abc import Iterable
from typing import NamedTuple

from repro.backends.protocol import Device
from repro.checkpoint import ModelConfig
from repro.machine.memory import memory_limit
from repro.machine.needs import ACTIVATIONS

# What one more part of a batch costs, in tokens that could be computed instead. Measured on a CPU: 180 for the mini
# geometry, 80 for 4 x 128, fewer for BERT-base. A GPU waits for the calls of a small part: on an H200 a batch of
# BERT-base takes longer in two parts than in one, so there it is cut to its longest row.
CPU_PART_TOKENS = 128
GPU_PART_TOKENS = 4096


class Limits(NamedTuple):
    """``part_tokens``: cost of one more part of a batch. ``activations``: bytes to keep for the backward pass."""

    part_tokens: int
    activations: int


def limits(gpu: Device | None) -> Limits:
    """Limits of a device; None is the CPU.

    Activations may take half of a GPU, but an eighth of the machine's memory: two processes run there at a time, each
    with weights, gradients and moments as well.
    """
    if gpu:
        return Limits(GPU_PART_TOKENS, gpu.memory // 2)
    return Limits(CPU_PART_TOKENS, memory_limit() // ACTIVATIONS)


def activation_bytes(config: ModelConfig, shapes: Iterable[tuple[int, ...]], item_bytes: int) -> int:
    """About what the backward pass of the encoder keeps of inputs of these shapes (rows, width).

    Per token and layer eleven vectors of the hidden size, three of the intermediate size, and for each head three rows
    of attention. An estimate is enough: values do not depend on whether activations are kept or computed again.

    Args:
        item_bytes: of one number.
    """
    vectors = 11 * config["hidden_size"] + 3 * config["intermediate_size"]
    heads, total = 3 * config["num_attention_heads"], 0
    for rows, width in shapes:
        total += rows * width * (vectors + heads * width)
    return total * config["num_hidden_layers"] * item_bytes
