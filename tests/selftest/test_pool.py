"""Models that are reset in place of being built, with a backend of plain Python."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from repro.backends.common import pool
from repro.backends.common.pool import ModelPool
from repro.config.protocol import rules

RULES = rules("paper", "pytorch")


class Part:
    """A module with an epsilon, a weight and perhaps others inside."""

    def __init__(self, *inside: "Part") -> None:
        self.inside, self.epsilon, self.weight, self.gradient = inside, 1e-12, 0.0, None

    def children(self) -> tuple["Part", ...]:
        return self.inside

    def eval(self) -> None:
        """Nothing here depends on the mode."""

    def forward(self) -> str:
        return "as built"


class Model:
    """A module, its rules, and the weights that it was given."""

    def __init__(self, module: Part, rules: object) -> None:
        self.module, self.rules = module, rules

    def replace(self, arrays: dict[str, float]) -> None:
        self.module.children()[0].weight = arrays["weight"]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = ModuleType("backend")
    module.built = []
    module.model = SimpleNamespace(Model=Model)

    def load_model(checkpoint: Path, *, rules: object, dtype: str, dropout: float) -> Model:
        module.built.append((dtype, dropout))
        return Model(Part(Part()), rules)

    def forget_gradients(part: Part) -> None:
        part.children()[0].gradient = None

    module.load_model = load_model
    module.pool = ModelPool(module, forget_gradients)
    monkeypatch.setattr(pool, "read_checkpoint", lambda path: ({"weight": float(path.name)},))
    return module


def test_a_model_is_built_once_and_reset(backend: Any) -> None:
    original = backend.load_model
    with backend.pool.in_use(Path("1"), RULES):
        assert backend.built == [("float32", 0.0), ("float64", 0.0)], "before a fault is planted"
        model = backend.load_model(Path("1"), rules=RULES)
        (inside,) = model.module.children()
        inside.epsilon, inside.forward, inside.added, inside.gradient = 1e-5, lambda: "changed", 1, 2
        model.module.forward = inside.forward
        again = backend.load_model(Path("3"), rules=None)
        assert again.module is model.module and again.rules is None
        assert inside.epsilon == 1e-12 and inside.forward() == again.module.forward() == "as built"
        assert not hasattr(inside, "added") and inside.gradient is None and inside.weight == 3.0
        assert backend.load_model(Path("1"), rules=RULES, dtype="float64").module is not model.module
        assert backend.load_model(Path("1"), rules=RULES, dropout=0.1).module is not model.module
    assert backend.built == [("float32", 0.0), ("float64", 0.0), ("float32", 0.1)]
    assert backend.load_model is original
    with backend.pool.in_use(Path("1"), RULES):
        assert len(backend.built) == 3
