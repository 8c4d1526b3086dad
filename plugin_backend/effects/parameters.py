"""Every control of every stage, and what a stage is told when it is made: project files, maps, docs come of these.

Nothing heavy is imported here.
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
        Parameter(f"peak{number}_db", -24, 24, 0, "dB", f"Gain at the middle of bell {number}."),
        Parameter(f"peak{number}_hz", 20, 20_000, hz, "Hz", "Its middle."),
        Parameter(f"peak{number}_q", 0.1, 20, 1, "", "Its narrowness: middle over bandwidth."),
    )


EQ = table(
    Parameter("low_cut_hz", LOW_CUT_OFF_HZ, 20_000, LOW_CUT_OFF_HZ, "Hz", "−3 dB here, less below; 10: off."),
    Parameter("high_cut_hz", 20, HIGH_CUT_OFF_HZ, HIGH_CUT_OFF_HZ, "Hz", "−3 dB here, less above; 20000: off."),
    Parameter("cut_order", 1, 8, 2, "", "Of both cuts, a whole number: 6 dB an octave each."),
    Parameter("low_shelf_db", -24, 24, 0, "dB", "Gain of the lows."),
    Parameter("low_shelf_hz", 20, 20_000, 120, "Hz", "Half of it, in dB, here."),
    *_peak(1, 250),
    *_peak(2, 1000),
    *_peak(3, 4000),
    Parameter("high_shelf_db", -24, 24, 0, "dB", "Gain of the highs."),
    Parameter("high_shelf_hz", 20, 20_000, 8000, "Hz", "Half of it, in dB, here."),
)

LFO = table(
    choice("shape", LFO_SHAPES, "`random` goes from one random level to the next in each cycle."),
    Parameter("rate_hz", 0.01, 50, 4, "Hz", "Cycles a second, unless `sync` is `tempo`."),
    Parameter("depth", 0, 1, 1, "", "How far the level falls: 1 to silence."),
    Parameter("phase_deg", 0, 360, 0, "°", "Where in the cycle it starts."),
    choice(
        "sync",
        (FREE, TEMPO, TRIGGER),
        "`free` from the stream's first sample on at `rate_hz`; `tempo` so by `bpm`; `trigger` anew at every strike.",
    ),
    Parameter("bpm", 20, 400, 120, "", "Beats a minute, in `tempo`."),
    Parameter("beats", 0.0625, 64, 1, "", "Beats a cycle takes, in `tempo`."),
)

SEED = Parameter("seed", 0, 999_999, 0, "", "Of `random`, a whole number: the same seed, the same levels.")

PULSES = table(
    Parameter("rate_hz", 0.1, 100, 4, "Hz", "Pulses a second: a few for knocks, tens for an ignition."),
    Parameter("duty", 0.01, 0.95, 0.1, "", "How much of a pulse's time the sound is there, attack included."),
    Parameter("attack_ms", 0.5, 500, 2, "ms", "How long it rises; `duty` may leave it less."),
    Parameter("decay_ms", 1, 5000, 60, "ms", "How long it falls after that; the next pulse cuts it short."),
    Parameter("depth", 0, 1, 1, "", "How far the level falls between pulses: 1 to silence."),
    choice(
        "sync", (FREE, TRIGGER), "`free` from the stream's first sample on; `trigger` from a strike to its release."
    ),
)

ADSR = table(
    Parameter("attack_ms", 0.5, 5000, 5, "ms", "How long it rises, from where it is, to full level."),
    Parameter("decay_ms", 1, 10_000, 100, "ms", "How long it falls to `sustain` after that."),
    Parameter("sustain", 0, 1, 0.7, "", "The level held until the release."),
    Parameter("release_ms", 1, 10_000, 200, "ms", "How long it falls to silence."),
    choice("gate", (TRIGGER, THRESHOLD), "What opens it: strikes, or the sound itself when it passes `threshold_db`."),
    Parameter("threshold_db", -80, 0, -40, "dB", "RMS (5 ms) that opens it; 6 dB less closes it."),
)

GAIN = table(Parameter("gain_db", -60, 24, 0, "dB", "Level."))

PAN_CONTROLS = table(
    Parameter("pan", -1, 1, 0, "", "From left (−1) to right (1)."),
    choice("law", (BALANCE, PAN), "`balance` turns the other side down; `pan` places the sides' mean, −3 dB in each."),
)

CONVOLUTION = table(
    Parameter("mix", 0, 1, 0.3, "", "0 is the dry input, 1 the wet sound."),
    Parameter("gain_db", -60, 24, 0, "dB", "Level of the wet sound."),
)

IMPULSE_RESPONSE = Text("ir", ROOM, f"`{ROOM}`, `{HALL}`, or an impulse response's file: mono or stereo, 20 s at most.")
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
"""Stage → what may be set while it runs."""

FIXED = {"lfo": table(SEED), "convolution": table(IMPULSE_RESPONSE, PRE_DELAY)}
"""Stage → what it is told when it is made, and keeps."""

PER_CHANNEL = ("eq", "lfo", "pulses", "gain")
"""Stages that do to each channel what they would do to it alone."""
