"""The controls of modes in one table, from which options, preset fields, plug-in parameters and docs are made."""

from __future__ import annotations

from plugin_backend.parameters import Parameter, table

CONTROLS = table(
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the modes relative to the rest of the sound."),
    Parameter(
        "pitch_semitones", -24, 24, 0, "semitones", "Shifts the frequencies of the modes; their decays do not change."
    ),
    Parameter(
        "size", 0.25, 4, 1, "", "Size of the struck object; at 2 its modes are an octave lower and ring twice as long."
    ),
    Parameter("damping", 0.1, 10, 1, "", "Damping of the struck object; at 2 its modes ring half as long."),
    Parameter(
        "strike",
        0,
        1,
        0.1,
        "",
        "How far the levels of the modes vary from strike to strike; 1 is a standard deviation of 12 dB.",
    ),
)
"""Controls of modes in presets, in the transfer node and in plug-ins."""
