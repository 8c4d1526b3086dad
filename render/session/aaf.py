"""Write AAF files with pyaaf2: a composition, its sources and, if wanted, their audio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plugin_backend.errors import AudioFileError, MissingExtraError
from render.session.aaf_mobs import CHANNELS, TRACK_FORMATS, Combiner, Sources, add_timecode, suffixes_of
from render.session.media_info import Media, media_of_session
from render.session.model import Item, Session, readable

MOST_EMBEDDED_BYTES = 2**31 - 2**26
"""Most bytes of embedded audio. DAWs refuse an AAF of more than 2 GiB."""


def write_aaf(session: Session, path: Path, temporary: Path, embed: bool = False, home: Path | None = None) -> None:
    """Write ``session`` to ``temporary``.

    Sound slots count samples at the session's rate. A file of two or six channels is one clip, whose channels are
    joined by the channel combiner. Other layouts have one track per channel. An item that overlaps another item of its
    track is put on another track. Muted tracks are left out, because not every host can read that a track is muted.

    Args:
        session: the session.
        path: where the file will be. One locator of each link is relative to its folder.
        temporary: file to write.
        embed: put 16- or 24-bit PCM into the file; otherwise link the audio files.
        home: folder that the file will be moved to. The other locator of each link is in it.

    Raises:
        MissingExtraError: pyaaf2 is not installed.
        AudioFileError: see :func:`render.session.media_info.media_of_session`; or the audio cannot be embedded.
        CueSheetError: the columns of an item do not fit into an AAF.
        OSError: the file cannot be written.
    """
    try:
        import aaf2
    except ImportError:
        raise MissingExtraError("writing an AAF", "aaf") from None

    media = media_of_session(session)
    if embed:
        _check_embeddable(media)
    with aaf2.open(str(temporary), "w") as aaf:
        application = aaf.header["IdentificationList"].value[0]
        application["ProductName"].value, application["CompanyName"].value = "Pisada", "Pisada"
        composition = aaf.create.CompositionMob(readable(session.name))
        composition.usage = "Usage_TopLevel"
        aaf.content.mobs.append(composition)
        sources, combiner = Sources(aaf, session, media, (path.parent, home), embed), Combiner(aaf)
        for track in session.tracks:
            for name, items in [] if track.muted else track.lanes():
                for slot_name, placed, channels in _slots(name, items, sources, combiner):
                    slot = _sound_slot(aaf, composition, slot_name, channels, session.sample_rate)
                    _fill(aaf, slot.segment, placed, session.origin_samples)
        if session.rate is not None:
            add_timecode(aaf, composition, session)
        if session.markers:
            _add_markers(aaf, composition, session)


def _check_embeddable(media: dict[Path, Media]) -> None:
    total = 0
    for path, info in media.items():
        if info.bits is None:
            raise AudioFileError(
                f"{path}: not 16 or 24-bit PCM, and an AAF embeds nothing else: render 24 bits, or link it"
            )
        total += info.length_samples * info.channels * info.bits // 8
    if total > MOST_EMBEDDED_BYTES:
        raise AudioFileError(f"{total / 1e9:.1f} GB of audio; an AAF embeds at most 2.1: link it, or embed fewer stems")


def _slots(name: str, items: list[Item], sources: Sources, combiner: Combiner) -> Iterator[tuple[str, list, int]]:
    """Yield name, ``[(item, segment)]`` and channels of each sound slot that a lane becomes."""
    rows = [(item, sources.clips(item)) for item in items]
    channels = max((len(clips) for _, clips in rows), default=1)
    if all(len(clips) in CHANNELS for _, clips in rows):
        yield name, [(item, combiner.join(clips, item.length_samples)) for item, clips in rows], channels
        return
    for channel, suffix in enumerate(suffixes_of(channels)):
        yield name + suffix, [(item, clips[channel]) for item, clips in rows if channel < len(clips)], 1


def _sound_slot(aaf: Any, composition: Any, name: str, channels: int, sample_rate: int) -> Any:
    slot = composition.create_sound_slot(sample_rate)
    slot.name = readable(name)
    slot["PhysicalTrackNumber"].value = len(composition.slots)
    layout = aaf.create.TaggedValue("_TRACK_FORMAT", TRACK_FORMATS[channels], "aafInt32")
    slot["TimelineMobAttributeList"].value = [layout]
    return slot


def _fill(aaf: Any, sequence: Any, placed: list[tuple[Item, Any]], origin: int) -> None:
    """Put segments at their positions, with filler between them."""
    reached, parts = origin, []
    for item, segment in placed:
        if item.start_samples > reached:
            parts.append(aaf.create.Filler("sound", item.start_samples - reached))
        parts.append(segment)
        reached = item.end_samples
    sequence.components.extend(parts or [aaf.create.Filler("sound", 1)])
    sequence.length = max(1, reached - origin)


def _add_markers(aaf: Any, composition: Any, session: Session) -> None:
    slot = aaf.create.EventMobSlot(len(composition.slots) + 1, "Markers")
    slot.edit_rate = session.sample_rate
    slot["PhysicalTrackNumber"].value = 1
    slot.segment = aaf.create.Sequence("DescriptiveMetadata")
    composition.slots.append(slot)
    for marker in session.markers:
        event = aaf.create.DescriptiveMarker()
        event["Position"].value = marker.start_samples - session.origin_samples
        event["Comment"].value = readable(marker.name)
        event["DescribedSlots"].value = [1]  # readers expect a track: the first one
        slot.segment.components.append(event)
