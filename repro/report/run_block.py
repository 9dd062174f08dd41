"""Profile, device, versions and everything that holds a time: the only part that two runs do not share."""

from __future__ import annotations

import platform
from collections import defaultdict
from typing import Any

import repro
from repro.errors import InputError
from repro.paths import RunPaths
from repro.report.collect import Collected, read_object


def _seconds(content: dict[str, Any]) -> float:
    value = content.get("seconds", 0.0)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _elapsed(paths: RunPaths) -> float:
    """Seconds from the first to the last record, dump or training of the run, pauses between starts included."""
    files = [paths.profile, paths.inputs]
    for folder in ("records", "dumps", "training", "features"):
        files += (paths.root / folder).rglob("*.*")
    times = [file.stat().st_mtime for file in files if file.is_file()]
    return round(max(times) - min(times), 1) if times else 0.0


def _costs(collected: Collected) -> dict[str, dict[str, dict[str, float]]]:
    """Part of the run -> backend -> ``seconds`` and ``peak_memory`` (bytes) of the process that did it."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)

    def add(part: str, backend: str, content: Any) -> None:
        own = {name: content.get(name) for name in ("seconds", "peak_memory")}
        if all(isinstance(value, (int, float)) and value >= 0 for value in own.values()):
            found[part][backend] = own

    for number, step in collected.steps.items():
        for backend, content in step.provenance.items():
            add(f"step {number}", backend, content)
    for backend in collected.profile.backends:
        try:
            stages = read_object(collected.paths.precision(backend), "precision").get("cost", {})
        except InputError:  # not measured in this run, or by another version
            continue
        for stage, content in stages.items():
            add(f"precision, {stage}", backend, content)
    return dict(found)


def run_block(collected: Collected) -> dict[str, Any]:
    """Profile, inputs, device and versions per backend, durations in seconds, time and memory by part."""
    versions: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    devices: dict[str, set[str]] = defaultdict(set)
    captures: dict[str, float] = defaultdict(float)
    training: dict[str, float] = {}
    sources = [(name, content) for step in collected.steps.values() for name, content in step.provenance.items()]
    for name, content in sources:
        captures[name] += _seconds(content)
    for item in collected.trainings:
        sources.append((item.backend, item.result))
        if item.result:
            training[f"{item.backend}/{item.init}-{item.size}-{item.seed}"] = round(_seconds(item.result), 1)
    for name, content in sources:
        if isinstance(device := content.get("device"), str):
            devices[name].add(device)
        for package, version in (content.get("versions") or {}).items():
            versions[name][package].add(str(version))
    profile = collected.profile
    return {
        "directory": str(collected.paths.root),
        "profile": profile.name,
        "protocol": profile.protocol,
        "backends": list(profile.backends),
        "steps": list(profile.steps),
        "settings": profile.model_dump(mode="json"),
        "inputs": collected.inputs,
        "device": {name: ", ".join(sorted(found)) for name, found in sorted(devices.items())},
        "versions": {
            name: {package: " and ".join(sorted(found)) for package, found in sorted(packages.items())}
            for name, packages in sorted(versions.items())
        },
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "repro": getattr(repro, "__version__", "unknown"),
        "durations": {
            "elapsed": _elapsed(collected.paths),
            "captures": {name: round(seconds, 1) for name, seconds in sorted(captures.items())},
            "trainings": training,
        },
        "costs": _costs(collected),
    }
