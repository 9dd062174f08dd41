"""What every section of a profile is: its fields are known, its numbers in range, its texts possible file names."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

LONGEST_NAME = 255  # bytes, of a file on Linux
LARGEST = 2**32 - 1  # of seeds and counts
Size = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of the sections, and of the profile itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _in_range(cls, value: object) -> object:
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, int) and not 0 <= item <= LARGEST:
                raise ValueError(f"{item} is not from 0 to {LARGEST}")
            if isinstance(item, str | Path):
                _check_name(str(item))
        return value


def _check_name(text: str) -> None:
    """Raise ValueError where a text could be no file name."""
    try:
        parts = os.fsencode(text).split(b"/")
    except UnicodeError as error:
        raise ValueError("characters that no file name can hold") from error
    if "\0" in text or max(map(len, parts)) > LONGEST_NAME:
        raise ValueError(f"a null character, or more than {LONGEST_NAME} bytes between two slashes")
