"""The plug-in's parameters in one table. The C++ header, the backend's controls and the docs are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_backend.effects.parameters import GAIN, LFO, LIMITER
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.parameters import AXES, LATENT_PARAMETERS, PARAMETERS, RING, STRIKING, axis_control

LATENTS = 16
MOST_PRESETS = 255
"""Presets of a bank that a host can choose from; 0 is none."""

EFFECT, INSTRUMENT = "effect", "instrument"
KINDS = (EFFECT, INSTRUMENT)
"""The two plug-ins that are built from one source."""

CONTINUOUS, WHOLE, SWITCH, READING = "continuous", "whole", "switch", "reading"
"""Kinds of a parameter: any number, whole numbers, 0 or 1, or 0 or 1 as an output of the plug-in."""


@dataclass(frozen=True)
class PluginParameter:
    """One parameter.

    Attributes:
        id: never changes: saved sessions contain it.
        name: what a host shows.
        row: range, default, unit and description.
        sort: one of ``continuous``, ``whole``, ``switch``, ``reading``.
        control: what the backend's engine sets with it, as in :class:`render.instrument.actions.Action`; "": nothing.
        kinds: the plug-ins that have it.
    """

    id: str
    name: str
    row: Parameter
    sort: str = CONTINUOUS
    control: str = ""
    kinds: tuple[str, ...] = KINDS


def _latent(number: int) -> list[PluginParameter]:
    named = ("bias", CONTINUOUS), ("scale", CONTINUOUS), ("on", SWITCH)
    return [
        PluginParameter(
            f"latent{number}_{name}",
            f"Latent {number} {name.title()}",
            LATENT_PARAMETERS[name],
            sort,
            f"latent.{number}.{name}",
        )
        for name, sort in named
    ]


def _ring(name: str, shown: str, *kinds: str) -> PluginParameter:
    return PluginParameter(f"ring_{name}", shown, RING[f"ring_{name}"], control=f"ring_{name}", kinds=kinds or KINDS)


PRESET = Parameter("preset", 0, MOST_PRESETS, 0, "", "Of the bank, by number; 0 is none.")
FAILED = Parameter("failed", 0, 1, 0, "", "1 after an offline render failed: do not use its result.")
SEED = Parameter("seed", 0, 999_999, 0, "", "Which takes and variations notes strike, from the next on.")
WALK = Parameter("walk", 0, 1, 0, "", "1: a held note walks, step after step, until it is released.")
BYPASS = Parameter("bypass", 0, 1, 0, "", "1 lets the dry input through, as late.")

PLUGIN_PARAMETERS = (
    PluginParameter("mix", "Dry/Wet", PARAMETERS["mix"], control="mix", kinds=(EFFECT,)),
    PluginParameter("preset", "Preset", PRESET, WHOLE),
    PluginParameter("preset_b", "Morph Target", PRESET, WHOLE),
    PluginParameter("morph", "Morph", PARAMETERS["morph"], control="morph"),
    PluginParameter("strength", "Strength", PARAMETERS["strength"], control="strength", kinds=(EFFECT,)),
    PluginParameter("blend", "Blend", PARAMETERS["blend"], control="blend", kinds=(EFFECT,)),
    PluginParameter("follow", "Follow", PARAMETERS["follow"], control="follow", kinds=(EFFECT,)),
    PluginParameter("smooth_ms", "Smoothing", PARAMETERS["smooth_ms"], control="smooth_ms"),
    PluginParameter("gain_db", "Output Gain", GAIN["gain_db"], control="fx.1.gain_db"),
    PluginParameter(
        "lfo_depth",
        "LFO Depth",
        Parameter("lfo_depth", 0, 1, 0, "", "How far the level falls and rises: 1 to silence."),
        control="fx.0.depth",
    ),
    PluginParameter("lfo_rate_hz", "LFO Rate", LFO["rate_hz"], control="fx.0.rate_hz"),
    *(parameter for number in range(LATENTS) for parameter in _latent(number)),
    PluginParameter("seed", "Variation Seed", SEED, WHOLE, kinds=(INSTRUMENT,)),
    PluginParameter("bypass", "Bypass", BYPASS, SWITCH),
    PluginParameter("failed", "Failed", FAILED, READING),
    _ring("gain_db", "Modes Gain"),
    _ring("pitch_semitones", "Modes Pitch"),
    _ring("size", "Modes Size"),
    _ring("damping", "Modes Damping"),
    _ring("strike", "Modes Strike", EFFECT),
    PluginParameter("ceiling_dbtp", "Ceiling", LIMITER["ceiling_dbtp"]),
    PluginParameter("ceiling_on", "Ceiling On", LIMITER["ceiling_on"], SWITCH),
    *(PluginParameter(f"axis_{name}", name.title(), row, control=axis_control(name)) for name, row in AXES.items()),
    PluginParameter("walk", "Hold to Walk", WALK, SWITCH, "walk", kinds=(INSTRUMENT,)),
    *(PluginParameter(name, name.title(), row, control=name, kinds=(INSTRUMENT,)) for name, row in STRIKING.items()),
)
"""In the order of a slot's ``parameters``. A plug-in without a parameter leaves its default there."""

EXACT = ("mix", "lfo_depth", "lfo_rate_hz", "gain_db", "ceiling_dbtp", "ceiling_on")
"""Parameters that act on the sound after the codec. A slot has their values at every sample."""

INDEX = {parameter.id: index for index, parameter in enumerate(PLUGIN_PARAMETERS)}


def of_kind(kind: str) -> list[PluginParameter]:
    """Return the parameters of one plug-in, in the order that a host shows."""
    return [parameter for parameter in PLUGIN_PARAMETERS if kind in parameter.kinds]
