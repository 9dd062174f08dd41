"""How the pretraining of a checkpoint changed its seeded start weights, read from the ``recipe.yaml`` beside it.

The random counterpart of a pretrained checkpoint starts from the same weights, so that a comparison shows the gain of
pretraining and not that of another initialisation. ``tools/pretrain`` reads the other fields of the recipe.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from repro.config.yaml_text import parse
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.untrusted.text import reason


class Start(BaseModel):
    """Factors of W_q = W_k (how far attention looks at first), of the position and of the segment embeddings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query_factor: float = Field(1.0, gt=0)
    position_factor: float = Field(1.0, gt=0)
    segment_factor: float = Field(1.0, gt=0)

    def applied(self, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """Changed copy of float32 weights, hub names and orientation."""
        changed = {name: array.copy() for name, array in arrays.items()}
        for name, array in changed.items():
            if name.endswith(("attention.self.query.weight", "attention.self.key.weight")):
                array *= np.float32(self.query_factor)
            elif name.endswith("position_embeddings.weight"):
                array *= np.float32(self.position_factor)
            elif name.endswith("token_type_embeddings.weight"):
                array *= np.float32(self.segment_factor)
        return changed


def read_start(path: Path) -> Start:
    """The ``start`` section of a recipe.

    Raises:
        InputError: no such file, not YAML, or a factor is unknown or out of range.
    """
    try:
        content = parse(path.read_text(encoding="utf-8"), path)
        return Start.model_validate(content.get("start", {}) if isinstance(content, dict) else content)
    except (OSError, ValueError) as error:  # pydantic's is a ValueError
        raise InputError(f"cannot read the recipe: {reason(error)}", where=path) from error
