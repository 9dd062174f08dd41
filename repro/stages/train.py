"""Stage ``train``: step 11, trainings and their evaluation with one framework.

Reads features and start weights; writes ``training/{backend}/{init}-{size}-{seed}/``, one task per training.
"""

import os

from repro.alignment.step11_training.train import train_one
from repro.backends import load
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Do each training with one framework."""
    if stage.profile.training.precision == "tf32":
        os.environ["NVIDIA_TF32_OVERRIDE"] = "1"  # CUDA's libraries read it when a framework loads them
    load(stage.framework)
    for name in stage.parts([f"{init}-{size}-{seed}" for init, size, seed in stage.profile.trainings()]):
        init, size, seed = name.split("-")
        with stage.task(name):
            train_one(stage.run, stage.profile, stage.framework, init, int(size), int(seed))
