"""Conversion between the layouts: strict both ways, every bit of every tensor kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.checkpoint.geometry import check_config, shape_in_words, shape_of
from repro.checkpoint.initial import seeded_head
from repro.checkpoint.names import (
    DROPPED,
    LAYOUTS,
    Layout,
    Parameter,
    parameters,
    rename,
)
from repro.errors import InputError

Arrays = dict[str, np.ndarray]
LISTED = 8  # names that a message spells out

_NEW_HEAD = re.compile(r"new_cls\.(?=span_predictions\.)")
_ENCODER_ALONE = re.compile(r"(?=(?:embeddings|encoder|pooler)\.)")
_TF_NORM = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}


@dataclass(frozen=True)
class Conversion:
    """A checkpoint in hub names and orientation, and how it got there.

    Attributes:
        arrays: hub name -> array, canonical order, dtypes as found.
        layout: layout in which it was found.
        dropped: names that were left out (pooler, language model head, next sentence head, position ids).
        new_head: the checkpoint was an encoder alone; its QASS head was drawn from ``head_seed``.
        head_seed: the seed of the new head, else None.
    """

    arrays: Arrays
    layout: Layout
    dropped: tuple[str, ...]
    new_head: bool
    head_seed: int | None = None

    def describe(self) -> str:
        """What was read and changed, in sentences."""
        text = f"{len(self.arrays)} tensors, read in layout {self.layout}."
        if self.dropped:
            text += f" Left out: {', '.join(self.dropped)}."
        if self.new_head:
            text += f" It was an encoder alone: its QASS head is new, drawn with seed {self.head_seed}."
        return text


def listed(names: Iterable[str]) -> str:
    """The first names of a list, and how many more there are."""
    found = sorted(names)
    more = len(found) - LISTED
    return ", ".join(found[:LISTED]) + (f" and {more} more" if more > 0 else "")


def detect_layout(names: Iterable[str]) -> Layout:
    """Layout to which a checkpoint's names belong.

    Raises:
        InputError: the names are of none of the layouts.
    """
    found = list(names)
    if any(name.startswith(("splinter.", "splinter_qass.")) for name in found):
        return "hub"
    encoder = [re.sub(r"^bert\.", "", name) for name in found]
    if any(name.startswith(("encoder.layers.", "embeddings.layer_norm.")) for name in encoder):
        return "paddle"
    if any(name.startswith(("encoder.layer.", "embeddings.")) for name in encoder):
        return "pytorch"
    raise InputError(
        f"the tensors are not those of a BERT or Splinter model: {listed(found) or 'there are none'}",
        next_step="known are bert.* or embeddings.* (original, Paddle) and splinter.* (hub)",
    )


def _normalise(name: str, layout: Layout) -> str:
    """Older and shorter spellings of a name -> the table's."""
    if layout == "hub":
        return name
    name = _ENCODER_ALONE.sub("bert.", name, count=1) if _ENCODER_ALONE.match(name) else name
    name = _NEW_HEAD.sub("cls.", name) if _NEW_HEAD.match(name) else name
    if layout == "pytorch":
        for old, new in _TF_NORM.items():
            if name.endswith(old):
                return name.removesuffix(old) + new
    return name


def _collect(arrays: Mapping[str, np.ndarray], layout: Layout) -> tuple[Arrays, list[str]]:
    """Arrays under the table's names, and the names left out."""
    kept: Arrays = {}
    origin: dict[str, str] = {}
    dropped: list[str] = []
    for name, array in arrays.items():
        if any(pattern.fullmatch(name) for pattern in DROPPED.values()):
            dropped.append(name)
            continue
        table_name = _normalise(name, layout)
        if table_name in kept:
            raise InputError(f"two tensors are one and the same parameter: {origin[table_name]} and {name}")
        kept[table_name], origin[table_name] = array, name
    return kept, dropped


def _check_names(found: Iterable[str], expected: Iterable[str], layers: int) -> None:
    found, expected = set(found), set(expected)
    missing, extra = expected - found, found - expected
    if missing:
        also = f"; and holds {len(extra)} that do not belong: {listed(extra)}" if extra else ""
        raise InputError(
            f"checkpoint lacks {len(missing)} of {len(expected)} tensors: {listed(missing)}{also}",
            next_step=f"the configuration says {layers} encoder layers: does it belong to this checkpoint?",
        )
    if extra:
        raise InputError(
            f"checkpoint holds {len(extra)} tensors that no rule covers: {listed(extra)}",
            next_step=f"the configuration says {layers} layers; left out are only: {', '.join(DROPPED)}",
        )


def _check_tensor(parameter: Parameter, array: np.ndarray, config: Mapping[str, Any], layout: Layout) -> None:
    expected = shape_of(parameter, config, layout)
    name = parameter.name(layout)
    if array.shape != expected:
        words = shape_in_words(parameter, layout)
        raise InputError(
            f"wrong shape: {name} is {array.shape}, but {words} of the configuration is {expected}",
            next_step="does config.json belong to this checkpoint?",
        )
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(f"wrong type: {name} holds {array.dtype}, not floating-point numbers")


def _convert(array: np.ndarray, transpose: bool) -> np.ndarray:
    return np.ascontiguousarray(array.T if transpose else array)


def to_hub(
    arrays: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    layout: Layout | None = None,
    head_seed: int | None = None,
) -> Conversion:
    """Bring a checkpoint into hub names and orientation.

    Args:
        arrays: name -> array in one layout; encoder-only checkpoints (``embeddings.*``, ``bert.*``) too.
        config: BERT configuration that the shapes are held against.
        layout: the layout, else detected from the names.
        head_seed: seed of the new QASS head that an encoder-only checkpoint gets.

    Raises:
        InputError: a key is missing, extra or there twice, a shape or type is wrong, the layout is not known,
            or the head is missing altogether and no seed for a new one is given.
    """
    full = check_config(config)
    layout = layout or detect_layout(arrays)
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", next_step=f"choose one of: {', '.join(LAYOUTS)}")
    kept, dropped = _collect(arrays, layout)
    wanted = parameters(full["num_hidden_layers"])
    head = [p for p in wanted if p.head]
    new_head = not any(p.name(layout) in kept for p in head)
    if new_head:
        wanted = [p for p in wanted if not p.head]
    _check_names(kept, [p.name(layout) for p in wanted], full["num_hidden_layers"])
    if new_head and head_seed is None:
        raise InputError(
            "checkpoint is an encoder alone, without the QASS head",
            next_step="give a seed for a new head: --head-seed N",
        )
    hub: Arrays = {}
    for parameter in wanted:
        array = kept[parameter.name(layout)]
        _check_tensor(parameter, array, full, layout)
        hub[parameter.hub] = _convert(array, layout in parameter.transposed)
    if new_head and head_seed is not None:
        hub |= seeded_head(full, head_seed)
    return Conversion(hub, layout, tuple(dropped), new_head, head_seed if new_head else None)


def from_hub(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any], layout: Layout) -> Arrays:
    """Hub arrays -> another layout, canonical order, every bit kept.

    Raises:
        InputError: a key is missing or extra, a shape or type is wrong, or there is no such layout.
    """
    full = check_config(config)
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", next_step=f"choose one of: {', '.join(LAYOUTS)}")
    wanted = parameters(full["num_hidden_layers"])
    _check_names(arrays, [p.hub for p in wanted], full["num_hidden_layers"])
    converted: Arrays = {}
    for parameter in wanted:
        _check_tensor(parameter, arrays[parameter.hub], full, "hub")
        converted[parameter.name(layout)] = _convert(arrays[parameter.hub], layout in parameter.transposed)
    return converted


def hub_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Hub name -> shape of every parameter, in canonical order (``transformers``' state dict)."""
    full = check_config(config)
    return {p.hub: shape_of(p, full) for p in parameters(full["num_hidden_layers"])}


def paddle_to_hub(name: str) -> tuple[str, bool]:
    """Paddle name -> (hub name, whether the array is transposed). KeyError: not a parameter of the model."""
    return rename(name, "paddle", "hub")


def hub_to_paddle(name: str) -> tuple[str, bool]:
    """Hub name -> (Paddle name, whether the array is transposed). KeyError: not a parameter of the model."""
    return rename(name, "hub", "paddle")


def hub_orientation(paddle_name: str, array: np.ndarray) -> np.ndarray:
    """A Paddle parameter, its gradient or optimizer state, in hub orientation."""
    return _convert(array, paddle_to_hub(paddle_name)[1])


def paddle_orientation(hub_name: str, array: np.ndarray) -> np.ndarray:
    """A hub parameter, its gradient or optimizer state, in Paddle orientation."""
    return _convert(array, hub_to_paddle(hub_name)[1])
