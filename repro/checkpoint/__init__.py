"""Checkpoints: one name table, three layouts, strict and bit-exact conversion. Imports no framework."""

from repro.checkpoint.convert import convert
from repro.checkpoint.files import (
    config_file,
    find_weights,
    read_checkpoint,
    read_config,
    stated_config,
    write_checkpoint,
)
from repro.checkpoint.geometry import ModelConfig, check_config, config_for
from repro.checkpoint.initial import seeded_head, seeded_weights
from repro.checkpoint.layouts import (
    Conversion,
    check_finite,
    detect_layout,
    from_hub,
    hub_shapes,
    other_orientation,
    paddle_to_hub,
    to_hub,
)
from repro.checkpoint.names import BACKEND_LAYOUTS, LAYOUTS, Layout

__all__ = [
    "BACKEND_LAYOUTS",
    "LAYOUTS",
    "Conversion",
    "Layout",
    "ModelConfig",
    "check_config",
    "check_finite",
    "config_file",
    "config_for",
    "convert",
    "detect_layout",
    "find_weights",
    "from_hub",
    "hub_shapes",
    "other_orientation",
    "paddle_to_hub",
    "read_checkpoint",
    "read_config",
    "seeded_head",
    "seeded_weights",
    "stated_config",
    "to_hub",
    "write_checkpoint",
]
