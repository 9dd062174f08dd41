"""What Linux says about the processor."""

from pathlib import Path


def cpu_field(name: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """A field of the first core, such as ``vendor_id`` or ``model name``; empty where the system does not say."""
    try:
        fields = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ""
    return next((value.strip() for field, _, value in fields if field.strip() == name), "")
