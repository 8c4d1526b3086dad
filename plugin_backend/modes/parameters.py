"""The controls of modes in one table: options, fields of presets, plug-in parameters and docs are made of it."""

from __future__ import annotations

from plugin_backend.parameters import Parameter, table

CONTROLS = table(
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the modes beside the rest of the sound."),
    Parameter("pitch_semitones", -24, 24, 0, "semitones", "Moves the modes' frequencies; their decays stay."),
    Parameter("size", 0.25, 4, 1, "", "Of what is struck: at 2 its modes lie an octave lower and ring twice as long."),
    Parameter("damping", 0.1, 10, 1, "", "A hand on what is struck: at 2 its modes ring half as long."),
    Parameter("strike", 0, 1, 0.1, "", "How much the modes' levels vary by strike: 1 is a deviation of 12 dB."),
)
"""What a preset, the transfer node and the plug-ins can change about modes."""
