"""Conversion between the layouts: strict both ways, every bit of every tensor kept."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from repro.checkpoint.geometry import ModelConfig, check_config, shape_in_words, shape_of
from repro.checkpoint.initial import seeded_head
from repro.checkpoint.names import DROPPED, LAYOUTS, Layout, Parameter, parameters, rename
from repro.checkpoint.tensors import BFLOAT16, to_float32
from repro.errors import InputError
from repro.numerics.arrays import Arrays

WRAPPERS = ("module.", "_orig_mod.", "model.")  # before every name: data parallel, torch.compile, a training framework
LISTED = 8  # names that a message spells out


@dataclass(frozen=True)
class Conversion:
    """A checkpoint in hub names and orientation, and how it got there.

    Attributes:
        arrays: hub name -> array, canonical order, dtypes of the source.
        layout: layout of the source.
        wrapper: what stood before every name of the source, and was taken off.
        dropped: names of the source that were ignored (pooler, language model head, next sentence head, position ids).
        head_seed: seed of the new QASS head where the checkpoint was an encoder alone, else None.
        converted: how many tensors were of another type than float32 and became it, by type.
    """

    arrays: Arrays
    layout: Layout
    dropped: tuple[str, ...]
    head_seed: int | None
    converted: Mapping[str, int] = field(default_factory=dict)
    wrapper: str = ""

    def describe(self) -> str:
        """What was read and what changed, in sentences."""
        text = f"{len(self.arrays)} tensors, read in layout {self.layout}."
        if self.wrapper:
            text += f" Every name began with {self.wrapper}, which was taken off."
        if self.dropped:
            text += f" Left out: {', '.join(self.dropped)}."
        for dtype, count in self.converted.items():
            text += f" {count} tensors of {dtype} were converted to float32, which holds each of their numbers exactly."
        if self.head_seed is not None:
            text += f" It was an encoder alone: its QASS head is new, drawn with seed {self.head_seed}."
        return text


def listed(names: Iterable[str]) -> str:
    """The first names of a list, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - LISTED
    return ", ".join(ordered[:LISTED]) + (f" and {more} more" if more > 0 else "")


def detect_layout(names: Iterable[str]) -> Layout:
    """Layout to which a checkpoint's names belong.

    Raises:
        InputError: the names are of none of the layouts.
    """
    names = list(names)
    if any(name.startswith(("splinter.", "splinter_qass.")) for name in names):
        return "hub"
    encoder = [re.sub(r"^bert\.", "", name) for name in names]
    if any(name.startswith(("encoder.layers.", "embeddings.layer_norm.")) for name in encoder):
        return "paddle"
    if any(name.startswith(("encoder.layer.", "embeddings.")) for name in encoder):
        return "pytorch"
    raise InputError(
        f"the tensors are not those of a BERT or Splinter model: {listed(names) or 'there are none'}",
        next_step="known are bert.* or embeddings.* (original, Paddle) and splinter.* (hub)",
    )


def _unwrapped(arrays: Mapping[str, np.ndarray]) -> tuple[Mapping[str, np.ndarray], str]:
    """The same without what a wrapper around the model put before every name, and that."""
    taken = ""
    while wrapper := next((w for w in WRAPPERS if arrays and all(name.startswith(w) for name in arrays)), ""):
        arrays, taken = {name.removeprefix(wrapper): array for name, array in arrays.items()}, taken + wrapper
    return arrays, taken


def _normalise(name: str, layout: Layout) -> str:
    """Older and shorter spellings of a name -> the table's."""
    if layout == "hub":
        return name
    name = re.sub(r"^(?=(embeddings|encoder|pooler)\.)", "bert.", name)  # an encoder alone
    name = re.sub(r"^new_cls\.(?=span_predictions\.)", "cls.", name)  # fine-tuned from a new head
    if layout == "pytorch":  # names that TensorFlow's LayerNorm had
        name = re.sub(r"(?<=\.LayerNorm\.)gamma$", "weight", name)
        name = re.sub(r"(?<=\.LayerNorm\.)beta$", "bias", name)
    return name


def _collect(arrays: Mapping[str, np.ndarray], layout: Layout) -> tuple[Arrays, list[str]]:
    """Arrays under the table's names, and the names that are ignored."""
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


def _check_names(names: Iterable[str], expected: Iterable[str], layers: int) -> None:
    names, expected = set(names), set(expected)
    missing, extra = expected - names, names - expected
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


def _check_tensor(parameter: Parameter, array: np.ndarray, config: ModelConfig, layout: Layout) -> None:
    expected = shape_of(parameter, config, layout)
    name = parameter.name(layout)
    if array.shape != expected:
        words = shape_in_words(parameter, layout)
        raise InputError(
            f"wrong shape: {name} is {array.shape}, but {words} of the configuration is {expected}",
            next_step="does config.json belong to this checkpoint?",
        )
    if array.dtype != BFLOAT16 and (array.dtype.kind != "f" or array.dtype.itemsize > 8):
        raise InputError(f"wrong type: {name} holds {array.dtype}, not floating-point numbers")


def _convert(array: np.ndarray, transpose: bool) -> np.ndarray:
    return np.ascontiguousarray(array.T if transpose else array)


def to_hub(arrays: Mapping[str, np.ndarray], config: Mapping[str, object], head_seed: int | None = None) -> Conversion:
    """Bring a checkpoint into hub names and orientation.

    Args:
        arrays: name -> array in one layout; encoder-only checkpoints (``embeddings.*``, ``bert.*``) too.
        config: BERT configuration that decides the shapes.
        head_seed: seed of the new QASS head that an encoder-only checkpoint gets.

    Raises:
        InputError: a key is missing, extra or there twice, a shape or type is wrong, the names are of no layout, or
            the whole head is missing and there is no seed for a new one.
    """
    full = check_config(config)
    arrays, wrapper = _unwrapped(arrays)
    layout = detect_layout(arrays)
    kept, dropped = _collect(arrays, layout)
    expected = parameters(full["num_hidden_layers"])
    new_head = not any(p.name(layout) in kept for p in expected if p.head)
    if new_head:
        expected = [p for p in expected if not p.head]
    _check_names(kept, [p.name(layout) for p in expected], full["num_hidden_layers"])
    if new_head and head_seed is None:
        raise InputError(
            "checkpoint is an encoder alone, without the QASS head",
            next_step="give a seed for a new head: --head-seed N",
        )
    hub: Arrays = {}
    for parameter in expected:
        array = kept[parameter.name(layout)]
        _check_tensor(parameter, array, full, layout)
        hub[parameter.hub] = _convert(array, layout in parameter.transposed)
    if new_head and head_seed is not None:
        hub |= seeded_head(full, head_seed)
    return Conversion(hub, layout, tuple(dropped), head_seed if new_head else None, wrapper=wrapper)


def as_float32(conversion: Conversion) -> Conversion:
    """The same with every array in float32.

    Raises:
        InputError: float32 does not hold a number exactly; names the tensor.
    """
    arrays: Arrays = {}
    types: Counter[str] = Counter()
    for name, array in conversion.arrays.items():
        try:
            arrays[name] = to_float32(array)
        except InputError as error:
            raise InputError(f"{name} {error.what}", next_step=error.next_step) from error
        if array.dtype != np.float32:
            types["bfloat16" if array.dtype == BFLOAT16 else str(array.dtype)] += 1
    return replace(conversion, arrays=arrays, converted=types)


def check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse weights with which nothing can be computed.

    Raises:
        InputError: a tensor holds NaN or an infinity; names it.
    """
    for name, array in arrays.items():
        if wrong := int(array.size - np.count_nonzero(np.isfinite(array))):
            what = f"{name} holds {wrong} of {array.size} numbers that are NaN or infinite"
            raise InputError(what, next_step="these weights cannot be trained: take them from before the failure")


def from_hub(arrays: Mapping[str, np.ndarray], config: Mapping[str, object], layout: Layout) -> Arrays:
    """Hub arrays -> another layout, canonical order, every bit kept.

    Raises:
        InputError: a key is missing or extra, a shape or type is wrong, or there is no such layout.
    """
    full = check_config(config)
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", next_step=f"choose one of: {', '.join(LAYOUTS)}")
    expected = parameters(full["num_hidden_layers"])
    _check_names(arrays, [p.hub for p in expected], full["num_hidden_layers"])
    converted: Arrays = {}
    for parameter in expected:
        _check_tensor(parameter, arrays[parameter.hub], full, "hub")
        converted[parameter.name(layout)] = _convert(arrays[parameter.hub], layout in parameter.transposed)
    return converted


def hub_shapes(config: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Hub name -> shape of every parameter, in canonical order (``transformers``' state dict)."""
    full = check_config(config)
    return {p.hub: shape_of(p, full) for p in parameters(full["num_hidden_layers"])}


def paddle_to_hub(name: str) -> str:
    """Hub name of a Paddle parameter.

    Raises:
        KeyError: the model has no such parameter.
    """
    return rename(name, "paddle", "hub")[0]


def other_orientation(name: str, array: np.ndarray) -> np.ndarray:
    """A parameter (hub name), its gradient or moment from the hub's orientation to Paddle's or back, contiguous."""
    return _convert(array, rename(name, "hub", "paddle")[1])
