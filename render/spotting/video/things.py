"""Follow moving things that are no people, and find when they land or stop: drops and doors.

Only two movements are recognised, because only these are told apart reliably: something small that falls faster and
faster and then stops, and a tall strip that moves sideways and keeps its level (a door's free edge). The rest is no
event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from render.spotting.video.contacts import fit_landing
from render.spotting.video.evidence import Part
from render.spotting.video.motion import Blob

LOST_S = 0.1
"""A thing that does not move for longer rests."""
NEAR = 0.05
"""Blobs of one thing lie this near each other in two frames, as a share of the picture's height."""
FEWEST_FRAMES = 4
FALL, FASTER, LANDED = 0.08, 1.15, 0.008
"""Shortest fall (of the picture's height), how much faster its last third is than its first, and its end's error."""
SMALL = 0.15
"""Largest thing that can fall, as a share of the picture's height."""
TALL, SLIM, LEVEL = 0.2, 2.5, 0.05
"""A door's edge: its height (of the picture's height), height to width, and how far its top or bottom may move."""
SWING, WIDE, EDGE = 0.05, 0.6, 0.01
"""Shortest and longest way of a door's edge (of the picture's height), and its distance from the picture's edges."""
LONGEST_DOOR_S = 6.0
DOOR_SURE, DOOR_UNSURE = 0.75, 0.25
"""Confidence of a door that comes back, and of one that does not."""
UNSEEN_S = 0.2
"""A door moves at most so long without a visible change of its edge."""
STILL_CAMERA = 0.002
"""The camera stands still if it moves less than this share of the picture's height a frame."""


@dataclass
class ThingTrack:
    """A thing that moves, from the first frame of the movement to the last: frames, times in s and blobs."""

    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)

    def edges(self) -> np.ndarray:
        """Return left, top, right and bottom ``[n, 4]`` in pixels."""
        return np.array([blob[:4] for blob in self.blobs])


class ThingHit(NamedTuple):
    """The moment at which a thing lands, starts or stops; see :class:`~render.spotting.video.events.Event`."""

    kind: str
    frame: int
    fraction: float
    x: float
    y: float
    strength: float
    confidence: float
    reasons: tuple[str, ...]


def follow_things(parts: Iterator[Part], cuts: set[int], size: tuple[int, int]) -> Iterator[ThingTrack]:
    """Yield the movements of things, while the camera stands still.

    Args:
        parts: the evidence.
        cuts: frames at which a shot begins.
        size: width and height of the pictures in pixels.
    """
    moving: list[ThingTrack] = []
    for part in parts:
        for index, (time, blobs, camera) in enumerate(zip(part.times, part.blobs, part.camera, strict=True)):
            frame, now = part.first + index, float(time)
            ended = [one for one in moving if now - one.times[-1] > LOST_S or frame in cuts]
            yield from (one for one in ended if len(one.frames) >= FEWEST_FRAMES)
            moving = [one for one in moving if one not in ended]
            if np.hypot(*camera) > STILL_CAMERA * size[1]:
                continue
            free = list(blobs)
            for track in sorted(moving, key=lambda one: -one.blobs[-1].area):
                near = [blob for blob in free if _gap(track.blobs[-1], blob) < NEAR * size[1]]
                if near:
                    blob = _joined(near)
                    free = [one for one in free if one not in near]
                    _add(track, frame, now, blob)
            for blob in free:
                moving.append(ThingTrack())
                _add(moving[-1], frame, now, blob)
    yield from (one for one in moving if len(one.frames) >= FEWEST_FRAMES)


def hits_of_thing(tracks: list[ThingTrack], size: tuple[int, int]) -> list[ThingHit]:
    """Return the hits of all movements, by frame.

    Args:
        tracks: the movements.
        size: width and height of the pictures in pixels.
    """
    hits = [hit for track in tracks if (hit := _drop(track, size)) is not None]
    opened: list[ThingTrack] = []
    for track in sorted((one for one in tracks if _is_door(one, size)), key=lambda one: one.frames[0]):
        before = next((one for one in opened if _returns(one, track, size[1])), None)
        if before is None:
            opened.append(track)
        else:
            opened.remove(before)
            hits += [_door_opens(before, track), _door_closes(before, track)]
    hits += [_door_opens(track, None) for track in opened]
    return sorted(hits, key=lambda hit: (hit.frame, hit.kind))


def _drop(track: ThingTrack, size: tuple[int, int]) -> ThingHit | None:
    """Return the landing of something small that falls."""
    edges = track.edges() / size[1]
    bottom, middle = edges[:, 3], edges[:, [0, 2]].mean(axis=1)
    lowest = int(np.argmax(bottom >= bottom.max() - LANDED))
    way = bottom[lowest] - bottom[0]
    large = float(np.median(np.ptp(edges[: lowest + 1].reshape(-1, 2, 2), axis=1).max(axis=1)))
    if lowest < FEWEST_FRAMES - 1 or way < FALL or abs(middle[lowest] - middle[0]) > way or large > SMALL:
        return None
    third = max(1, lowest // 3)
    early, late = bottom[third] - bottom[0], bottom[lowest] - bottom[lowest - third]
    if late < FASTER * early:
        return None
    place = np.stack([np.zeros(lowest + 1), bottom[: lowest + 1]], axis=1) - [0, bottom[lowest]]
    frame, fraction, error = _stop(track, place, lowest)
    speed = late / (track.times[lowest] - track.times[lowest - third])
    return ThingHit(
        kind="drop",
        frame=frame,
        fraction=fraction,
        x=float(edges[lowest, [0, 2]].mean() * size[1]),
        y=float(bottom[lowest] * size[1]),
        strength=float(np.clip(speed / 2, 0.4, 1)),
        confidence=float(0.9 / (1 + (error / 0.02) ** 2)),
        reasons=(f"something falls {way:.0%} of the picture's height, faster and faster, and stops",),
    )


def _is_door(track: ThingTrack, size: tuple[int, int]) -> bool:
    """Return whether a movement is that of a door's free edge: a tall strip that goes sideways and keeps its level."""
    edges = track.edges()
    tall, wide = np.median(edges[:, 3] - edges[:, 1]), np.median(edges[:, 2] - edges[:, 0])
    level = min(float(np.ptp(np.quantile(edges[:, side], (0.2, 0.8)))) for side in (1, 3))
    way = abs(_across(track, -1) - _across(track, 0))
    return bool(
        tall >= TALL * size[1]
        and tall >= SLIM * wide
        and level <= LEVEL * size[1]
        and SWING * size[1] <= way <= WIDE * size[1]
        and edges[:, 0].min() > EDGE * size[0]
        and edges[:, 2].max() < (1 - EDGE) * size[0]
        and track.times[-1] - track.times[0] <= LONGEST_DOOR_S
    )


def _returns(one: ThingTrack, other: ThingTrack, height: int) -> bool:
    """Return whether a movement goes back to where an earlier one began."""
    way = abs(_across(one, -1) - _across(one, 0))
    back = abs(_across(other, -1) - _across(one, 0)) < max(0.4 * way, NEAR * height)
    return back and (_across(other, -1) - _across(other, 0)) * (_across(one, -1) - _across(one, 0)) < 0


def _door_opens(track: ThingTrack, back: ThingTrack | None) -> ThingHit:
    """Return the beginning of a door's movement; ``back`` is its way back, if there is one."""
    why = f"a tall strip moves sideways for {track.times[-1] - track.times[0]:.2f} s"
    more = "it comes back later" if back else "it does not come back in this shot: it may be something else"
    frame, fraction = _edge_moment(track, _closed_edge(track, back), begins=True)
    return _door_hit("door opens", track, 0, (frame, fraction), DOOR_SURE if back else DOOR_UNSURE, (why, more))


def _door_closes(track: ThingTrack, back: ThingTrack) -> ThingHit:
    """Return the end of a door's movement back to where it was before ``track``."""
    why = f"a tall strip comes back in {back.times[-1] - back.times[0]:.2f} s, and stops where it was before"
    moment = _edge_moment(back, _closed_edge(track, back), begins=False)
    return _door_hit("door closes", back, -1, moment, DOOR_SURE, (why,))


def _door_hit(
    kind: str, track: ThingTrack, index: int, moment: tuple[int, float], confidence: float, reasons: tuple[str, ...]
) -> ThingHit:
    left, top, right, bottom = track.blobs[index][:4]
    return ThingHit(kind, *moment, (left + right) / 2, (top + bottom) / 2, 0.75, confidence, reasons)


def _closed_edge(track: ThingTrack, back: ThingTrack | None) -> tuple[int, float]:
    """Return the side (0 left, 2 right) of a closed door at which its free edge is, and its place in pixels."""
    side = 0 if _across(track, -1) > _across(track, 0) else 2
    edges = np.concatenate([one.edges() for one in (track, back) if one])[:, side]
    return side, float(edges.min() if side == 0 else edges.max())


def _edge_moment(track: ThingTrack, closed: tuple[int, float], begins: bool) -> tuple[int, float]:
    """Return frame and fraction at which a door's edge leaves, or reaches, the place where the door is closed.

    Near that place the edge of a door that turns seems to stand, because it moves toward the picture. Its distance
    grows as the square of the angle, that of a sliding door as its way. The better of the two is followed to zero.

    Args:
        track: the movement.
        closed: see :func:`_closed_edge`.
        begins: the door leaves; else it comes back.
    """
    side, place = closed
    away = np.abs(track.edges()[:, side] - place)
    clear = np.flatnonzero((away > 0.1 * away.max()) & (away < 0.8 * away.max()))
    step = float(np.median(np.diff(track.times)))
    end = track.times[0] - step if begins else track.times[-1]
    moment = end
    if len(clear) >= FEWEST_FRAMES - 1:
        times = np.array(track.times)[clear]
        fits = []
        for values in (away[clear], np.sqrt(away[clear])):
            slope, level = np.polyfit(times - end, values / values.max(), 1)
            error = float(np.mean((slope * (times - end) + level - values / values.max()) ** 2))
            fits.append((error, end - level / slope if slope else end))
        moment = min(fits)[1]
    moment = float(np.clip(moment, end - UNSEEN_S, end) if begins else np.clip(moment, end, end + UNSEEN_S))
    since = (moment - track.times[0]) / step
    return max(0, track.frames[0] + int(np.floor(since))), float(since % 1)


def _across(track: ThingTrack, index: int) -> float:
    """Return the middle of a movement's first (0) or last (-1) blobs, across the picture."""
    near = track.blobs[:3] if index == 0 else track.blobs[-3:]
    return float(np.median([(blob.left + blob.right) / 2 for blob in near]))


def _stop(track: ThingTrack, place: np.ndarray, last: int) -> tuple[int, float, float]:
    """Return frame, fraction and error of the moment at which a thing stops.

    Args:
        track: the movement.
        place: ``[last + 1, 2]`` relative to where it stops.
        last: index of the last frame that moves.
    """
    step = float(np.median(np.diff(track.times)))
    begin = max(0, last - 5)
    times = np.concatenate([track.times[begin : last + 1], track.times[last] + step * np.arange(1, 4)])
    landing = fit_landing(times, np.concatenate([place[begin:], np.zeros((3, 2))]), step)
    after = max(0.0, landing.moment_s - track.times[begin]) / step
    return track.frames[begin] + int(after), after % 1, landing.error


def _add(track: ThingTrack, frame: int, time: float, blob: Blob) -> None:
    track.frames.append(frame)
    track.times.append(time)
    track.blobs.append(blob)


def _joined(blobs: list[Blob]) -> Blob:
    lefts, tops, rights, bottoms, areas = zip(*blobs, strict=True)
    return Blob(min(lefts), min(tops), max(rights), max(bottoms), sum(areas))


def _gap(one: Blob, other: Blob) -> float:
    """Return the distance in pixels between two boxes; 0 if they touch."""
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    return float(np.hypot(max(0.0, across), max(0.0, down)))
