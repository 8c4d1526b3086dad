"""The landmarks of one person over time, from any source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MARKS = {
    "left shoulder": 11, "right shoulder": 12, "left wrist": 15, "right wrist": 16, "left hip": 23, "right hip": 24,
    "left knee": 25, "right knee": 26, "left ankle": 27, "right ankle": 28, "left heel": 29, "right heel": 30,
    "left toe": 31, "right toe": 32,
}  # fmt: skip
"""Landmarks that are kept → their number in MediaPipe's body."""
NAMES = tuple(MARKS)
FEET = {"L": ("left ankle", "left heel", "left toe"), "R": ("right ankle", "right heel", "right toe")}


@dataclass(frozen=True)
class PoseTrack:
    """One person, from the first frame that shows the person to the last. Frames may be missing between them.

    Attributes:
        person: number of the person in the film, from 1.
        frames: ``[n]`` int, the frames' numbers, rising.
        times_s: ``[n]`` float64, the frames' times in seconds.
        points: ``[n, 14, 2]`` float, x and y of the landmarks ``NAMES`` in pixels; y grows downward. The movement of
            the camera is already taken out.
        visibility: ``[n, 14]``, 0 to 1.
    """

    person: int
    frames: np.ndarray
    times_s: np.ndarray
    points: np.ndarray
    visibility: np.ndarray

    def of(self, *names: str) -> np.ndarray:
        """Return the points ``[n, len(names), 2]`` of the named landmarks."""
        return self.points[:, [NAMES.index(name) for name in names]]

    def seen(self, *names: str) -> np.ndarray:
        """Return the mean visibility ``[n]`` of the named landmarks."""
        return self.visibility[:, [NAMES.index(name) for name in names]].mean(axis=1)

    def part(self, first: int, end: int) -> PoseTrack:
        """Return the frames with index ``first`` to ``end`` - 1 of the track."""
        cut = slice(first, end)
        return PoseTrack(self.person, self.frames[cut], self.times_s[cut], self.points[cut], self.visibility[cut])


def body_height(track: PoseTrack) -> np.ndarray:
    """Return the length ``[n]`` in pixels of trunk and leg together: the longer leg, mean over about a second."""
    shoulders = track.of("left shoulder", "right shoulder").mean(axis=1)
    hips = track.of("left hip", "right hip").mean(axis=1)
    legs = []
    for side in ("left", "right"):
        hip, knee, ankle = np.moveaxis(track.of(f"{side} hip", f"{side} knee", f"{side} ankle"), 1, 0)
        legs.append(_length(hip - knee) + _length(knee - ankle))
    heights = _length(shoulders - hips) + np.maximum(*legs)
    near = max(1, int(np.searchsorted(track.times_s, track.times_s[0] + 0.5)))
    padded = np.pad(heights, near, mode="edge")
    return np.maximum(1.0, np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1), axis=1))


def untangle_feet(track: PoseTrack) -> PoseTrack:
    """Return the track with left and right legs exchanged where the network confused them.

    Dynamic programming finds for each frame whether the legs are exchanged. The cost is the change of the feet's
    velocity from frame to frame, and a smaller one for each frame that contradicts the network.

    Args:
        track: a person.
    """
    count = len(track.frames)
    if count < 3:
        return track
    feet = np.stack([track.of(*FEET[foot]).mean(axis=1) for foot in "LR"], axis=1) / body_height(track)[:, None, None]
    orders = np.stack([feet, feet[:, ::-1]])
    cost = np.zeros((2, 2))  # of the last two frames' states
    back = np.zeros((count, 2, 2), dtype=int)
    for index in range(2, count):
        new = np.empty((2, 2))
        for middle, state in ((0, 0), (0, 1), (1, 0), (1, 1)):
            bends = orders[state, index] - 2 * orders[middle, index - 1] + orders[:, index - 2]
            paths = cost[:, middle] + np.minimum(_length(bends), MOST_BEND).sum(axis=1)
            back[index, middle, state] = int(np.argmin(paths))
            new[middle, state] = paths.min() + CONTRADICTION * state
        cost = new
    middle, state = divmod(int(np.argmin(cost)), 2)
    states = np.zeros(count, dtype=int)
    states[-2:] = middle, state
    for index in range(count - 1, 1, -1):
        states[index - 2] = back[index, states[index - 1], states[index]]
    return _exchanged(track, states.astype(bool))


MOST_BEND = 0.3
CONTRADICTION = 0.02
"""Costs in body heights."""


def _exchanged(track: PoseTrack, where: np.ndarray) -> PoseTrack:
    """Return the track with the legs exchanged in the frames ``where``, ``[n]`` bool."""
    points, visibility = track.points.copy(), track.visibility.copy()
    for part in ("knee", "ankle", "heel", "toe"):
        left, right = NAMES.index(f"left {part}"), NAMES.index(f"right {part}")
        for values in (points, visibility):
            values[where, left], values[where, right] = values[where, right], values[where, left]
    return PoseTrack(track.person, track.frames, track.times_s, points, visibility)


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.hypot(vectors[..., 0], vectors[..., 1])
