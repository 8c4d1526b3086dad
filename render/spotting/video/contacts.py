"""Find when a foot lands: the moment at which it comes to rest in the picture.

A foot on the ground does not move, seen by a camera that does not move. So a step is the end of a movement: the foot
slows down and then rests. The moment between two frames is found by fitting the way of heel and toe to the resting
place: a line and a parabola before the contact, nothing after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from render.spotting.video.pose_track import FEET, PoseTrack, body_height, untangle_feet

LONGEST_GAP_S = 0.2
"""A track with a longer gap is two tracks."""
SMOOTH_S = 0.05
SWING_SHARE = 0.3
"""A foot rests while it is slower than this share of its fast movements (90 % are slower) in the seconds around."""
AROUND_S = 1.0
LEAST_SWING = 0.5
"""Slowest swing that counts, in body heights a second."""
LEAST_REST_S = 0.09
LEAST_WAY = 0.07
"""Shortest way of a step, in body heights."""
SAME_PLACE = 0.06
"""Two feet cannot stand so near each other, in body heights: the network took one for the other."""
MOVED_ON = 0.2
"""If the hips moved so far (in body heights), a foot must have moved half as far before it lands again."""
ONE_REST, LEAST_SWING_S = 0.2, 0.22
"""Two rests of a foot are one, if they are nearer (in body heights) and the time between them is shorter."""
CLEAR_ERROR = 0.03
"""Error of the fit, in body heights, that halves the confidence."""
APPROACH_S, RESTING_S, SETTLE_S = 0.12, 0.1, 0.03
"""What the fit of a landing uses: so long before it, and so long after it; and when the foot rests completely."""
AWAY = 0.04
"""A point this far from where it rests is still moving, in body heights."""
TOE_FIRST_S = 0.04
"""The heel counts, unless the toe lands earlier by more."""
FEWEST = 4
"""Fewest frames before a rest that the fit uses."""
PARTS = 20
"""A contact is found to this part of a frame."""


@dataclass(frozen=True)
class Contact:
    """A foot that lands.

    Attributes:
        person: number of the person.
        foot: ``L`` or ``R``.
        frame: number of the last frame before the contact, or at it.
        fraction: 0 to 1, from that frame to the track's next.
        x, y: where, in pixels of the picture.
        speed: of the foot before it lands, in body heights a second.
        confidence: 0 to 1.
        reasons: what the confidence is made of, in words.
    """

    person: int
    foot: str
    frame: int
    fraction: float
    x: float
    y: float
    speed: float
    confidence: float
    reasons: tuple[str, ...] = ()


def find_contacts(track: PoseTrack) -> list[Contact]:
    """Return the contacts of both feet of a person, in order.

    Args:
        track: the person; left and right may be confused in single frames.
    """
    contacts: list[Contact] = []
    gaps = np.flatnonzero(np.diff(track.times_s) > LONGEST_GAP_S) + 1
    for first, end in zip([0, *gaps], [*gaps, len(track.frames)], strict=True):
        if track.times_s[end - 1] - track.times_s[first] > 2 * LEAST_REST_S and end - first >= 5:
            contacts += _of_piece(untangle_feet(track.part(first, end)))
    return sorted(contacts, key=lambda contact: (contact.frame, contact.fraction, contact.foot))


@dataclass(frozen=True)
class _Rest:
    """A rest of a foot: its first frame's index, the index after its last, and its middle place, in pixels."""

    foot: str
    first: int
    end: int
    place: np.ndarray


def _of_piece(track: PoseTrack) -> list[Contact]:
    """Return the contacts of a track without gaps and with untangled feet."""
    height = body_height(track)
    places = {foot: track.of(*FEET[foot]).mean(axis=1) for foot in FEET}
    hips = track.of("left hip", "right hip").mean(axis=1)
    rests = [rest for foot in FEET for rest in _rests_of(track, foot, places[foot], height)]
    contacts: list[Contact] = []
    for rest in sorted(rests, key=lambda rest: (rest.first, rest.foot)):
        before = [other for other in rests if other.first < rest.first]
        if rest.first and _is_new(rest, before, places[rest.foot], hips, height[rest.first]):
            contacts.append(_contact(track, rest, float(height[rest.first])))
    return contacts


def _is_new(rest: _Rest, before: list[_Rest], place: np.ndarray, hips: np.ndarray, height: float) -> bool:
    """Return whether a foot really moved before a rest. Else the network only confused it for some frames.

    Args:
        rest: of a foot.
        before: the earlier rests of both feet.
        place: ``[n, 2]`` of this foot, in pixels.
        hips: ``[n, 2]`` the middle of the hips, in pixels.
        height: of the body, in pixels.
    """
    own = [other for other in before if other.foot == rest.foot]
    since = max((other.end - 1 for other in own), default=0)
    way = float(np.hypot(*(place[since : rest.first + 1] - rest.place).T).max()) / height
    standing = [other for other in before if other.foot != rest.foot][-1:]
    taken = any(np.hypot(*(other.place - rest.place)) < SAME_PLACE * height for other in standing)
    if own and np.hypot(*(hips[rest.first] - hips[own[-1].first])) > MOVED_ON * height:
        taken = taken or np.hypot(*(own[-1].place - rest.place)) < MOVED_ON / 2 * height
    return way >= LEAST_WAY and not taken


def _rests_of(track: PoseTrack, foot: str, place: np.ndarray, height: np.ndarray) -> list[_Rest]:
    """Return the rests of one foot, in order. Rests near each other with less than a swing between them are one."""
    times = track.times_s
    speed = _speeds(times, place) / height
    limit = np.array([_rest_limit(speed[np.abs(times - time) <= AROUND_S]) for time in times])
    rests: list[_Rest] = []
    for first, end in _runs(times, speed < limit):
        middle = np.median(place[first:end], axis=0)
        last = rests[-1] if rests else None
        near = last is not None and np.hypot(*(last.place - middle)) < ONE_REST * height[first]
        if last is not None and near and times[first] - times[last.end - 1] < LEAST_SWING_S:
            rests[-1] = _Rest(foot, last.first, end, last.place)
        else:
            rests.append(_Rest(foot, first, end, middle))
    return rests


def _speeds(times: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the speed ``[n]`` in pixels a second, by a line through the frames within ``SMOOTH_S``."""
    step = float(np.median(np.diff(times)))
    reach = max(1, round(SMOOTH_S / step))
    speeds = np.empty(len(times))
    for index in range(len(times)):
        near = slice(max(0, index - reach), index + reach + 1)
        when = times[near] - times[near].mean()
        slope = when @ (place[near] - place[near].mean(axis=0)) / (when @ when)
        speeds[index] = np.hypot(*slope)
    return speeds


def _rest_limit(speeds: np.ndarray) -> float:
    return SWING_SHARE * max(LEAST_SWING, float(np.quantile(speeds, 0.9)))


def _runs(times: np.ndarray, resting: np.ndarray) -> list[tuple[int, int]]:
    """Return first and end index of each run of resting frames that is long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], resting.astype(int), [0]])))
    runs = [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]
    return [(first, end) for first, end in runs if times[end - 1] - times[first] >= LEAST_REST_S * 0.8]


def _contact(track: PoseTrack, rest: _Rest, height: float) -> Contact:
    """Return the contact at the beginning of a rest: the landing of the heel or of the toe, whichever is earlier.

    Args:
        track: the person.
        rest: of a foot.
        height: of the body, in pixels.
    """
    times = track.times_s
    name = {"L": "left", "R": "right"}[rest.foot]
    fits = {part: _landing_of(times, track.of(f"{name} {part}")[:, 0] / height, rest) for part in ("heel", "toe")}
    part = "toe" if fits["toe"].moment_s < fits["heel"].moment_s - TOE_FIRST_S else "heel"
    moment, speed, error = fits[part]
    index = int(np.clip(np.searchsorted(times, moment, side="right") - 1, 0, len(times) - 2))
    fraction = float(np.clip((moment - times[index]) / (times[index + 1] - times[index]), 0, 1))
    near = slice(max(0, index - FEWEST), index + FEWEST)
    seen = float(track.seen(*FEET[rest.foot])[near].mean())
    return Contact(
        person=track.person,
        foot=rest.foot,
        frame=int(track.frames[index]),
        fraction=fraction,
        x=float(rest.place[0]),
        y=float(rest.place[1]),
        speed=speed,
        confidence=seen / (1 + (error / CLEAR_ERROR) ** 2),
        reasons=(f"foot seen {seen:.0%}", f"{part} lands first, within {error:.1%} of the body's height"),
    )


class Landing(NamedTuple):
    """When a point comes to rest, how fast it was just before, and the root of the mean squared error of the fit."""

    moment_s: float
    speed: float
    error: float


def _landing_of(times: np.ndarray, place: np.ndarray, rest: _Rest) -> Landing:
    """Return the landing of a point of a foot.

    Where it rests is known from the frames of the rest. From there it is followed back to the frame where it is clearly
    away. The landing is fitted between these frames.

    Args:
        times: ``[n]`` seconds.
        place: ``[n, 2]`` of the point, in body heights.
        rest: of the foot.
    """
    step = float(np.median(np.diff(times)))
    settled = times[rest.first] + SETTLE_S
    begin, stop = np.searchsorted(times, [settled, settled + max(RESTING_S, 3 * step)])
    begin = min(int(begin), rest.end - 2, len(times) - 2)
    place = place - np.median(place[begin : max(int(stop), begin + 2)], axis=0)
    away = np.hypot(*place.T)
    last = begin
    while last > 0 and (away[last] < AWAY or away[last - 1] < AWAY):
        last -= 1
    begin = int(np.searchsorted(times, times[last] - max(APPROACH_S, FEWEST * step)))
    stop = max(begin + 5, int(np.searchsorted(times, times[last] + max(RESTING_S, 3 * step), side="right")))
    return fit_landing(times[begin:stop], place[begin:stop], step)


def fit_landing(times: np.ndarray, place: np.ndarray, step: float) -> Landing:
    """Fit the way of a point that lands at (0, 0): a line and a parabola before the landing, nothing after it.

    Args:
        times: ``[n]`` seconds, rising.
        place: ``[n, 2]``.
        step: seconds from frame to frame.

    Returns:
        The moment to a twentieth of a frame.
    """
    moments = np.arange(times[min(2, len(times) - 2)], times[-1] + step / PARTS / 2, step / PARTS)
    before = np.maximum(0, moments[:, None] - times)
    terms = np.stack([before, before**2], axis=2)
    base, weights = np.linalg.qr(terms)
    part = np.swapaxes(base, 1, 2) @ place
    errors = ((place[None] - base @ part) ** 2).sum(axis=(1, 2))
    best = int(np.argmin(errors))
    slope = np.linalg.lstsq(weights[best], part[best], rcond=None)[0][0]
    return Landing(float(moments[best]), float(np.hypot(*slope)), float(np.sqrt(errors[best] / len(times))))
