"""Actions of a performer: a control, its value, and the input sample where it takes effect."""

from __future__ import annotations

import re

import msgspec

PRESETS = ("preset", "preset_b")
STRIKE, WALK, RELEASE, BYPASS, AB = "strike", "walk", "release", "bypass", "ab"
STRIKES = STRIKE, WALK
"""Controls that strike a preset."""

SHED = "shed"
"""Ends this many held sounds because the machine is too slow for them. The program sends it, never a performer."""

NOTE = re.compile(r"(.*)@(\d{1,3})")
HIGHEST_NOTE = 127

LATENT, EFFECT = re.compile(r"latent\.(\d{1,4})\.(\w{1,32})"), re.compile(r"fx\.(\d{1,2})\.(\w{1,32})")


class Action(msgspec.Struct, frozen=True):
    """One action of a performer.

    Attributes:
        at_samples: the first input sample that the action changes in the output.
        control: one of

            - a transfer parameter, such as ``mix``;
            - ``latent.3.bias``: a control of one latent;
            - ``fx.0.depth``: a parameter of the first effect;
            - ``preset`` or ``preset_b``: ``text`` is the preset's name;
            - ``strike``: ``text`` is a preset or a pad, ``value`` is the velocity 0..1;
            - ``walk``: strikes the preset or pad in ``text`` step after step until it is released;
            - ``release``: ends the held sounds and walks of the preset or pad in ``text``, or all if it is empty;
            - ``bypass``: 1 or 0;
            - ``ab``: 0..1, from the rig's snapshot a to its snapshot b.
        value: the value of a numeric control, in the control's unit.
        text: a name.
    """

    at_samples: int
    control: str
    value: float = 0.0
    text: str = ""


def split_note(text: str) -> tuple[str, int | None]:
    """Return the name and the MIDI note of ``bell@72``; of ``bell``, the name and None."""
    match = NOTE.fullmatch(text)
    return (match[1], int(match[2])) if match else (text, None)
