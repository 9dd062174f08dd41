"""One framework's dumps of one of steps 1 to 10, and what was written down about them."""

import time

from repro.alignment import step_module
from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import Profile
from repro.context.capture import inputs_digest, opened
from repro.dumps import write_dump
from repro.machine.memory import forget_peak, peak_memory
from repro.results import CaptureProvenance, DumpFile


def capture_step(run: RunPaths, profile: Profile, backend: str, step: int) -> None:
    """Write ``dumps/{backend}/stepNN.npy`` (and ``.float64.npy``), then ``stepNN.json``, which says what they are.

    Raises:
        InputError: a file that the step needs is missing or damaged.
        EnvironmentFault: the device is not there.
    """
    context, device = opened(run.root, profile.model_dump_json(), backend)
    run.capture(backend, step).unlink(missing_ok=True)  # from here until the last line this step is not finished
    for dtype in ("float32", "float64"):
        run.dump(backend, step, dtype).unlink(missing_ok=True)
    module = step_module(step, "capture")
    forget_peak()
    start = time.monotonic()
    dumps: dict[str, DumpFile] = {}
    for dtype, arrays in module.capture(context.framework, context):
        path = run.dump(backend, step, dtype)
        write_dump(path, arrays)
        dumps[dtype] = DumpFile(sha256=sha256_file(path), bytes=path.stat().st_size, keys=len(arrays))
        del arrays  # before the next precision is computed
    provenance = CaptureProvenance.model_validate(
        {
            "backend": backend,
            "step": step,
            "inputs": inputs_digest(run, profile, step, module.FIELDS),
            "device": device,
            "threads": profile.threads,
            "versions": context.framework.versions(),
            "seconds": round(time.monotonic() - start, 2),
            "peak_memory": peak_memory(),
            "dumps": dumps,
        }
    )
    provenance.write(run.capture(backend, step))
