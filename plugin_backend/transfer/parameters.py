"""All controls of the transfer node, of its latents and of layers in tables, from which options, maps and docs are
made.

A latent's control is named as on the command line, ``3:bias``. The weight of a summed slot is ``weight.c``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.parameters import Parameter, table

RING = table(*(replace(row, name=f"ring_{name}") for name, row in CONTROLS.items()))
"""Controls of the modes that the input's hits strike. They act from the next strike on."""

PARAMETERS = table(
    Parameter("mix", 0, 1, 1, "", "0 is the dry input, 1 the wet sound."),
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the wet sound."),
    Parameter("strength", 0, 1, 1, "", "How far the preset's bias and scale move the latents."),
    Parameter("blend", 0, 1, 0.5, "", "How far the latents then move to the nearest latents of the preset."),
    Parameter("morph", 0, 1, 0, "", "From the preset (0) to a second preset (1), if there is one."),
    Parameter(
        "spherical", 0, 1, 0, "", "Path of `morph`: straight (0), or along a sphere around the mean of the latents (1)."
    ),
    Parameter(
        "weight", -4, 4, 1, "", "Weight of the preset if latents are summed; weights with the sum 1 give a mean."
    ),
    Parameter(
        "follow",
        0,
        1,
        1,
        "",
        "How far the wet sound takes the level of the input: its envelope, or the level of its hits.",
    ),
    Parameter("follow_ms", 1, 500, 5, "ms", "Time constant of the input's envelope."),
    Parameter(
        "smooth_ms", 0, 2000, 0, "ms", "Time constant of the one-pole filter that smooths every latent; 0: none."
    ),
    *RING.values(),
)

WIDTH = Parameter("width", 0, 1, 0, "", "How far the noises of left and right differ; at 0, equal sides stay equal.")
"""Set when a node is made, because the codec keeps it from the first sample on. So it is not a control."""

LATENT_PARAMETERS = table(
    Parameter("value", -8, 8, math.nan, "", "Replaces the latent after encoding and moving."),
    Parameter("scale", -8, 8, 1, "", "Multiplies the latent."),
    Parameter("bias", -8, 8, 0, "", "Is added to the latent."),
    Parameter("on", 0, 1, 1, "", "0 sets the latent to 0, the mean of the training data."),
    Parameter("freeze", 0, 1, 0, "", "1 holds the latent at its current value."),
)
"""Parameters of each latent, in the order in which they act. Smoothing comes before ``freeze``."""

AXIS = "axis."
"""Prefix of the control of an axis: ``axis.brightness``."""

AXES = table(
    Parameter("brightness", -3, 3, 0, "", "Moves the centre of the spectrum up or down."),
    Parameter("weight", -3, 3, 0, "", "More or less energy below 150 Hz."),
    Parameter("warmth", -3, 3, 0, "", "More or less energy from 150 to 600 Hz."),
    Parameter("presence", -3, 3, 0, "", "More or less energy from 1 to 4 kHz."),
)
"""Directions in the latents that a person understands. 1 is one standard deviation over the takes of a bank. The axes
file of a bank (:mod:`presets.axes`) has those that its model obeys."""

STRIKING = table(
    Parameter("cadence", 30, 600, 110, "spm", "Steps a minute of a held walk, from its next step on."),
    Parameter("effort", 0, 1, 1, "", "How hard strikes and steps are: 1 as hard as the key was struck."),
)
"""Controls of strikes and of held walks."""

LAYER_PARAMETERS = table(
    Parameter("on", 0, 1, 1, "", "0 mutes the layer, which keeps running; values between lower its level.")
)
"""Parameters of each layer, besides those of its node."""


def weight_parameter(slot: str) -> Parameter:
    """Return the control of a summed slot's weight. Its default is 0."""
    return replace(PARAMETERS["weight"], name=f"weight.{slot}", default=0.0)


def latent_control(latent: int, name: str) -> str:
    """Return the name of a latent's control, for example ``3:bias``."""
    return f"{latent}:{name}"


def split_latent_control(name: str) -> tuple[int, str] | None:
    """Return latent and parameter of a latent's control such as ``3:bias``; ``None`` for any other control."""
    latent, colon, parameter = name.partition(":")
    return (int(latent), parameter) if colon else None


def axis_control(name: str) -> str:
    """Return the name of an axis's control, for example ``axis.brightness``."""
    return f"{AXIS}{name}"


@cache
def latent_parameters(dims: int) -> dict[str, Parameter]:
    """Return ``LATENT_PARAMETERS`` for every latent, named ``0:value`` and so on."""
    rows = (
        replace(row, name=latent_control(latent, row.name))
        for latent in range(dims)
        for row in LATENT_PARAMETERS.values()
    )
    return table(*rows)
