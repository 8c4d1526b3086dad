"""A DAW session, independent of any format: named tracks with items at absolute samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.text import NOT_IN_SESSION
from render.project.timecode import Clock, FrameRate, samples_at

LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Item:
    """A clip on a track.

    Attributes:
        name: text that the DAW shows. Each format removes what it cannot hold.
        file: audio file, or None for an empty clip (a cue that is not performed yet).
        start_samples: on the absolute timeline, counted from 00:00:00:00.
        length_samples: 1 or more.
        offset_samples: position in the file where the clip begins.
        columns: other data of the cue, as text.
    """

    name: str
    file: Path | None
    start_samples: int
    length_samples: int
    offset_samples: int = 0
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def end_samples(self) -> int:
        """The first sample after the item."""
        return self.start_samples + self.length_samples


@dataclass(frozen=True, slots=True)
class Track:
    """A named track. Its items may overlap. The sum is muted, because the stems play the same audio."""

    name: str
    items: tuple[Item, ...]
    muted: bool = False

    def lanes(self) -> list[tuple[str, list[Item]]]:
        """Return the items on as few tracks as possible without overlap, at least one: ``FEET``, ``FEET 2``, …."""
        lanes: list[list[Item]] = [[]]
        for item in sorted(self.items, key=lambda item: item.start_samples):
            for lane in lanes:
                if not lane or lane[-1].end_samples <= item.start_samples:
                    lane.append(item)
                    break
            else:
                lanes.append([item])
        return [(f"{self.name} {number}" if number > 1 else self.name, lane) for number, lane in enumerate(lanes, 1)]


@dataclass(frozen=True, slots=True)
class Marker:
    """A named position on the absolute timeline."""

    name: str
    start_samples: int


@dataclass(frozen=True)
class Session:
    """The content of a session.

    Attributes:
        name: name of the session.
        rate: frame rate of its timecode, or None.
        start_samples: the programme's first sample on the absolute timeline; 0 without a rate.
        sample_rate: in Hz.
        tracks: in the order that the DAW shows.
        markers: in any order.
    """

    name: str
    rate: FrameRate | None
    start_samples: int
    sample_rate: int
    tracks: tuple[Track, ...]
    markers: tuple[Marker, ...] = ()

    @property
    def origin_frames(self) -> int:
        """The session's first frame: the last frame that begins at or before everything in it; 0 without a rate."""
        if self.rate is None:
            return 0
        starts = [item.start_samples for track in self.tracks for item in track.items]
        first = max(0, min([self.start_samples, *starts, *(marker.start_samples for marker in self.markers)]))
        frames = first * self.rate.exact // self.sample_rate + 1
        while samples_at(frames, self.rate, self.sample_rate) > first:
            frames -= 1
        return frames

    @property
    def origin_samples(self) -> int:
        """The session's first sample on the absolute timeline. All positions in its file count from here."""
        return Clock(self.sample_rate, self.rate, self.origin_frames).start_samples

    @property
    def end_samples(self) -> int:
        """The first sample after all items, at least one after the origin."""
        ends = [item.end_samples for track in self.tracks for item in track.items]
        return max([self.origin_samples + 1, *ends])


def readable(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name that any format can hold: control characters and unpaired surrogates become a space.

    Args:
        name: any text.
        most: greatest length of the result.
    """
    return NOT_IN_SESSION.sub(" ", name).strip()[:most]
