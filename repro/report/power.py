"""Detection power of the checks: the table of the self-test."""

from __future__ import annotations

from typing import Any

from repro.markdown import fenced, table


def power_section(power: dict[str, Any]) -> list[str]:
    """The section after the steps; why it is empty where the self-test did not run."""
    lines = ['<a id="detection-power"></a>', "", "## Detection power of the checks", ""]
    if power["reason"]:
        return [*lines, f"**not run** — {power['reason']}", ""]
    lines += [f"**{'passed' if power['passed'] else 'failed'}** — {power['sentence']}", ""]
    lines += [
        "Each fault was planted in the running code of one framework, in a small run of its own whose other side is as"
        " it is, and compared in all of steps 1 to 10 as above. The margin is that of the first step whose business the"
        " fault is: how many times the float64 gap exceeds what rounding explains, or one float32 error its bound in"
        " terms of the other; where equality is asked for, how many elements differ; else the outcome. Every step and"
        " clean run: [selftest/selftest.md](selftest/selftest.md) and `selftest/selftest.json`.",
        "",
    ]
    lines += table(power["table"]["columns"], power["table"]["rows"])
    return [*lines, "Made again by:", "", *fenced(["python -m repro selftest"], "sh")]
