"""The eleven steps. ``stepNN_name/capture.py`` computes with one framework, ``compare.py`` judges both.

* ``capture``: ``FIELDS``, the fields of the profile that it depends on beside ``COMMON_FIELDS``, and ``capture``, which
  yields arrays by precision. Step 11 has ``train`` instead, with ``FIELDS`` and ``train_one``.
* ``compare``: ``TITLE``; ``CLAIMS``, the documented claims that it answers; ``CONTEXT``, the evidence that it needs;
  and ``compare``, which turns that into a ``StepComparison``.

Further files of a step hold what only its ``compare`` needs.
"""

import importlib
from types import ModuleType

STEPS = {
    1: "step01_forward",
    2: "step02_dev_data",
    3: "step03_metric",
    4: "step04_loss",
    5: "step05_optimizer",
    6: "step06_learning_rate",
    7: "step07_regularization",
    8: "step08_backward",
    9: "step09_train_data",
    10: "step10_initialisation",
    11: "step11_training",
}


def step_module(step: int, part: str) -> ModuleType:
    """``capture`` or ``compare`` of a step. By name, so that a process that captures never loads a comparison."""
    return importlib.import_module(f"repro.alignment.{STEPS[step]}.{part}")
