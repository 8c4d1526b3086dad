"""What a performer does: a control, a value, and the input sample it happens at."""

from __future__ import annotations

import re

import msgspec

PRESETS = ("preset", "preset_b")
STRIKE, RELEASE, BYPASS, AB = "strike", "release", "bypass", "ab"
SHED = "shed"
"""What no performer does: so many held sounds end, because the machine cannot carry them."""

LATENT, EFFECT = re.compile(r"latent\.(\d{1,4})\.(\w{1,32})"), re.compile(r"fx\.(\d{1,2})\.(\w{1,32})")


class Action(msgspec.Struct, frozen=True):
    """One thing done.

    Attributes:
        at_samples: the input sample from which on it acts (what that sample became is the first that differs).
        control: a transfer parameter (``mix``); ``latent.3.bias``; ``fx.0.depth``, of the first effect; ``preset`` or
            ``preset_b``, ``text`` being its name; ``strike``, ``text`` being a preset or a pad and ``value`` the
            velocity 0..1; ``release``, of the held sounds of that preset or pad, or of all; ``bypass``, 1 or 0;
            ``ab``, 0..1, of the rig's two snapshots.
        value: of a numeric control, in its own units.
        text: a name.
    """

    at_samples: int
    control: str
    value: float = 0.0
    text: str = ""
