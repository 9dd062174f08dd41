"""What a report says about its run: profile, inputs, machine, times."""

from repro.config.profile import BackendName, Profile
from repro.config.protocol import ProtocolName
from repro.results.base import Result, Seconds, StepNumber, Text
from repro.results.capture import Cost
from repro.results.inputs import RunInputs
from repro.results.training import TrainingAttempts


class Durations(Result):
    """Seconds from the first to the last file of the run, of each framework's captures, of each training."""

    elapsed: Seconds
    captures: dict[str, Seconds]
    trainings: dict[str, Seconds]


class MissingInputs(Result):
    """Stands for inputs that the run does not hold; says why."""

    missing: str


class RunBlock(Result):
    """Profile, inputs, machine and times: the only part in which two runs of one profile may differ.

    Attributes:
        directory: what ``$RUN`` stands for in the rest of the report.
        settings: the profile after everything that the command line set.
        device, versions: by framework.
        costs: part of the run -> framework -> cost.
        attempts: every training that was ever started in this run directory.
    """

    directory: str
    profile: Text
    protocol: ProtocolName
    backends: tuple[BackendName, ...]
    steps: tuple[StepNumber, ...]
    settings: Profile
    inputs: RunInputs | MissingInputs
    device: dict[str, str]
    versions: dict[str, dict[str, str]]
    machine: dict[str, str]
    repro: str
    durations: Durations
    costs: dict[str, dict[BackendName, Cost]]
    attempts: tuple[TrainingAttempts, ...] = ()
