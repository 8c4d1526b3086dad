"""The bext chunk of Broadcast-WAV files, version 2 (EBU Tech 3285)."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

from plugin_backend.audio_formats.wav_chunks import read_wave_chunk
from render.wav.r128_gating import Loudness

UNUSED = 0x7FFF
LOUDNESS_OFFSET = 412
"""Offset of the five loudness fields in the chunk."""

MOMENT_OFFSET, TIME_REFERENCE_OFFSET = 320, 338
"""Offsets of the origination date and of the TimeReference in the chunk."""


def bext(description: str, time_reference: int, moment: datetime) -> bytes:
    """Return libsndfile's SF_BROADCAST_INFO struct. Its loudness fields are unused until they are known.

    Args:
        description: ASCII text, at most 256 characters.
        time_reference: samples from midnight to the file's first sample.
        moment: origination date and time.
    """

    def text(value: str, size: int) -> bytes:
        return value.encode("ascii", "replace")[:size].ljust(size, b"\0")

    head = text(description, 256) + text("Pisada", 32) + text("", 32)
    head += moment_fields(moment)
    head += b"\0\0"  # the C struct's padding before its 32-bit fields
    head += struct.pack("<IIh", time_reference & 0xFFFFFFFF, time_reference >> 32, 2)
    head += bytes(64) + loudness_fields(None) + bytes(180)
    return head + struct.pack("<I", 0) + bytes(256)


def moment_fields(moment: datetime) -> bytes:
    """Return the fields OriginationDate and OriginationTime."""
    return moment.strftime("%Y-%m-%d%H:%M:%S").encode("ascii")


def loudness_fields(loudness: Loudness | None) -> bytes:
    """Return LoudnessValue, LoudnessRange, MaxTruePeakLevel, MaxMomentaryLoudness and MaxShortTermLoudness.

    Each field is 100 times its value, rounded. It is 0x7FFF if there is no value, or if the value is outside
    −99.99 … 99.99.
    """
    values: list[float | None] = [None] * 5
    if loudness is not None:
        values = [
            loudness.integrated_lufs,
            loudness.range_lu,
            loudness.true_peak_dbtp,
            loudness.max_momentary_lufs,
            loudness.max_short_term_lufs,
        ]
    return struct.pack("<5h", *(UNUSED if v is None or abs(v) > 99.99 else round(100 * v) for v in values))


def time_reference(path: Path) -> int | None:
    """Return a file's TimeReference: samples from midnight to its first sample. None if it has no bext chunk."""
    chunk = read_wave_chunk(path, b"bext", TIME_REFERENCE_OFFSET + 8) or b""
    reference = chunk[TIME_REFERENCE_OFFSET:]
    return int(struct.unpack("<Q", reference)[0]) if len(reference) == 8 else None


def timestamp(path: Path) -> int | None:
    """Return a file's TimeReference in its own samples, or None if it has none or the TimeReference is 0."""
    return time_reference(path) or None
