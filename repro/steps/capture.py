"""Box ``capture``: one framework's dumps of steps 1 to 10, all in one process, each kept once it is finished."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from repro.backends import Backend, load
from repro.dumps import write_dump
from repro.errors import InputError
from repro.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.profile import Profile, run_profile
from repro.progress import track
from repro.steps.context import CaptureContext
from repro.steps.memory import forget_peak, peak_memory
from repro.steps.provenance import digest, source_fingerprint
from repro.steps.registry import ALIGNMENT

SOURCES = (
    *("backends", "checkpoint", "data", "steps", "dumps", "numerics/perturb.py", "profile.py", "protocol.py"),
    *("numerics/adamw.py", "numerics/distribution.py"),  # the rest of numerics only compares
)
# Fields that no dump depends on; a changed one must not throw finished dumps away.
IRRELEVANT = {"name", "description", "steps", "backends", "threads", "evidence", "selftest"}
IRRELEVANT_TRAINING = {"seeds", "baseline", "dropout", "dropout_masks"}


def _settings(profile: Profile) -> dict[str, Any]:
    content = profile.model_dump(mode="json", exclude=IRRELEVANT)
    content["training"] = {k: v for k, v in content["training"].items() if k not in IRRELEVANT_TRAINING}
    return content


def inputs_digest(run: RunPaths, profile: Profile, step: int) -> str:
    """What both frameworks' dumps of a step must have in common: step, settings, data, vocabulary, weights."""
    return digest([step, _settings(profile), _hashes(read_json(run.inputs))])


def _hashes(value: Any) -> Any:
    """The sha256 entries of ``inputs.json``, without the paths, so that a moved folder changes nothing."""
    if isinstance(value, dict):
        if "sha256" in value:
            return value["sha256"]
        return {key: _hashes(item) for key, item in value.items() if isinstance(item, dict)}
    return None


def _context(run: RunPaths, profile: Profile, backend: str) -> CaptureContext:
    return CaptureContext(run, profile, backend, framework=load(backend))


@functools.lru_cache(maxsize=1)
def opened(root: Path, settings: str, backend: str) -> tuple[CaptureContext, str]:
    """(context, device) of one framework, set up once a process."""
    context = _context(RunPaths(root), Profile.model_validate_json(settings), backend)
    profile = context.profile
    device = context.framework.setup(device=profile.device, threads=profile.threads, seed=profile.weights.seed)
    return context, device


def _own_files(run: RunPaths, profile: Profile, backend: str) -> dict[str, str]:
    """sha256 of the files of the run that this backend reads."""
    split = f"train-{profile.alignment.size}-{profile.alignment.seed}"
    files = {name: run.features(backend, name) for name in ("dev", split)}
    files |= {name: run.checkpoint(backend) / name for name in ("model.safetensors", "config.json")}
    for path in files.values():
        if not path.is_file():
            raise InputError("capture needs a file that is not there yet", where=path, next_step="repro all --out DIR")
    return {name: sha256_file(path) for name, path in files.items()}


def is_current(run: RunPaths, backend: str, step: int, fingerprint: str) -> bool:
    """Whether a step's dumps were finished under this fingerprint and are still the files that were written."""
    path = run.capture(backend, step)
    if not path.is_file():
        return False
    content = read_json(path)
    if content.get("fingerprint") != fingerprint:
        return False
    for dtype, entry in content["dumps"].items():
        dump = run.dump(backend, step, dtype)
        if not dump.is_file() or sha256_file(dump) != entry["sha256"]:
            return False
    return True


def capture_step(run: RunPaths, profile: Profile, backend: str, step: int) -> bool:
    """Capture one step with one framework unless it is finished already; True if work was done.

    Raises:
        InputError: a file that the step needs is missing or damaged.
        EnvironmentFault: the device is not there.
    """
    context, device = opened(run.root, profile.model_dump_json(), backend)
    framework: Backend = context.framework
    versions = framework.versions()
    other = "paddle" if backend == "pytorch" else "pytorch"
    sources = source_fingerprint(SOURCES, without=other)
    shared = inputs_digest(run, profile, step)
    files = _own_files(run, profile, backend)
    fingerprint = digest([backend, shared, sources, versions, device, profile.threads, files])
    if is_current(run, backend, step, fingerprint):
        return False
    provenance = run.capture(backend, step)
    provenance.unlink(missing_ok=True)  # from here until the last line this step is not finished
    for dtype in ("float32", "float64"):
        run.dump(backend, step, dtype).unlink(missing_ok=True)
    forget_peak()
    start = time.monotonic()
    dumps = {}
    for dtype, arrays in ALIGNMENT[step].capture(framework, context):
        path = run.dump(backend, step, dtype)
        write_dump(path, arrays)
        dumps[dtype] = {"sha256": sha256_file(path), "bytes": path.stat().st_size, "keys": len(arrays)}
        del arrays  # before the next precision is computed
    content = {
        "backend": backend,
        "step": step,
        "fingerprint": fingerprint,
        "inputs": shared,
        "sources": sources,
        "device": device,
        "threads": profile.threads,
        "versions": versions,
        "seconds": round(time.monotonic() - start, 2),
        "peak_memory": peak_memory(),
        "dumps": dumps,
    }
    atomic_json(provenance, content)
    return True


def capture(run: RunPaths, backend: str, steps: Iterable[int] | None = None) -> None:
    """Capture several steps of a run with one framework, all steps 1 to 10 of its profile unless named."""
    profile = run_profile(run)
    chosen = [step for step in (profile.steps if steps is None else steps) if step in ALIGNMENT]
    for step in track(chosen, total=len(chosen), title=f"capture with {backend}"):
        capture_step(run, profile, backend, step)
