"""The start of a pretraining: what it changes, and recipes that are refused."""

from pathlib import Path

import numpy as np
import pytest

from repro.checkpoint.recipe import Start, read_start
from repro.config.paths import CHECKPOINTS
from repro.errors import InputError


def test_start_changes_what_it_says_and_nothing_else() -> None:
    parts = ("attention.self.query", "position_embeddings", "token_type_embeddings", "other")
    names = [f"{part}.weight" for part in parts]
    arrays = {name: np.ones((2, 2), np.float32) for name in names}
    start = Start(query_factor=0.5, position_factor=2.0, segment_factor=0.25).applied(arrays)
    assert [float(start[name].max()) for name in names] == [0.5, 2.0, 0.25, 1.0]
    assert all((array == 1).all() for array in arrays.values())


def test_the_shipped_recipe_and_one_without_a_start(tmp_path: Path) -> None:
    assert read_start(CHECKPOINTS / "mini" / "recipe.yaml") == Start(
        query_factor=0.667, position_factor=1.5, segment_factor=0.2
    )
    (tmp_path / "recipe.yaml").write_text("seed: 1\n")
    assert read_start(tmp_path / "recipe.yaml") == Start()


@pytest.mark.parametrize("text", ["start: {query_factor: 0}", "start: {unknown: 1}", "start: 3", "- a", "seed: ["])
def test_wrong_recipes_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"cannot read the recipe|not YAML"):
        read_start(path)
    with pytest.raises(InputError, match="No such file"):
        read_start(tmp_path / "none.yaml")
