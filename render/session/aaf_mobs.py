"""The mobs behind a clip of an AAF: master, file, and the timeline it was made for."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import read_blocks
from plugin_backend.errors import CueSheetError
from render.session.media_info import Media
from render.session.model import Item, Session, readable
from render.session.rpp import relative

COMBINER = "6b46dd7a-132d-4856-ab21-8b751d8462ec"
BYTE_ORDER = ("c0038672-a8cf-11d3-a05b-006094eb75cb", "AvidParameterByteOrder", "aafUInt16")
EFFECT_ID = ("93994bd6-a81d-11d3-a05b-006094eb75cb", "AvidEffectID", "AvidBagOfBits")
LITTLE_ENDIAN = 0x4949
EFFECT_NAME = b"EFF2_AUDIO_CHANNEL_COMBINER\0"

CHANNELS = {1: ("",), 2: (".L", ".R"), 6: (".L", ".C", ".R", ".Ls", ".Rs", ".LFE")}
"""Channel suffixes in the order the effect takes them."""

SEPARATE = {3: (".L", ".R", ".C")}
"""Suffixes of layouts it does not take, as they lie in a WAV file: one track a channel."""

WAV_ORDER = {1: (0,), 2: (0, 1), 6: (0, 2, 1, 4, 5, 3)}
"""Where each of them lies in a WAV file (L, R, C, LFE, Ls, Rs)."""

TRACK_FORMATS = {1: 1, 2: 2, 6: 3}
"""``_TRACK_FORMAT`` of a slot, by channels."""


def suffixes_of(channels: int) -> tuple[str, ...]:
    """What the names of a file's channels end with, in the order its clips come."""
    return CHANNELS.get(channels) or SEPARATE.get(channels) or tuple(f".{number + 1}" for number in range(channels))


class Combiner:
    """The definitions, registered in one AAF file, and clips joined by them."""

    def __init__(self, aaf):
        self.aaf = aaf
        self._parameters = []
        for definition in (BYTE_ORDER, EFFECT_ID):
            identifier, name, kind = definition
            parameter = aaf.create.ParameterDef(identifier, name, "", kind)
            aaf.dictionary.register_def(parameter)
            self._parameters.append(parameter)
        self._operation = aaf.create.OperationDef(COMBINER, "Audio Channel Combiner", "")
        self._operation.media_kind = "sound"
        self._operation.number_inputs = 1
        self._operation["IsTimeWarp"].value = False
        self._operation["Bypass"].value = 0
        self._operation["OperationCategory"].value = "OperationCategory_Effect"
        self._operation["ParametersDefined"].value = self._parameters
        aaf.dictionary.register_def(self._operation)

    def join(self, clips: list, length_samples: int):
        """One segment of mono clips, in the order of :data:`CHANNELS`; a single clip stays as it is."""
        if len(clips) == 1:
            return clips[0]
        group = self.aaf.create.OperationGroup(self._operation, length=length_samples, media_kind="sound")
        for parameter, value in zip(self._parameters, (LITTLE_ENDIAN, list(EFFECT_NAME)), strict=True):
            group.parameters.append(self.aaf.create.ConstantValue(parameter, value))
        group.segments.extend(clips)
        return group


COMMENT = "pisada"
"""Name of the user comment that carries an empty item's columns, as JSON."""

MOST_COMMENT_BYTES = 60_000  # an AAF keeps a property's size in 16 bits
BLOCK_SAMPLES = 2**18
WAVE_PCM, WAVE_FLOAT = 1, 3


class Sources:
    """Makes mobs in one AAF file; an audio file played twice is there once.

    The chain of a clip: master mob → file mob (embedded PCM, or a link) → one mob for the session's timeline,
    so that a host knows each file's original timecode. An empty clip has no file mob.
    """

    def __init__(self, aaf, session: Session, media: dict[Path, Media], folders: tuple[Path, Path | None], embed: bool):
        self.aaf, self.media, self.folders, self.embed = aaf, media, folders, embed
        self.rate_hz, self.origin = session.sample_rate, session.origin_samples
        self.timeline = self._timeline(session)
        self._masters: dict[Path, list[tuple]] = {}

    def clips(self, item: Item) -> list:
        """Mono source clips of an item, one a channel, in the order of ``aaf_combiner.CHANNELS``."""
        if item.file is None:
            masters, start = [self._empty(item)], 0
        else:
            if item.file not in self._masters:
                self._masters[item.file] = self._embedded(item) if self.embed else self._linked(item)
            masters, start = self._masters[item.file], item.offset_samples
        return [
            master.create_source_clip(slot_id, start, item.length_samples, media_kind="sound")
            for master, slot_id in masters
        ]

    def _timeline(self, session: Session):
        mob = self.aaf.create.SourceMob(readable(session.name))
        self.aaf.content.mobs.append(mob)
        mob.descriptor = self.aaf.create.TapeDescriptor()
        slot = mob.create_empty_slot(self.rate_hz, "sound", slot_id=1)
        slot.segment.length = session.end_samples - self.origin
        if session.rate is not None:
            add_timecode(self.aaf, mob, session)
        return mob

    def _mob(self, kind: str, name: str):
        mob = getattr(self.aaf.create, kind)(readable(name))
        self.aaf.content.mobs.append(mob)
        return mob

    def _slot(self, mob, source, source_slot_id: int, start: int, length: int, channel: int = 1):
        slot = mob.create_timeline_slot(self.rate_hz)
        slot["PhysicalTrackNumber"].value = channel
        slot.segment = source.create_source_clip(source_slot_id, start, length, media_kind="sound")
        return slot.slot_id

    def _empty(self, item: Item) -> tuple:
        master = self._mob("MasterMob", item.name)
        if item.columns:
            master.comments[COMMENT] = _comment(item)
        return master, self._slot(master, self.timeline, 1, item.start_samples - self.origin, item.length_samples)

    def _embedded(self, item: Item) -> list[tuple]:
        media = self.media[item.file]
        masters, streams = [], []
        for suffix in suffixes_of(media.channels):
            file_mob = self._mob("SourceMob", item.file.name + suffix)
            file_mob.descriptor = self._pcm(media)
            slot_id = self._slot(file_mob, self.timeline, 1, self._began(item), media.length_samples)
            essence = self.aaf.create.EssenceData()
            essence.mob_id = file_mob.mob_id
            self.aaf.content.essencedata.append(essence)
            streams.append(essence.open("w"))
            master = self._mob("MasterMob", item.name + suffix)
            masters.append((master, self._slot(master, file_mob, slot_id, 0, media.length_samples)))
        for block in mono_pcm(item.file, media):
            for stream, channel in zip(streams, block, strict=True):
                stream.write(channel)
        return masters

    def _pcm(self, media: Media):
        descriptor, width = self.aaf.create.PCMDescriptor(), media.bits // 8
        facts = {
            "Channels": 1,
            "BlockAlign": width,
            "SampleRate": self.rate_hz,
            "AverageBPS": self.rate_hz * width,
            "QuantizationBits": media.bits,
            "AudioSamplingRate": self.rate_hz,
            "Length": media.length_samples,
        }
        for name, value in facts.items():
            descriptor[name].value = value
        return descriptor

    def _linked(self, item: Item) -> list[tuple]:
        media, order = self.media[item.file], WAV_ORDER.get(self.media[item.file].channels)
        file_mob, master = self._mob("SourceMob", item.file.name), self._mob("MasterMob", item.name)
        descriptor = self.aaf.create.WAVEDescriptor()
        descriptor["SampleRate"].value = self.rate_hz
        descriptor["Length"].value = media.length_samples
        descriptor["Summary"].value = bytearray(wave_summary(media))
        descriptor["ContainerFormat"].value = self.aaf.dictionary.lookup_containerdef("AAF")
        for url in locations(item.file, *self.folders):
            locator = self.aaf.create.NetworkLocator()
            locator["URLString"].value = url
            descriptor["Locator"].append(locator)
        file_mob.descriptor = descriptor
        slots = []
        for channel in range(1, media.channels + 1):
            began, length = self._began(item), media.length_samples
            slot_id = self._slot(file_mob, self.timeline, 1, began, length, channel)
            slots.append((master, self._slot(master, file_mob, slot_id, 0, length, channel)))
        return [slots[index] for index in order] if order else slots

    def _began(self, item: Item) -> int:
        """Where the file's first sample lies on the session's timeline."""
        return max(0, item.start_samples - item.offset_samples - self.origin)


def _comment(item: Item) -> str:
    text = json.dumps(item.columns, ensure_ascii=False)
    if len(text.encode("utf-16-le")) > MOST_COMMENT_BYTES:
        raise CueSheetError(f"'{item.name}': its columns hold more text than an AAF keeps (60 kB): write .otio or .rpp")
    return text


def add_timecode(aaf, mob, session: Session) -> None:
    """A timecode slot at the exact frame rate, from the session's first frame to past its last."""
    rate = session.rate
    length = (session.end_samples - session.origin_samples) * rate.exact // session.sample_rate + 1
    slot = mob.create_timeline_slot(f"{rate.exact.numerator}/{rate.exact.denominator}")
    slot.name = "TC1"
    slot["PhysicalTrackNumber"].value = 1
    slot.segment = aaf.create.Timecode(rate.nominal, rate.drop, length)
    slot.segment.start = session.origin_frames


def locations(file: Path, folder: Path, home: Path | None = None) -> tuple[str, str]:
    """Where it is, or will be once its folder is moved ``home``; and where it is beside the AAF (RFC 1808, for when
    both have moved)."""
    from urllib.parse import quote

    beside = relative(file, folder)
    there = file if home is None else home / beside
    return there.resolve().as_uri(), quote(beside)


def wave_summary(media: Media) -> bytes:
    """The head of a WAVE file up to its audio, as a WAVEDescriptor keeps it."""
    width = media.bits // 8 if media.bits else 4
    align = media.channels * width
    size = min(0xFFFFFFFF, 36 + media.length_samples * align)
    kind = WAVE_PCM if media.bits else WAVE_FLOAT
    form = struct.pack("<HHIIHH", kind, media.channels, media.sample_rate, media.sample_rate * align, align, width * 8)
    return b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", len(form)) + form


def mono_pcm(path: Path, media: Media) -> Iterator[list[bytes]]:
    """Little-endian PCM of each channel, block by block, in the order of ``aaf_combiner.CHANNELS``."""
    order = WAV_ORDER.get(media.channels) or range(media.channels)
    width = media.bits // 8
    for block, _ in read_blocks(path, BLOCK_SAMPLES, dtype="int32"):
        octets = np.ascontiguousarray(block.T, dtype="<i4").view(np.uint8).reshape(media.channels, -1, 4)
        yield [octets[index, :, 4 - width :].tobytes() for index in order]
