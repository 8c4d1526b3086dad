"""What a page asks the engine to play: acts, each with the sample where it takes effect."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

Word = Annotated[str, msgspec.Meta(max_length=256)]

STRIKE, RELEASE, EFFECTS, SECOND, SOURCE, RESTART = "strike", "release", "effects", "second", "source", "restart"


class Act(msgspec.Struct, frozen=True, tag="act", forbid_unknown_fields=True, omit_defaults=True):
    """One act.

    Attributes:
        to: what it plays or changes: ``bank`` plays presets as they are, ``shaped`` plays them with the controls and
            effects of the instrument, ``clip`` plays a sound that the server made, ``input`` moves a recording or the
            microphone toward a preset, ``all`` is everything.
        control: one of

            - ``strike``: plays the preset or clip in ``text``, with ``value`` as velocity 0..1;
            - ``release``: ends the held sounds of ``key``; of all keys if it is −1;
            - ``second``: the preset that ``morph`` leads to is ``text``, or none;
            - ``effects``: ``text`` is the list of effects as JSON;
            - ``source``: ``text`` is a :class:`Source` as JSON; empty ends it;
            - ``restart``: everything starts over, as in a new engine;
            - any key of :func:`render.instrument.note_player.note_controls`, or ``fx.0.depth`` and the like.
        value: of a control; ``None`` leaves out what may be left out.
        text: a preset's key, the name of a clip, or effects.
        key: what releases a held sound.
        at: the first sample that it changes; ``None``, or a sample that has passed, is the next one.
        id: number that the page gave it; it comes back when the act is applied.
    """

    to: Literal["bank", "shaped", "clip", "input", "all"]
    control: Annotated[str, msgspec.Meta(max_length=64)]
    value: float | None = 1.0
    text: Annotated[str, msgspec.Meta(max_length=16_384)] = ""
    key: Annotated[int, msgspec.Meta(ge=-1, le=65_535)] = 0
    at: Annotated[int, msgspec.Meta(ge=0)] | None = None
    id: int = 0

    @property
    def number(self) -> float:
        """The value as a number: NaN if it is left out."""
        return math.nan if self.value is None else self.value


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes through a preset.

    Attributes:
        preset: key of the preset.
        clip: name of the recording, which is repeated; empty for the microphone.
        mode: ``transfer`` moves the sound toward the preset; ``hits`` plays a take at every hit.
    """

    preset: Word
    clip: Word = ""
    mode: Literal["transfer", "hits"] = "transfer"


class Credit(msgspec.Struct, frozen=True, tag="credit", forbid_unknown_fields=True):
    """How far the page has played, and how many samples it wants ahead of that.

    Attributes:
        played: position of the sample that is played next.
        target: samples to have ahead.
    """

    played: Annotated[int, msgspec.Meta(ge=0)]
    target: Annotated[int, msgspec.Meta(ge=0, le=48_000)]


Received = Act | Credit


class Applied(msgspec.Struct, frozen=True, tag="applied"):
    """An act took effect.

    Attributes:
        id: the page's number.
        at: the first sample that it changed.
        number: of the strike, from 0; −1 for other acts.
    """

    id: int
    at: int
    number: int = -1


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The stream begins.

    Attributes:
        rate_hz: of the sound.
        channels: of the sound.
        position: of the first sample that comes.
    """

    rate_hz: int
    channels: int
    position: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """An act was refused.

    Attributes:
        id: the page's number.
        problem: why, in one line.
    """

    id: int
    problem: str
