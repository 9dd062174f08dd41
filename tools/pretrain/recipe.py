"""The recipe of a pretraining: everything that decides the weights, read from YAML and checked."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repro.checkpoint.recipe import Start
from repro.errors import InputError
from tools.pretrain.spans import MaskingLimits


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VocabularyRecipe(_Section):
    """How the vocabulary is trained: hard passages, and every question form repeated."""

    passages: int = Field(ge=1)
    question_repeats: int = Field(ge=1)
    size: int = Field(ge=100, description="pieces that the trainer may make, before rare ones are dropped")


class Stage(_Section):
    """Training steps over one kind of passage; linear decay over the last half of the steps."""

    hard: bool
    passages: int = Field(ge=1)
    steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)


class Recipe(_Section):
    """Everything that decides the weights, up to the machine's arithmetic."""

    seed: int
    geometry: dict[str, Any]
    features: dict[str, int] = Field(description="lengths that fine-tuning should use; written into config.json")
    start: Start = Start()
    vocabulary: VocabularyRecipe
    clusters: int = Field(6, ge=1)
    questions: int = Field(8, ge=1)
    frequent_share: float = Field(0.15, ge=0, le=1)
    batch_size: int = Field(ge=1)
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    stages: tuple[Stage, ...]

    @property
    def limits(self) -> MaskingLimits:
        """How much of a passage is masked."""
        return MaskingLimits(self.clusters, self.questions, self.frequent_share)

    @property
    def length(self) -> int:
        """Longest passage in tokens, special ones included."""
        return int(self.geometry["max_position_embeddings"])


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        InputError: no such file, not YAML, or a field is missing, unknown or out of range.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the recipe: {error}", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise InputError(f"{place}: {first['msg']}", where=path) from error
