"""The steps by number."""

from __future__ import annotations

from types import ModuleType

from repro.steps import (
    s01_forward,
    s02_dev_data,
    s03_metric,
    s04_loss,
    s05_optimizer,
    s06_learning_rate,
    s07_regularization,
    s08_backward,
    s09_train_data,
    s10_initialisation,
)

ALIGNMENT: dict[int, ModuleType] = {
    1: s01_forward,
    2: s02_dev_data,
    3: s03_metric,
    4: s04_loss,
    5: s05_optimizer,
    6: s06_learning_rate,
    7: s07_regularization,
    8: s08_backward,
    9: s09_train_data,
    10: s10_initialisation,
}
