"""Length, channels and timecode position of the audio files in a session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from plugin_backend.audio_files import inspect_audio
from plugin_backend.errors import AudioFileError
from render.session.model import Item, Session
from render.wav.bext import time_reference

LATEST_SAMPLES = 2**36
"""A position after the end of any day, at any sample rate."""

PCM_BITS = {"PCM_16": 16, "PCM_24": 24}


@dataclass(frozen=True)
class Media:
    """A WAV file.

    Attributes:
        length_samples: samples per channel.
        channels: number of channels.
        sample_rate: in Hz.
        bits: 16 or 24 for integers, None for float.
    """

    length_samples: int
    channels: int
    sample_rate: int
    bits: int | None


def inspect_media(path: Path) -> Media:
    """Read length, channels and format of a file.

    Raises:
        AudioFileError: the file is missing, unreadable or empty; names the file.
    """
    info = inspect_audio(path)
    return Media(info.length_samples, info.channels, info.rate_hz, PCM_BITS.get(info.subtype))


def media_of_session(session: Session) -> dict[Path, Media]:
    """Inspect every file that a session plays, each once.

    Raises:
        AudioFileError: a file is missing, unreadable, has another sample rate, or is shorter than an item needs.
    """
    files: dict[Path, Media] = {}
    for item in (item for track in session.tracks for item in track.items):
        if item.file is None:
            continue
        if item.file not in files:
            files[item.file] = inspect_media(item.file)
        media = files[item.file]
        if media.sample_rate != session.sample_rate:
            raise AudioFileError(f"{item.file}: {media.sample_rate} Hz in a session of {session.sample_rate} Hz")
        if item.offset_samples < 0 or item.offset_samples + item.length_samples > media.length_samples:
            raise AudioFileError(f"{item.file}: {media.length_samples} samples, fewer than '{item.name}' plays of it")
    return files


def item_from_file(path: Path, name: str) -> Item:
    """Return a delivered file as one item: all of it, at the timecode of its bext chunk.

    Args:
        path: the file.
        name: name of the item.

    Raises:
        AudioFileError: the file is missing, unreadable, empty or not a Broadcast-WAV file, or its TimeReference is
            later than any time of day.
    """
    media = inspect_media(path)
    if media.length_samples < 1:
        raise AudioFileError(f"{path}: the file holds no samples")
    start_samples = time_reference(path)
    if start_samples is None:
        raise AudioFileError(f"{path}: no bext chunk says where it lies in time")
    if start_samples > LATEST_SAMPLES:
        raise AudioFileError(f"{path}: its bext chunk puts it at sample {start_samples}, after any day's end")
    return Item(name, path, start_samples, media.length_samples)
