"""Models that are built once and reset whenever they are loaded again, for the self-test.

It loads one small model hundreds of times, and building it takes ten times as long as resetting it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from repro.checkpoint import read_checkpoint
from repro.config.protocol import Rules
from repro.numerics.arrays import Arrays


class ModelPool:
    """One module of each precision and dropout, all of one geometry."""

    def __init__(self, backend: ModuleType, forget_gradients: Callable[[Any], object]) -> None:
        self.backend, self.forget_gradients = backend, forget_gradients
        self._build = backend.load_model
        self._modules: dict[tuple[str, float], tuple[Any, list[tuple[Any, dict[str, Any]]]]] = {}

    def in_use(self, checkpoint: Path, rules: Rules) -> AbstractContextManager[object]:
        """Within the context the backend's ``load_model`` takes models from here; of each kind one is in use.

        Those without dropout are built before: a fault that is planted later must not act while they are.
        """
        for dtype in ("float32", "float64"):
            if (dtype, 0.0) not in self._modules:
                self.load_model(checkpoint, rules=rules, dtype=dtype)
        return patch.object(self.backend, "load_model", self.load_model)

    def load_model(self, checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> Any:
        """As ``Backend.load_model``. What was done to the module before is undone, whatever it was.

        Attributes of every submodule (a replaced ``forward``, an epsilon, the mode) are as they were built, parameters
        those of the checkpoint, and there are no gradients.
        """
        if (dtype, dropout) not in self._modules:
            model = self._build(checkpoint, rules=rules, dtype=dtype, dropout=dropout)
            model.module.eval()  # which most captures want next, and which takes longer than some of them
            attributes = [(part, dict(vars(part))) for part in _parts(model.module)]
            self._modules[dtype, dropout] = model.module, attributes
            return model
        module, attributes = self._modules[dtype, dropout]
        for part, built in attributes:
            vars(part).clear()
            vars(part).update(built)
        self.forget_gradients(module)
        model = self.backend.model.Model(module, rules)
        model.replace(_weights(checkpoint.resolve()))
        return model


@lru_cache(maxsize=1)
def _weights(checkpoint: Path) -> Arrays:
    """Those of the clean run, to which every faulty run's folder is a link."""
    return read_checkpoint(checkpoint)[0]


def _parts(module: Any) -> Iterator[Any]:
    """The module and everything inside it."""
    yield module
    for part in module.children():
        yield from _parts(part)
