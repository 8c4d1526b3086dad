"""Channel layouts of stems, and how a cue is panned into one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from plugin_backend.dsp.pan_law import balance, constant_power

LAYOUT_NAMES = ("mono", "stereo", "lcr", "5.1")


@dataclass(frozen=True)
class Layout:
    """A layout's name and its speakers, in the order WAVE gives their channels."""

    name: str
    speakers: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels in the file."""
        return len(self.speakers)

    @property
    def sounding(self) -> int:
        """Leading channels that a pan reaches: all but LFE and the surrounds."""
        return min(self.channels, 3)


LAYOUTS = {
    name: Layout(name, speakers)
    for name, speakers in zip(
        LAYOUT_NAMES,
        (("C",), ("L", "R"), ("L", "R", "C"), ("L", "R", "C", "LFE", "Ls", "Rs")),
        strict=True,
    )
}


def widest(layouts: Iterable[Layout]) -> Layout:
    """The layout of the sum of stems in ``layouts``: that with the most channels."""
    return max(layouts, key=lambda layout: layout.channels)


def pan_gains(pan: float, layout: Layout, channels: int) -> np.ndarray:
    """Gains ``[layout.sounding, channels]`` of a cue of 1 or 2 channels at a pan of −1 … 1.

    A mono cue: constant power by the sine/cosine law, between L and R in stereo (−3 dB each at centre),
    between the neighbours L–C or C–R in lcr and 5.1 (all in C at centre); 1 in mono. A stereo cue keeps
    to L and R, and pan is its balance; a mono stem takes both at −3 dB, which undoes the centre pan.
    """
    if layout.sounding == 1:
        return np.full((1, channels), 1.0 if channels == 1 else np.sqrt(0.5))
    gains = np.zeros((layout.sounding, channels))
    if channels == 2:
        gains[0, 0], gains[1, 1] = balance(pan)
    elif layout.sounding == 2:
        gains[:, 0] = constant_power(pan)
    else:
        side, aside = (0, -pan) if pan < 0 else (1, pan)
        gains[side, 0], gains[2, 0] = np.sin(aside * np.pi / 2), np.cos(aside * np.pi / 2)
    return gains


def add_into(total: np.ndarray, into: Layout, stem: np.ndarray, layout: Layout) -> None:
    """Add a stem ``[layout.channels, n]`` to a sum ``[into.channels, n]``: each channel to its own speaker.

    The gains are exactly 1, but for a mono stem in a stereo sum: it has no centre, so −3 dB in each side.
    """
    if layout.name == "mono" and "C" not in into.speakers:
        total += stem * np.sqrt(0.5)
        return
    for speaker, samples in zip(layout.speakers, stem, strict=True):
        total[into.speakers.index(speaker)] += samples
