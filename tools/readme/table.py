"""The table of claims in words, with the figures of the excerpts."""

from collections.abc import Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from repro.config.profile import BACKEND_NAMES
from repro.errors import InputError
from repro.markdown import clock
from tools.readme import BEGIN, END, TEMPLATES
from tools.readme.excerpt import Excerpt


def table(excerpts: Mapping[str, Excerpt], template: str) -> str:
    """The table in one language; rows of runs without an excerpt are left out.

    Raises:
        InputError: a figure is missing, since a run left out a step that the table shows.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        small=lambda value: f"{float(value):.1e}", clock=clock, f1=_f1, total=_total, failed=_failed, verdict=_verdict
    )
    try:
        return environment.get_template(template).render(excerpts).strip() + "\n"
    except UndefinedError as error:
        what = f"the table of claims lacks a figure: {error.message}"
        raise InputError(what, next_step="name a run of all steps, the self-test included") from error


def replaced(text: str, lines: str) -> str:
    """A README with another table between its two comments.

    Raises:
        ValueError: it does not have both.
    """
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no place for the table: {BEGIN.strip()} and {END.strip()} are missing")
    return f"{before}{BEGIN}{lines}{END}{after}"


def _f1(sides: Mapping[str, Mapping[str, float]]) -> str:
    """``56.8 → 65.7 → 75.2``, once if both frameworks have the same, else for each."""
    texts = {BACKEND_NAMES[side]: " → ".join(f"{mean:.1f}" for mean in means.values()) for side, means in sides.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{text} ({name})" for name, text in texts.items())


def _total(steps: Mapping[str, Excerpt], count: str, *numbers: int) -> int:
    """Records of these steps, or of all, with one outcome."""
    return sum(step.get(count, 0) for number, step in steps.items() if not numbers or int(number) in numbers)


def _failed(steps: Mapping[str, Excerpt]) -> str:
    return ", ".join(number for number, step in steps.items() if step["status"] == "failed")


def _verdict(claim: Excerpt) -> str:
    return f"*{claim['verdict']}*"
