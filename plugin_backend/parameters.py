"""Describe settings: numbers with a range, choices and texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin_backend.errors import ProjectError


@dataclass(frozen=True)
class Parameter:
    """One control: its name, range, default, unit and description. A NaN default means that it may be left out."""

    name: str
    low: float
    high: float
    default: float
    unit: str
    doc: str

    def validate(self, value: float | str) -> float:
        """Return the value if it is in range.

        Raises:
            ProjectError: the value is out of range, or not a number.
        """
        if isinstance(value, str):
            raise ProjectError(f"{self.name} {value!r:.80}: {self.low:g} to {self.high:g} can be used")
        if not self.low <= value <= self.high and not (math.isnan(value) and math.isnan(self.default)):
            raise ProjectError(f"{self.name} {value:g}: {self.low:g} to {self.high:g} can be used")
        return float(value)


def table(*parameters: Parameter) -> dict[str, Parameter]:
    """Return the parameters by name."""
    return {parameter.name: parameter for parameter in parameters}


MAX_TEXT_CHARACTERS = 1024


@dataclass(frozen=True)
class Choice(Parameter):
    """One of ``names``. As a control it is the number of a name; a value between two numbers is rounded."""

    names: tuple[str, ...] = ()

    def validate(self, value: float | str) -> float:
        """Return the number of a name, or the nearest number of a name.

        Raises:
            ProjectError: there is no such name or number.
        """
        if value in self.names:
            return float(self.names.index(value))
        if isinstance(value, str):
            raise ProjectError(f"{self.name} {value!r}: {', '.join(self.names)} can be used")
        return float(round(super().validate(value)))


def choice(name: str, names: tuple[str, ...], doc: str) -> Choice:
    """Return a choice whose default is the first name.

    Args:
        name: of the choice.
        names: what can be chosen.
        doc: its description.
    """
    return Choice(name, 0, len(names) - 1, 0, "", doc, names)


@dataclass(frozen=True)
class Text:
    """A text setting, given when a stage is made."""

    name: str
    default: str
    doc: str
    unit: str = ""

    def validate(self, value: float | str) -> str:
        """Return the text.

        Raises:
            ProjectError: the text is empty or too long, or holds control characters.
        """
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARACTERS or not value.isprintable():
            raise ProjectError(
                f"{self.name} {value!r:.80}: 1 to {MAX_TEXT_CHARACTERS} printable characters can be used"
            )
        return value
