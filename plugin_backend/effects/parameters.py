"""All controls and fixed settings of all stages in tables, from which project files, controller maps and docs are made.

This module imports nothing heavy.
"""

from __future__ import annotations

from plugin_backend.parameters import Parameter, Text, choice, table

LOW_CUT_OFF_HZ, HIGH_CUT_OFF_HZ = 10.0, 20_000.0
LFO_SHAPES = ("sine", "square", "random")
FREE, TEMPO, TRIGGER, THRESHOLD = "free", "tempo", "trigger", "threshold"
BALANCE, PAN = "balance", "pan"
SYNTHETIC_RESPONSES = ROOM, HALL = "room", "hall"


def _peak(number: int, hz: float) -> tuple[Parameter, ...]:
    return (
        Parameter(f"peak{number}_db", -24, 24, 0, "dB", f"Gain at the centre of peak {number}."),
        Parameter(f"peak{number}_hz", 20, 20_000, hz, "Hz", "Its centre frequency."),
        Parameter(f"peak{number}_q", 0.1, 20, 1, "", "Its Q: centre frequency divided by bandwidth."),
    )


EQ = table(
    Parameter(
        "low_cut_hz", LOW_CUT_OFF_HZ, 20_000, LOW_CUT_OFF_HZ, "Hz", "−3 dB at this frequency, less below it; 10: off."
    ),
    Parameter(
        "high_cut_hz", 20, HIGH_CUT_OFF_HZ, HIGH_CUT_OFF_HZ, "Hz", "−3 dB at this frequency, less above it; 20000: off."
    ),
    Parameter("cut_order", 1, 8, 2, "", "Order of both cuts, a whole number; each order is 6 dB per octave."),
    Parameter("low_shelf_db", -24, 24, 0, "dB", "Gain of the low frequencies."),
    Parameter("low_shelf_hz", 20, 20_000, 120, "Hz", "The frequency at which half of that gain, in dB, is reached."),
    *_peak(1, 250),
    *_peak(2, 1000),
    *_peak(3, 4000),
    Parameter("high_shelf_db", -24, 24, 0, "dB", "Gain of the high frequencies."),
    Parameter("high_shelf_hz", 20, 20_000, 8000, "Hz", "The frequency at which half of that gain, in dB, is reached."),
)

LFO = table(
    choice("shape", LFO_SHAPES, "`random` moves from one random level to the next in each cycle."),
    Parameter("rate_hz", 0.01, 50, 4, "Hz", "Cycles per second, unless `sync` is `tempo`."),
    Parameter("depth", 0, 1, 1, "", "How far the level falls; 1: to silence."),
    Parameter("phase_deg", 0, 360, 0, "°", "The phase at which it starts."),
    choice(
        "sync",
        (FREE, TEMPO, TRIGGER),
        "`free` runs from the stream's first sample at `rate_hz`; `tempo` runs so at `bpm`; `trigger` restarts at each "
        "trigger.",
    ),
    Parameter("bpm", 20, 400, 120, "", "Beats per minute, for `tempo`."),
    Parameter("beats", 0.0625, 64, 1, "", "Beats per cycle, for `tempo`."),
)

SEED = Parameter("seed", 0, 999_999, 0, "", "Seed of `random`, a whole number; equal seeds give equal levels.")

PULSES = table(
    Parameter("rate_hz", 0.1, 100, 4, "Hz", "Pulses per second: a few for knocks, tens for an ignition."),
    Parameter("duty", 0.01, 0.95, 0.1, "", "Share of a cycle in which the sound is audible, attack included."),
    Parameter("attack_ms", 0.5, 500, 2, "ms", "Rise time; `duty` may shorten it."),
    Parameter("decay_ms", 1, 5000, 60, "ms", "Fall time after that; the next pulse may shorten it."),
    Parameter("depth", 0, 1, 1, "", "How far the level falls between pulses; 1: to silence."),
    choice(
        "sync",
        (FREE, TRIGGER),
        "`free` runs from the stream's first sample; `trigger` runs from a trigger to its release.",
    ),
)

ADSR = table(
    Parameter("attack_ms", 0.5, 5000, 5, "ms", "Rise time from the current level to full level."),
    Parameter("decay_ms", 1, 10_000, 100, "ms", "Fall time to `sustain` after that."),
    Parameter("sustain", 0, 1, 0.7, "", "Level until the release."),
    Parameter("release_ms", 1, 10_000, 200, "ms", "Fall time to silence."),
    choice(
        "gate", (TRIGGER, THRESHOLD), "What opens it: triggers, or the sound itself when it exceeds `threshold_db`."
    ),
    Parameter("threshold_db", -80, 0, -40, "dB", "RMS level (5 ms) that opens it; 6 dB lower closes it."),
)

GAIN = table(Parameter("gain_db", -60, 24, 0, "dB", "Level."))

LIMITER = table(
    Parameter("ceiling_dbtp", -24, 0, -1, "dBTP", "Highest true peak of the output; louder sound is limited."),
    Parameter("ceiling_on", 0, 1, 1, "", "0 lets every peak through; the latency stays."),
)
"""Of the limiter at the end of live playing and of the plug-in."""

PAN_CONTROLS = table(
    Parameter("pan", -1, 1, 0, "", "From left (−1) to right (1)."),
    choice(
        "law",
        (BALANCE, PAN),
        "`balance` lowers the other side; `pan` pans the mean of both sides, −3 dB in each at the centre.",
    ),
)

CONVOLUTION = table(
    Parameter("mix", 0, 1, 0.3, "", "0 is the dry input, 1 the wet sound."),
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the wet sound."),
)

IMPULSE_RESPONSE = Text(
    "ir", ROOM, f"`{ROOM}`, `{HALL}`, or the file of an impulse response: mono or stereo, at most 20 s."
)
PRE_DELAY = Parameter("pre_delay_ms", 0, 500, 0, "ms", "Silence before the impulse response.")

CONTROLS = {
    "eq": EQ,
    "lfo": LFO,
    "pulses": PULSES,
    "adsr": ADSR,
    "gain": GAIN,
    "pan": PAN_CONTROLS,
    "convolution": CONVOLUTION,
}
"""Stage → parameters that can change while it runs."""

FIXED: dict[str, dict[str, Parameter | Text]] = {
    "lfo": {SEED.name: SEED},
    "convolution": {IMPULSE_RESPONSE.name: IMPULSE_RESPONSE, PRE_DELAY.name: PRE_DELAY},
}
"""Stage → settings that are given when it is made, and stay."""

PER_CHANNEL = ("eq", "lfo", "pulses", "gain")
"""Stages that process each channel separately."""
