"""AAF files, written through pyaaf2: a composition, its sources, and if wanted their audio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from plugin_backend.errors import AudioFileError, MissingExtraError
from render.session.aaf_mobs import CHANNELS, TRACK_FORMATS, Combiner, Sources, add_timecode, suffixes_of
from render.session.media_info import Media, media_of_session
from render.session.model import Item, Session, readable

MOST_EMBEDDED_BYTES = 2**31 - 2**26
"""An AAF past 2 GiB is refused by the DAWs that read it."""


def write_aaf(session: Session, path: Path, temporary: Path, embed: bool = False, home: Path | None = None) -> None:
    """Write ``session`` to ``temporary``.

    Sound slots count samples at the session's rate. A file of two or six channels is one clip whose channels are
    joined by the channel combiner; other layouts lie on one track a channel. An item that overlaps another of its
    track lies on a further track. Muted tracks are left out: no way to mute one is read by every host.

    Args:
        path: where the file will be; one locator of each link is relative to its folder.
        embed: 16 or 24-bit PCM inside the file, else links to the audio files.
        home: where the folder of ``path`` will lie; the other locator of each link says so.

    Raises:
        MissingExtraError: pyaaf2 is not installed.
        AudioFileError: see :func:`render.session.media_info.media_of_session`; or not to be embedded.
        CueSheetError: an item's columns do not fit into an AAF.
        OSError: it cannot be written.
    """
    try:
        import aaf2
    except ImportError:
        raise MissingExtraError("writing an AAF", "aaf") from None

    media = media_of_session(session)
    if embed:
        _check_embeddable(media)
    with aaf2.open(str(temporary), "w") as aaf:
        maker = aaf.header["IdentificationList"].value[0]
        maker["ProductName"].value, maker["CompanyName"].value = "Pisada", "Pisada"
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
            _mark(aaf, composition, session)


def _check_embeddable(media: dict[Path, Media]) -> None:
    for path, facts in media.items():
        if facts.bits is None:
            raise AudioFileError(
                f"{path}: not 16 or 24-bit PCM, which is all an AAF embeds: render 24 bits, or link it"
            )
    total = sum(facts.length_samples * facts.channels * facts.bits // 8 for facts in media.values())
    if total > MOST_EMBEDDED_BYTES:
        raise AudioFileError(f"{total / 1e9:.1f} GB of audio; an AAF embeds at most 2.1: link it, or embed fewer stems")


def _slots(name: str, items: list[Item], sources: Sources, combiner: Combiner) -> Iterator[tuple]:
    """(name, [(item, segment)], channels) of each sound slot that a lane becomes."""
    rows = [(item, sources.clips(item)) for item in items]
    channels = max((len(clips) for _, clips in rows), default=1)
    if all(len(clips) in CHANNELS for _, clips in rows):
        yield name, [(item, combiner.join(clips, item.length_samples)) for item, clips in rows], channels
        return
    for channel, suffix in enumerate(suffixes_of(channels)):
        yield name + suffix, [(item, clips[channel]) for item, clips in rows if channel < len(clips)], 1


def _sound_slot(aaf, composition, name: str, channels: int, sample_rate: int):
    slot = composition.create_sound_slot(sample_rate)
    slot.name = readable(name)
    slot["PhysicalTrackNumber"].value = len(composition.slots)
    layout = aaf.create.TaggedValue("_TRACK_FORMAT", TRACK_FORMATS[channels], "aafInt32")
    slot["TimelineMobAttributeList"].value = [layout]
    return slot


def _fill(aaf, sequence, placed: list[tuple], origin: int) -> None:
    """Segments at their places, filler between them."""
    reached, parts = origin, []
    for item, segment in placed:
        if item.start_samples > reached:
            parts.append(aaf.create.Filler("sound", item.start_samples - reached))
        parts.append(segment)
        reached = item.end_samples
    sequence.components.extend(parts or [aaf.create.Filler("sound", 1)])
    sequence.length = max(1, reached - origin)


def _mark(aaf, composition, session: Session) -> None:
    slot = aaf.create.EventMobSlot(len(composition.slots) + 1, "Markers")
    slot.edit_rate = session.sample_rate
    slot["PhysicalTrackNumber"].value = 1
    slot.segment = aaf.create.Sequence("DescriptiveMetadata")
    composition.slots.append(slot)
    for marker in session.markers:
        event = aaf.create.DescriptiveMarker()
        event["Position"].value = marker.start_samples - session.origin_samples
        event["Comment"].value = readable(marker.name)
        event["DescribedSlots"].value = [1]  # readers want to know whose it is: the first track's
        slot.segment.components.append(event)
