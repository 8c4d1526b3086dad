"""Every control of the transfer node, of its latents and of layers, in tables; options, maps and docs are made of them.

A latent's control is named as on the command line, ``3:bias``; the weight of a summed slot ``weight.c``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.parameters import Parameter, table

RING = table(*(replace(row, name=f"ring_{name}") for name, row in CONTROLS.items()))
"""Controls of the modes that the input's hits strike; they act from the next strike on."""

PARAMETERS = table(
    Parameter("mix", 0, 1, 1, "", "0 is the dry input, 1 the wet sound."),
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the wet sound."),
    Parameter("strength", 0, 1, 1, "", "How far the latents move by the preset's bias and scale."),
    Parameter("blend", 0, 1, 0.5, "", "How far they then go to the preset's own latents nearest to them."),
    Parameter("morph", 0, 1, 0, "", "From the preset (0) to a second one (1), where there is one."),
    Parameter(
        "spherical", 0, 1, 0, "", "The way of `morph`: straight (0), or along a sphere about the latents' mean (1)."
    ),
    Parameter("weight", -4, 4, 1, "", "Of the preset where latents are summed; weights of sum 1 make a mean."),
    Parameter("follow", 0, 1, 1, "", "How much the wet sound takes the input's level: its envelope, or its hits'."),
    Parameter("follow_ms", 1, 500, 5, "ms", "Time constant of the envelope that is followed."),
    Parameter("smooth_ms", 0, 2000, 0, "ms", "Time constant of the one-pole that smooths every latent; 0: none."),
    *RING.values(),
)

WIDTH = Parameter("width", 0, 1, 0, "", "How far the noises of left and right differ; at 0 alike sides stay alike.")
"""Settled when a node is made, for the codec keeps it from the first sample on; so it is no control."""

LATENT_PARAMETERS = table(
    Parameter("value", -8, 8, math.nan, "", "Instead of what was encoded and moved."),
    Parameter("scale", -8, 8, 1, "", "Multiplies it."),
    Parameter("bias", -8, 8, 0, "", "Is added to it."),
    Parameter("on", 0, 1, 1, "", "0 puts the latent at rest, at 0: the mean of what the model learned."),
    Parameter("freeze", 0, 1, 0, "", "1 holds the latent where it is."),
)
"""Of each latent, in the order they act; smoothing comes before ``freeze``."""

LAYER_PARAMETERS = table(
    Parameter("on", 0, 1, 1, "", "0 silences the layer, which runs on unheard; between, its share.")
)
"""Of each of several layers, beside those of its node."""


def weight_parameter(slot: str) -> Parameter:
    """The control of a summed slot's weight; nothing is heard of it at first."""
    return replace(PARAMETERS["weight"], name=f"weight.{slot}", default=0.0)


@cache
def latent_parameters(dims: int) -> dict[str, Parameter]:
    """``LATENT_PARAMETERS`` of every latent, named ``0:value`` and so on."""
    rows = (replace(row, name=f"{latent}:{row.name}") for latent in range(dims) for row in LATENT_PARAMETERS.values())
    return table(*rows)
