"""The section of a profile that says which deviations of the published programs are measured, and on which files."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from repro.config.protocol import Rules
from repro.config.section import Section, Size
from repro.config.switches import SWITCHES, SwitchName, Variant, variants


class Deviations(Section):
    """Trainings from pretrained weights with single rules of the two programs exchanged."""

    switches: Literal["all", "none"] | tuple[SwitchName, ...] = Field("none", description="all, none, or a list")
    sizes: tuple[Size, ...] | None = Field(
        None, min_length=1, description="numbers of examples; none: those of the training"
    )
    seeds: tuple[int, ...] | None = Field(None, min_length=1, description="training files; none: those of the training")

    def variants(self) -> dict[str, Variant]:
        """What is trained, by name; nothing where no switch is chosen."""
        if isinstance(self.switches, str):
            return variants(SWITCHES if self.switches == "all" else ())
        return variants(self.switches)

    def rules(self) -> Iterator[Rules]:
        """The rules of every variant."""
        return (variant.rules for variant in self.variants().values())
