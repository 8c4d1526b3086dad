"""Settings that are no numbers: one of a few names, or words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin_backend.errors import ProjectError


@dataclass(frozen=True)
class Parameter:
    """One control: its name, range, default, unit and what it does. A NaN default is one that may be left out."""

    name: str
    low: float
    high: float
    default: float
    unit: str
    doc: str

    def checked(self, value: float) -> float:
        """The value, if it is in range.

        Raises:
            ProjectError: it is not, or is no number.
        """
        if isinstance(value, str):
            raise ProjectError(f"{self.name} {value!r:.80}: {self.low:g} to {self.high:g} can be used")
        if not self.low <= value <= self.high and not (math.isnan(value) and math.isnan(self.default)):
            raise ProjectError(f"{self.name} {value:g}: {self.low:g} to {self.high:g} can be used")
        return float(value)


def table(*parameters: Parameter) -> dict[str, Parameter]:
    """Rows by name."""
    return {parameter.name: parameter for parameter in parameters}


MAX_TEXT_CHARACTERS = 1024


@dataclass(frozen=True)
class Choice(Parameter):
    """One of ``names``; as a control the number of one, and what is between two numbers is the nearer."""

    names: tuple[str, ...] = ()

    def checked(self, value: float | str) -> float:
        """The number of a name, or of what a number is nearest to.

        Raises:
            ProjectError: there is no such name or number.
        """
        if value in self.names:
            return float(self.names.index(value))
        if isinstance(value, str):
            raise ProjectError(f"{self.name} {value!r}: {', '.join(self.names)} can be used")
        return float(round(super().checked(value)))


def choice(name: str, names: tuple[str, ...], doc: str) -> Choice:
    """A row whose default is the first name."""
    return Choice(name, 0, len(names) - 1, 0, "", doc, names)


@dataclass(frozen=True)
class Text:
    """A setting of words, given when a stage is made."""

    name: str
    default: str
    doc: str
    unit: str = ""

    def checked(self, value: float | str) -> str:
        """The words.

        Raises:
            ProjectError: they are none, or too many, or hold control characters.
        """
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARACTERS or not value.isprintable():
            raise ProjectError(
                f"{self.name} {value!r:.80}: 1 to {MAX_TEXT_CHARACTERS} printable characters can be used"
            )
        return value
