"""Sounds and presets that a pane made for the page: a clip with its plot, and the key of a saved preset."""

from __future__ import annotations

import msgspec
import numpy as np

from studio.web.clips import RATE_HZ
from studio.web.plots import Plot, plot_of
from studio.web.sessions import Session


class Sound(msgspec.Struct, frozen=True):
    """A clip that can be played.

    Attributes:
        clip: its name, for acts.
        title: for the person.
        seconds: length.
        plot: as it is drawn.
    """

    clip: str
    title: str
    seconds: float
    plot: Plot


class Saved(msgspec.Struct, frozen=True):
    """Key of the preset that was saved."""

    key: str


def keep_sound(session: Session, kind: str, title: str, audio: np.ndarray, rate_hz: int) -> Sound:
    """Keep a sound as a clip of the session.

    Args:
        session: of the tab.
        kind: first part of the clip's name.
        title: for the person.
        audio: ``[channels, samples]`` float32.
        rate_hz: sample rate.
    """
    with session.lock:
        number = session.state["clips"] = session.state.get("clips", 0) + 1
    clip = session.clips.put(f"{kind}/{number}", audio, rate_hz)
    return Sound(f"{kind}/{number}", title, audio.shape[1] / rate_hz, plot_of(clip, RATE_HZ))
