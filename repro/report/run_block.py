"""Profile, device, versions and everything that holds a time: the only part that two runs do not share."""

import platform
from collections import defaultdict

import repro
from repro.config.paths import RunPaths
from repro.config.profile import BackendName
from repro.context.attempts import read_attempts
from repro.report.collect import Collected, Missing
from repro.results import CaptureProvenance, Cost, TrainingResult
from repro.results.run_block import Durations, MissingInputs, RunBlock


def _elapsed(paths: RunPaths) -> float:
    """Seconds from the first to the last record, dump or training of the run, pauses between starts included."""
    files = [paths.profile, paths.inputs]
    for folder in ("records", "dumps", "training", "features"):
        files += (paths.root / folder).rglob("*.*")
    times = [file.stat().st_mtime for file in files if file.is_file()]
    return round(max(times) - min(times), 1) if times else 0.0


def _costs(collected: Collected) -> dict[str, dict[BackendName, Cost]]:
    costs: dict[str, dict[BackendName, Cost]] = defaultdict(dict)
    for (step, backend), capture in collected.captures.items():
        costs[f"step {step}"][backend] = capture.into(Cost)
    for backend, stages in collected.costs.items():
        for stage, cost in stages.items():
            costs[f"precision, {stage}"][backend] = cost
    return dict(costs)


def run_block(collected: Collected) -> RunBlock:
    """Profile, inputs, device and versions per framework, durations in seconds, time and memory by part."""
    trainings = [result for result in collected.trainings.values() if not isinstance(result, Missing)]
    seconds: dict[str, float] = defaultdict(float)
    versions: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    devices: dict[str, set[str]] = defaultdict(set)
    for (_, backend), capture in collected.captures.items():
        seconds[backend] += capture.seconds
    sources: list[CaptureProvenance | TrainingResult] = [*collected.captures.values(), *trainings]
    for source in sources:
        devices[source.backend].add(source.device)
        for package, version in source.versions.items():
            versions[source.backend][package].add(version)
    profile, inputs = collected.profile, collected.inputs
    return RunBlock(
        directory=str(collected.paths.root),
        profile=profile.name,
        protocol=profile.protocol,
        backends=profile.backends,
        steps=profile.steps,
        settings=profile,
        inputs=MissingInputs(missing=inputs.reason) if isinstance(inputs, Missing) else inputs,
        device={side: ", ".join(sorted(names)) for side, names in sorted(devices.items())},
        versions={
            side: {package: " and ".join(sorted(numbers)) for package, numbers in sorted(by_package.items())}
            for side, by_package in sorted(versions.items())
        },
        machine={
            "system": platform.system(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        repro=getattr(repro, "__version__", "unknown"),
        durations=Durations(
            elapsed=_elapsed(collected.paths),
            captures={side: round(value, 1) for side, value in sorted(seconds.items())},
            trainings={result.folder.removeprefix("training/"): round(result.seconds, 1) for result in trainings},
        ),
        costs=_costs(collected),
        attempts=read_attempts(collected.paths, profile),
    )
