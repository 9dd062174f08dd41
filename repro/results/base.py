"""What every result has in common: strict, frozen, and without numbers that JSON has no word for."""

from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from repro.config.paths import atomic_json
from repro.errors import InputError

R = TypeVar("R", bound="Result")
Cell = float | int | str | bool | list[int] | None
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
StepNumber = Annotated[int, Field(ge=1, le=11)]


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong with a value, and where in it."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


class Result(BaseModel):
    """A value that is written to a file of the run or read from one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)

    def replace(self, **changes: Any) -> Self:
        """The same with other values of these fields, which are not checked again."""
        return self.model_copy(update=changes)

    def into(self, model: type[R], **fields: Any) -> R:
        """A ``model`` of these fields and of those that it shares with this value."""
        return model.model_validate(self.model_dump(include=set(model.model_fields)) | fields)

    def write(self, path: Path) -> None:
        """Write the value as JSON, atomically."""
        atomic_json(path, self.model_dump(mode="json"))

    @classmethod
    def parse(cls, text: str | bytes, name: str) -> Self:
        """The value of a JSON text; ``name`` is what a message calls its file.

        Raises:
            InputError: the text is cut off, contradicts itself or holds something else.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"{name} is not complete ({first_error(error)})") from error

    @classmethod
    def read(cls, path: Path, name: str = "") -> Self:
        """The value of a file.

        Raises:
            InputError: it is missing, or as ``parse``.
        """
        try:
            return cls.parse(path.read_bytes(), name or str(path))
        except OSError as error:
            raise InputError(f"{name or path} is missing") from error


class Grid(Result):
    """Cells for a reader: every row has as many as there are columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row {list(row)} does not fit the columns {list(self.columns)}")
        return self


class Table(Grid):
    """Further results of a step."""

    title: str
