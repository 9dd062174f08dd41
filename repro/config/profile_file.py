"""Profiles as files: YAML by name or path, with what the command line sets, and the copy that a run keeps."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from repro.config.paths import PACKAGE, RunPaths, atomic_json, read_json
from repro.config.profile import Profile
from repro.config.yaml_text import parse
from repro.errors import InputError

PROFILES = PACKAGE / "config" / "profiles"
TYPES = frozenset({"int", "float", "str", "bool"})  # what pydantic calls the choices of a field


def load_profile(name_or_path: str, overrides: dict[str, Any] | None = None) -> Profile:
    """Read ``profiles/<name>.yaml`` or a YAML file by path, set dotted overrides, validate.

    Args:
        overrides: dotted name -> Python value or YAML text, as in ``{"training.epochs": 3}``.

    Raises:
        InputError: there is no such profile, it is not YAML, or a field is unknown or out of range.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = PROFILES / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml")))
        next_step = f"choose one of: {known}, or name a file that ends in .yaml"
        given = Path(name_or_path)
        raise InputError(f"no profile {name_or_path!r}", where=given if given.exists() else path, next_step=next_step)
    try:
        content = parse(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeError) as error:
        raise InputError(f"the profile cannot be read: {error}", where=path, next_step="save it as UTF-8") from error
    if not isinstance(content, dict):
        raise InputError("not a profile: its fields are missing", where=path, next_step="repro profiles")
    for dotted, value in (overrides or {}).items():
        section = content
        *parents, field = dotted.split(".")
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise InputError(f"{dotted}: {parent} is not a section of the profile", where=path)
        section[field] = _value(dotted, value) if isinstance(value, str) else value
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors()
        place = _place(first["loc"]) or "profile"
        behind = [name for name in overrides or {} if f"{name}.".startswith(f"{place}.") or place.startswith(name)]
        where = f"command line: {place}" if behind else path
        if not first["loc"] and overrides:
            where = f"{path}, with what the command line sets"
        if first["type"] == "extra_forbidden":
            place = next(iter(behind), place)
            nearest = get_close_matches(place, FIELDS, 1, cutoff=0.0)[0]
            step = f"did you mean {nearest}? `repro profiles` lists all of them"
            raise InputError(f"{place}: no such field", where=where, next_step=step) from error
        choices = [first, *(other for other in others if _place(other["loc"]) == place)]
        reasons = dict.fromkeys(MESSAGES.get(e["type"]) or e["msg"].removeprefix("Value error, ") for e in choices)
        raise InputError(f"{place}: {', or: '.join(reasons)}", where=where, next_step="repro profiles") from error


def _place(parts: tuple[int | str, ...]) -> str:
    """The name of a field, without the types that pydantic tries for it in turn: ``literal['all','none']``."""
    return ".".join(str(part) for part in parts if isinstance(part, int) or (part.isidentifier() and part not in TYPES))


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and annotation of every field."""
    for name, field in model.model_fields.items():
        yield prefix + name, field.annotation
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{prefix}{name}.")


FIELDS = dict(_fields(Profile))
MESSAGES = {  # pydantic's kinds of errors, in our users' words
    "tuple_type": "a list is needed, such as [42, 43]",
    "model_type": "this is a section of the profile: its fields are needed, such as SECTION.FIELD=VALUE",
    "missing": "this field is needed",
}


def _value(dotted: str, text: str) -> Any:
    """What ``--set DOTTED=TEXT`` means: the text itself for names and paths, which may hold braces, else YAML."""
    if FIELDS.get(dotted) is str or (FIELDS.get(dotted) == Path | None and text not in ("", "~", "null")):
        return text
    return parse(text, f"--set {dotted}")


def save_profile(run: RunPaths, profile: Profile) -> None:
    """Write the profile of a run, unless the same profile is there already: its file time then stays."""
    content = profile.model_dump(mode="json")
    try:
        same = read_json(run.profile) == content
    except (OSError, ValueError):  # there is none, or it is damaged
        same = False
    if not same:
        atomic_json(run.profile, content)


def run_profile(run: RunPaths) -> Profile:
    """The profile of a run.

    Raises:
        InputError: this is not a run directory, or its profile is damaged or of another version of this program.
    """
    try:
        return Profile.model_validate_json(run.profile.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("this is not a run directory", where=run.root, next_step="repro all --out DIR") from error
    except ValueError as error:  # pydantic's is one
        what = "the profile of this run is damaged, or of another version of this program"
        raise InputError(what, where=run.profile, next_step=f"repro all --out {run.root} writes it again") from error
