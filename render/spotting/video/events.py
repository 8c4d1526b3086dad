"""Events of a film: what happened, when exactly, where in the picture, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from render.spotting.video.contacts import LONGEST_GAP_S, Contact, find_contacts
from render.spotting.video.evidence import Evidence, Part
from render.spotting.video.pose_track import PoseTrack
from render.spotting.video.things import ThingTrack, follow_things, hits_of_thing

PARTS = 1000
"""Times between frames are fractions of a thousandth of a frame."""
BOTH_FEET_FRAMES = 2.0
"""Two feet that land within so many frames are one landing."""
SHORTEST_TRACK_FRAMES = 8
FOUND_FRAMES = 20
"""A person is found at most so many frames after the first movement."""


@dataclass(frozen=True)
class Event:
    """Something that should sound.

    Attributes:
        kind: a key of ``KINDS``.
        time: in seconds from the film's first frame.
        frame: number of the frame at or before it.
        x, y: where, from 0 (left, top) to 1.
        strength: 0 to 1.
        confidence: 0 to 1.
        reasons: why, in words.
        person: number of the person; 0 for a thing.
        foot: ``L`` or ``R``; empty if it is none, or not known.
    """

    kind: str
    time: Fraction
    frame: int
    x: float
    y: float
    strength: float
    confidence: float
    reasons: tuple[str, ...]
    person: int = 0
    foot: str = ""


KINDS = {
    "step": "a foot lands",
    "door opens": "a door begins to move",
    "door closes": "a door stops after it moved back",
    "drop": "something falls and lands",
}


def find_events(
    evidence: Evidence, size: tuple[int, int], progress: Callable[[int], None] = lambda n: None
) -> list[Event]:
    """Return the events of a film, in order.

    Args:
        evidence: what was seen, complete.
        size: width and height of the pictures that were looked at, in pixels.
        progress: receives the number of frames that are done.
    """
    contacts: list[Contact] = []
    arrivals: list[_Arrival] = []
    times: list[Fraction] = []
    cuts = {cut for part in evidence.parts() for cut in part.cuts}
    for track in pose_tracks(evidence.parts(), cuts):
        arrivals.append(_Arrival(int(track.frames[0]), *track.points[0].min(axis=0), *track.points[0].max(axis=0)))
        if len(track.frames) >= SHORTEST_TRACK_FRAMES:
            contacts += find_contacts(track)
    for part in evidence.parts():
        times += part.times
        progress(len(times))
    things = [one for one in follow_things(evidence.parts(), cuts, size) if not _is_person(one, arrivals)]
    events = [_step(contact, times, size) for contact in _landings(contacts)]
    events = _with_strengths(events)
    for hit in hits_of_thing(things, size):
        x, y = hit.x / size[0], hit.y / size[1]
        time = _time(times, hit.frame, hit.fraction)
        events.append(Event(hit.kind, time, hit.frame, x, y, hit.strength, hit.confidence, hit.reasons))
    return _number_people(sorted(events, key=lambda event: (event.time, event.kind, event.person)))


class _Arrival(NamedTuple):
    """The frame in which a person was first found, and the box of the landmarks in pixels."""

    frame: int
    left: float
    top: float
    right: float
    bottom: float


def _is_person(thing: ThingTrack, arrivals: Sequence[_Arrival]) -> bool:
    """Return whether a movement was of a person who was found at the end of it or soon after."""
    blob = thing.blobs[-1]
    x, y = (blob.left + blob.right) / 2, (blob.top + blob.bottom) / 2
    return any(
        thing.frames[0] <= one.frame <= thing.frames[-1] + FOUND_FRAMES
        and one.left <= x <= one.right
        and one.top <= y <= one.bottom
        for one in arrivals
    )


def pose_tracks(parts: Iterator[Part], cuts: set[int]) -> Iterator[PoseTrack]:
    """Yield the people of a film, each until the last frame or a cut. Only people in view are in memory.

    Args:
        parts: the evidence.
        cuts: frames at which a shot begins.
    """
    open_: dict[int, list[tuple[int, float, np.ndarray, np.ndarray]]] = {}
    camera = np.zeros(2)
    for part in parts:
        for index, (time, shift, people) in enumerate(zip(part.times, part.camera, part.people, strict=True)):
            frame = part.first + index
            camera = camera + shift
            gone = [
                one for one, rows in open_.items() if frame in cuts or float(time) - rows[-1][1] > 3 * LONGEST_GAP_S
            ]
            for person in gone:
                yield _track(person, open_.pop(person))
            for person, (points, visibility) in people.items():
                open_.setdefault(person, []).append((frame, float(time), points - camera, visibility))
    for person, rows in open_.items():
        yield _track(person, rows)


def _track(person: int, rows: list[tuple[int, float, np.ndarray, np.ndarray]]) -> PoseTrack:
    frames, times, points, visibility = zip(*rows, strict=True)
    return PoseTrack(person, np.array(frames), np.array(times), np.array(points, float), np.array(visibility, float))


def _landings(contacts: Sequence[Contact]) -> list[Contact]:
    """Return the contacts by time; two feet of a person that land at once become one landing."""
    kept: list[Contact] = []
    for contact in sorted(contacts, key=lambda one: (one.person, one.frame + one.fraction)):
        last = kept[-1] if kept and kept[-1].person == contact.person else None
        since = contact.frame + contact.fraction - last.frame - last.fraction if last else np.inf
        if last and since <= BOTH_FEET_FRAMES and last.foot != contact.foot:
            kept[-1] = replace(
                last, foot="", speed=max(last.speed, contact.speed), reasons=(*last.reasons, "both feet land")
            )
        else:
            kept.append(contact)
    return kept


def _step(contact: Contact, times: Sequence[Fraction], size: tuple[int, int]) -> Event:
    x, y = np.clip([contact.x / size[0], contact.y / size[1]], 0, 1)
    return Event(
        "step", _time(times, contact.frame, contact.fraction), contact.frame, float(x), float(y), contact.speed,
        contact.confidence, contact.reasons, contact.person, contact.foot,
    )  # fmt: skip


def _with_strengths(events: list[Event]) -> list[Event]:
    """Turn the speeds of steps into strengths, relative to the person's usual speed, 0.8."""
    usual = {
        person: float(np.median([event.strength for event in events if event.person == person]))
        for person in {event.person for event in events}
    }
    return [
        replace(event, strength=float(np.clip(0.8 * np.sqrt(event.strength / max(usual[event.person], 0.1)), 0.3, 1)))
        for event in events
    ]


def _number_people(events: list[Event]) -> list[Event]:
    """Number people in the order of their first step, and drop feet that would step twice in a row.

    Where a foot steps twice within two seconds, a step between was not seen, or left and right were confused: the
    second one has no foot.
    """
    numbers: dict[int, int] = {}
    last: dict[int, Event] = {}
    result = []
    for event in events:
        if event.person:
            event = replace(event, person=numbers.setdefault(event.person, len(numbers) + 1))
            before = last.get(event.person)
            if before and event.foot == before.foot and event.time - before.time <= 2:
                event = replace(event, foot="", reasons=(*event.reasons, f"foot not known: {event.foot} stepped last"))
            if event.foot:
                last[event.person] = event
        result.append(event)
    return result


def _time(times: Sequence[Fraction], frame: int, fraction: float) -> Fraction:
    """Return the time between a frame and the next, to a thousandth of a frame."""
    begin = times[frame]
    end = times[frame + 1] if frame + 1 < len(times) else begin
    return begin + (end - begin) * Fraction(round(fraction * PARTS), PARTS)
