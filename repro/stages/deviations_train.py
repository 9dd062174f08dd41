"""Stage ``deviations-train``: trainings with one framework in which rules of the published programs are exchanged.

Reads features and start weights; writes ``deviations/{backend}/{variant}-{size}-{seed}/``, one task per training. Those
that step 11 of the run does by the same rules are not done again.
"""

from repro.alignment.step11_training.train import train_one
from repro.context.deviations import compared, in_step_11
from repro.stages.base import Stage
from repro.stages.train import load_framework


def run(stage: Stage) -> None:
    """Do each training with one framework."""
    load_framework(stage)
    profile, backend = stage.profile, stage.framework
    keys = {key.name: key for key in compared(profile) if not in_step_11(profile, backend, key)}
    for name in stage.parts([*keys]):
        training, rules = keys[name].trained(profile)
        with stage.task(name):
            train_one(stage.run, profile, backend, training, rules=rules, folder=stage.run.deviation(backend, name))
