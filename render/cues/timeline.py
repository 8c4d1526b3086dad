"""What a reader of a timeline finds before a mapping makes cues of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from render.project.timecode import Clock


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One clip, marker or region of a timeline.

    Attributes:
        kind: what it is there.
        name: as written.
        track: the track it lies on; empty for markers that lie on none.
        start_samples: from the programme's first sample; negative before it.
        duration_samples: 1 or more; None where the format has none (markers).
        row: line in a text file, else the event's number in the file's order, from 1.
        note: comment, if the format has one.
        source: the audio file it plays, as the session names it; may not exist, is never written.
        extra: whatever else the format says of it, as text.
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
    """What looks like a clip, marker or region and is not read.

    Attributes:
        row: as a spot's.
        why: what it is and why it is not read, on one line.
    """

    row: int
    why: str


@dataclass(frozen=True)
class Timeline:
    """A timeline as read.

    Attributes:
        format: its name, as ``docs/formats.md`` has it.
        clock: the time base given, completed with the rate and the start that the file states.
        spots: in the file's order.
        remarks: what was read and not used, each with its line or number; nothing is dropped in silence.
        unreadable: what looks like a spot and is none, by row; a render asks before it goes on without them.
        start_frames: its first frame, counted from 00:00:00:00, if the file counts frames and says so.
    """

    format: str
    clock: Clock
    spots: list[TimelineItem]
    remarks: list[str]
    unreadable: list[UnreadItem] = field(default_factory=list)
    start_frames: int | None = None
