"""What a session needs to know of a delivered file: its length, its channels, its place in time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.audio_files import inspect_audio
from plugin_backend.audio_formats.wav_chunks import read_wave_chunk
from plugin_backend.errors import AudioFileError
from render.session.model import Item, Session
from render.wav.bext import TIME_REFERENCE_OFFSET

LATEST_SAMPLES = 2**36  # past any day's end, at any rate
PCM_BITS = {"PCM_16": 16, "PCM_24": 24}


@dataclass(frozen=True)
class Media:
    """A WAV file: samples, channels, rate in Hz; ``bits`` is 16 or 24 for integers, None for float."""

    length_samples: int
    channels: int
    sample_rate: int
    bits: int | None


def inspect_media(path: Path) -> Media:
    """What a file holds.

    Raises:
        AudioFileError: absent, unreadable or empty; names the file.
    """
    info = inspect_audio(path)
    return Media(info.length_samples, info.channels, info.rate_hz, PCM_BITS.get(info.subtype))


def media_of_session(session: Session) -> dict[Path, Media]:
    """Every file the session plays, looked at once.

    Raises:
        AudioFileError: absent, unreadable, of another rate, or shorter than an item needs it.
    """
    found: dict[Path, Media] = {}
    for item in (item for track in session.tracks for item in track.items if item.file is not None):
        media = found.setdefault(item.file, None) or inspect_media(item.file)
        found[item.file] = media
        if media.sample_rate != session.sample_rate:
            raise AudioFileError(f"{item.file}: {media.sample_rate} Hz in a session of {session.sample_rate} Hz")
        if item.offset_samples < 0 or item.offset_samples + item.length_samples > media.length_samples:
            raise AudioFileError(f"{item.file}: {media.length_samples} samples, fewer than '{item.name}' plays of it")
    return found


def item_from_file(path: Path, name: str) -> Item:
    """A delivered file as one item: whole, at the timecode its bext chunk says.

    Raises:
        AudioFileError: absent, unreadable, empty, not a Broadcast-WAV file, or of no time of day.
    """
    media = inspect_media(path)
    if media.length_samples < 1:
        raise AudioFileError(f"{path}: the file holds no samples")
    start_samples = time_reference(path)
    if start_samples > LATEST_SAMPLES:
        raise AudioFileError(f"{path}: its bext chunk puts it at sample {start_samples}, after any day's end")
    return Item(name, path, start_samples, media.length_samples)


def time_reference(path: Path) -> int:
    """Samples from midnight to a Broadcast-WAV file's first (EBU Tech 3285: TimeReference).

    Raises:
        AudioFileError: not a RIFF or RF64 WAVE file with a bext chunk; names the file.
    """
    reference = (read_wave_chunk(path, b"bext", TIME_REFERENCE_OFFSET + 8) or b"")[TIME_REFERENCE_OFFSET:]
    if len(reference) == 8:
        return struct.unpack("<Q", reference)[0]
    raise AudioFileError(f"{path}: no bext chunk says where it lies in time")
