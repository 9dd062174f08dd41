"""Stage ``train``: step 11, trainings and their evaluation with one framework.

Reads features and start weights; writes ``training/{backend}/{init}-{size}-{seed}/``, one task per training.
"""

import os

from repro.alignment.step11_training.train import train_one
from repro.backends import load
from repro.config.protocol import rules
from repro.stages.base import Stage


def load_framework(stage: Stage) -> None:
    """Load the stage's framework for trainings, so that this is no part of the first one's time."""
    if stage.profile.training.precision == "tf32":
        os.environ["NVIDIA_TF32_OVERRIDE"] = "1"  # CUDA's libraries read it when a framework loads them
    load(stage.framework)


def run(stage: Stage) -> None:
    """Do each training with one framework."""
    load_framework(stage)
    profile, backend = stage.profile, stage.framework
    trainings, followed = {key.name: key for key in profile.trainings()}, rules(profile.protocol, backend)
    for name in stage.parts([*trainings]):
        with stage.task(name):
            folder = stage.run.training(backend, *trainings[name])
            train_one(stage.run, profile, backend, trainings[name], rules=followed, folder=folder)
