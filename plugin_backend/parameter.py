"""Controls as rows of tables: name, range, default, unit, and what it does."""

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
