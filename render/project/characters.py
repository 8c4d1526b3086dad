"""Characters of a project: who walks in which shoes, at which cadence, with which foot first."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta

from plugin_backend.text import NOT_IN_NAME
from render.project.timecode import round_half_up
from render.project.toml_config import Table

LONGEST_NAME = 64
CHARACTER_RULE = f"a character's name has 1 to {LONGEST_NAME} characters on one line"
SHOES_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


class Character(Table, frozen=True):
    """A table ``[characters.NAME]`` of the project file.

    Attributes:
        shoes: the cluster of a preset's takes that this character wears, by its name or number; None leaves it open.
        cadence_spm: steps a minute of its walks that state none, 1 to 1200; None uses the gait's.
        asymmetry: how much later and softer its left foot lands than its right, as a share of one step, −0.3 to 0.3;
            None uses the gait's.
        first_foot: the foot that its steps begin with, after a pause too.
        pause_s: seconds without a step after which it begins again with its first foot, 0.1 to 60.
    """

    shoes: Annotated[str, Meta(pattern=SHOES_PATTERN)] | Annotated[int, Meta(ge=0, le=999)] | None = None
    cadence_spm: Annotated[float, Meta(ge=1, le=1200)] | None = None
    asymmetry: Annotated[float, Meta(ge=-0.3, le=0.3)] | None = None
    first_foot: Literal["L", "R"] = "R"
    pause_s: Annotated[float, Meta(ge=0.1, le=60)] = 2.0

    def pause_samples(self, rate_hz: int) -> int:
        """Return ``pause_s`` in samples, rounded once."""
        return round_half_up(exact(self.pause_s) * rate_hz)


def exact(number: float) -> Fraction:
    """Return a number of a TOML file as the decimal number that was written."""
    return Fraction(Decimal(repr(number)))


def is_character_name(name: str) -> bool:
    """Return whether :data:`CHARACTER_RULE` allows a name.

    Examples:
        >>> is_character_name("Anna"), is_character_name(" ")
        (True, False)
    """
    return 0 < len(name) <= LONGEST_NAME and name.strip() == name and NOT_IN_NAME.search(name) is None
