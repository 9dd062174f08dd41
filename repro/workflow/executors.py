"""Batch systems that run the jobs: each is a Snakemake profile, a folder with ``config.yaml``, under ``docker/``."""

from importlib.util import find_spec
from pathlib import Path

import yaml

from repro.config.paths import PROJECT, expand
from repro.errors import EnvironmentFault, InputError

FOLDER = PROJECT / "docker"
CONFIG = "config.yaml"


def executor_folder(name_or_path: str) -> Path:
    """Folder of a batch system's profile: a name under ``docker/``, or the path of a folder.

    Raises:
        InputError: there is none.
    """
    for folder in (expand(Path(name_or_path)), FOLDER / name_or_path):
        if (folder / CONFIG).is_file():
            return folder.resolve()
    known = ", ".join(sorted(path.parent.name for path in FOLDER.glob(f"*/{CONFIG}")))
    what = f"no executor {name_or_path!r}, and no folder of that name with {CONFIG} in it"
    raise InputError(what, where=FOLDER, next_step=f"choose one of: {known}")


def executor_options(folder: Path, *, jobs: int | None = None, gpus: int | None = None) -> list[str]:
    """Snakemake's options for jobs on a batch system.

    Args:
        jobs: jobs at a time, queued ones included; by default as the profile says.
        gpus: GPU jobs at a time, each with one; by default as many as jobs.

    Raises:
        InputError: the profile is not YAML or names no executor.
        EnvironmentFault: the executor's plugin is not installed.
    """
    path = folder / CONFIG
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"profile is not YAML: {error}", where=path) from error
    if not isinstance(config, dict) or not isinstance(config.get("executor"), str):
        raise InputError("profile of a batch system names no executor", where=path, next_step="executor: slurm")
    plugin = f"snakemake-executor-plugin-{config['executor']}"
    if find_spec(plugin.replace("-", "_")) is None:
        next_step = "install it, or use the environment of ./run_all.sh"
        raise EnvironmentFault(f"{plugin} is not installed", where=path, next_step=next_step)
    limits = (["--jobs", str(jobs)] if jobs else []) + (["--resources", f"gpu={gpus}"] if gpus else [])
    return ["--profile", str(folder), *limits]
