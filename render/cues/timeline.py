"""A timeline as a reader returns it, before a mapping turns its items into cues."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from render.project.timecode import Clock


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One clip, marker or region of a timeline.

    Attributes:
        kind: ``clip``, ``marker`` or ``region``.
        name: as written.
        track: the track it is on; empty for markers that are on none.
        start_samples: from the programme's first sample; negative before it.
        duration_samples: 1 or more; None if the format states none (markers).
        row: line in a text file, else the event's number in the file's order, from 1.
        note: comment, if the format has one.
        source: the audio file that it plays, as the session names it; it may be missing and is never written.
        extra: everything else that the format states, as text.
    """

    kind: Literal["clip", "marker", "region"]
    name: str
    track: str
    start_samples: int
    duration_samples: int | None
    row: int
    note: str = ""
    source: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnreadItem:
    """A line or event that looks like a clip, marker or region and could not be read.

    Attributes:
        row: as in :class:`TimelineItem`.
        reason: what it is and why it was not read, on one line.
    """

    row: int
    reason: str


@dataclass(frozen=True)
class Timeline:
    """A timeline as read.

    Attributes:
        format: its name, as in ``docs/formats.md``.
        clock: the requested time base, completed with the rate and start that the file states.
        items: in the file's order.
        remarks: what was read and not used, each with its line or number; everything left out is listed.
        unreadable: items that could not be read, by row; a render stops unless the user skips them.
        start_frames: its first frame, counted from 00:00:00:00, if the file states one.
    """

    format: str
    clock: Clock
    items: list[TimelineItem]
    remarks: list[str]
    unreadable: list[UnreadItem] = field(default_factory=list)
    start_frames: int | None = None
