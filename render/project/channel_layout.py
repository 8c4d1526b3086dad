"""Channel layouts of stems, and the pan of a cue into a layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from plugin_backend.dsp.pan_law import balance, constant_power

LAYOUT_NAMES = ("mono", "stereo", "lcr", "5.1")


@dataclass(frozen=True)
class Layout:
    """A layout's name and its speakers, in the channel order of WAVE files."""

    name: str
    speakers: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Number of channels in the file."""
        return len(self.speakers)

    @property
    def front_channels(self) -> int:
        """Number of front channels, which come first. Cues are panned into these; LFE and surrounds stay silent."""
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
    """Return the layout with the most channels. The sum of stems has the widest layout of its stems."""
    return max(layouts, key=lambda layout: layout.channels)


def pan_gains(pan: float, layout: Layout, channels: int) -> np.ndarray:
    """Return the pan gains of a cue.

    A mono cue is panned with constant power (sine/cosine law). In stereo it moves between L and R, −3 dB each at the
    centre. In lcr and 5.1 it moves between the neighbours L–C or C–R, and is only in C at the centre. In mono its gain
    is 1. A stereo cue stays in L and R, and the pan is its balance. A mono stem takes both of its channels at −3 dB,
    which undoes the centre pan.

    Args:
        pan: −1 (left) to 1 (right).
        layout: layout of the stem.
        channels: channels of the cue, 1 or 2.

    Returns:
        Linear gains ``[layout.front_channels, channels]``.
    """
    if layout.front_channels == 1:
        return np.full((1, channels), 1.0 if channels == 1 else np.sqrt(0.5))
    gains = np.zeros((layout.front_channels, channels))
    if channels == 2:
        gains[0, 0], gains[1, 1] = balance(pan)
    elif layout.front_channels == 2:
        gains[:, 0] = constant_power(pan)
    else:
        side, distance = (0, -pan) if pan < 0 else (1, pan)
        gains[side, 0], gains[2, 0] = np.sin(distance * np.pi / 2), np.cos(distance * np.pi / 2)
    return gains


def add_into(total: np.ndarray, total_layout: Layout, stem: np.ndarray, layout: Layout) -> None:
    """Add a stem to a sum in place, each channel to its own speaker.

    All gains are exactly 1, with one exception: a stereo sum has no centre, so a mono stem goes to both sides at −3 dB.

    Args:
        total: the sum, ``[total_layout.channels, n]``.
        total_layout: layout of the sum.
        stem: the stem, ``[layout.channels, n]``.
        layout: layout of the stem.
    """
    if layout.name == "mono" and "C" not in total_layout.speakers:
        total += stem * np.sqrt(0.5)
        return
    for speaker, samples in zip(layout.speakers, stem, strict=True):
        total[total_layout.speakers.index(speaker)] += samples
