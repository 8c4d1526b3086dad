"""Every control of the transfer node in one table; options, maps and docs are made from it."""

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
            ProjectError: it is not.
        """
        if not self.low <= value <= self.high and not (math.isnan(value) and math.isnan(self.default)):
            raise ProjectError(f"{self.name} {value:g}: {self.low:g} to {self.high:g} can be used")
        return float(value)


def _table(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


PARAMETERS = _table(
    Parameter("mix", 0, 1, 1, "", "0 is the dry input, 1 the wet sound."),
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the wet sound."),
    Parameter("strength", 0, 1, 1, "", "How far the latents move by the preset's bias and scale."),
    Parameter("blend", 0, 1, 0.5, "", "How far they then go to the preset's own latents nearest to them."),
    Parameter("morph", 0, 1, 0, "", "From the preset (0) to a second one (1), where there is one."),
    Parameter("follow", 0, 1, 1, "", "How much the wet sound takes the input's level: its envelope, or its hits'."),
    Parameter("follow_ms", 1, 500, 5, "ms", "Time constant of the envelope that is followed."),
    Parameter("smooth_ms", 0, 2000, 0, "ms", "Time constant of the one-pole that smooths every latent; 0: none."),
)

LATENT_PARAMETERS = _table(
    Parameter("value", -8, 8, math.nan, "", "Instead of what was encoded and moved."),
    Parameter("scale", -8, 8, 1, "", "Multiplies it."),
    Parameter("bias", -8, 8, 0, "", "Is added to it."),
    Parameter("on", 0, 1, 1, "", "0 puts the latent at rest, at 0: the mean of what the model learned."),
    Parameter("freeze", 0, 1, 0, "", "1 holds the latent where it is."),
)
"""Of each latent, in the order they act; smoothing comes before ``freeze``."""
