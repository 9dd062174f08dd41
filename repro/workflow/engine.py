"""``python -m repro.workflow.engine OPTIONS``: Snakemake for jobs of this machine, without its installed plugins.

It imports all of them as it starts, and that of Slurm brings pandas: a third of the start, 0.6 s.
"""

from typing import Any

from snakemake_interface_common.plugin_registry import PluginRegistryBase


def _collect_none(registry: PluginRegistryBase) -> None:
    registry.plugins = {}  # Snakemake adds its own, such as the local executor


def load() -> Any:
    """Snakemake's ``main``."""
    PluginRegistryBase.collect_plugins = _collect_none
    from snakemake.cli import main

    return main


if __name__ == "__main__":
    load()()
