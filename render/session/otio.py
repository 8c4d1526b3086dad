"""OpenTimelineIO files: positions in samples, nothing rounded."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from render.session.media_info import Media, media_of_session
from render.session.model import Item, Session, readable
from render.session.rpp import relative

NAMESPACE, ORDER = "pisada", "pisada_columns"
"""Keys of our metadata; OpenTimelineIO sorts a dictionary, so the order of its columns is beside it."""
"""Key of our own metadata in clips, tracks and the timeline."""


def write_otio(session: Session, path: Path, temporary: Path) -> None:
    """Write ``session`` to ``temporary``; media URLs are relative to the folder of ``path``.

    Clips and gaps count samples at the session's rate; an item that overlaps another of its track lies on a
    further track. Media time is the file's own: its first sample is at its timecode.

    Raises:
        AudioFileError: see :func:`render.session.media_info.media_of_session`.
        OSError: it cannot be written.
    """
    import opentimelineio as otio

    media, origin, rate_hz = media_of_session(session), session.origin_samples, session.sample_rate

    def span(start_samples: int, length_samples: int):
        start = otio.opentime.RationalTime(start_samples, rate_hz)
        return otio.opentime.TimeRange(start, otio.opentime.RationalTime(length_samples, rate_hz))

    timeline = otio.schema.Timeline(readable(session.name), metadata={NAMESPACE: _facts(session)})
    rate = session.rate
    timeline.global_start_time = (
        otio.opentime.RationalTime(session.origin_frames, float(rate.exact))
        if rate
        else otio.opentime.RationalTime(0, rate_hz)
    )
    for marker in session.markers:
        at = span(marker.start_samples - origin, 0)
        timeline.tracks.markers.append(otio.schema.Marker(readable(marker.name), at))
    for track in session.tracks:
        for name, items in track.lanes():
            lane = otio.schema.Track(readable(name), kind=otio.schema.TrackKind.Audio)
            lane.enabled = not track.muted
            lane.metadata[NAMESPACE] = {"track": readable(track.name)}
            lane.extend(_children(otio, items, origin, media, path.parent, span))
            timeline.tracks.append(lane)
    temporary.write_text(timeline.to_json_string(indent=2), encoding="utf-8", newline="\n")


def _facts(session: Session) -> dict:
    return {
        "rate": session.rate.name if session.rate else "",
        "start_samples": str(session.start_samples),
        "sample_rate": str(session.sample_rate),
    }


def _children(otio, items: list[Item], origin: int, media: dict[Path, Media], folder: Path, span) -> list:
    children, reached = [], origin
    for item in items:
        if item.start_samples > reached:
            children.append(otio.schema.Gap(source_range=span(0, item.start_samples - reached)))
        first = item.start_samples - item.offset_samples  # of the file, on the absolute timeline
        if item.file is None:
            reference, source = otio.schema.MissingReference(), span(0, item.length_samples)
        else:
            available = span(first, media[item.file].length_samples)
            reference = otio.schema.ExternalReference(quote(relative(item.file, folder)), available)
            reference.name, source = item.file.name, span(item.start_samples, item.length_samples)
        clip = otio.schema.Clip(readable(item.name), reference, source)
        if item.columns:
            clip.metadata[NAMESPACE] = dict(item.columns)
            clip.metadata[ORDER] = list(item.columns)
        children.append(clip)
        reached = item.end_samples
    return children
