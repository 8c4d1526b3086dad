"""The bext chunk, version 2 (EBU Tech 3285)."""

from __future__ import annotations

import struct
from datetime import datetime

from render.wav.r128_gating import Loudness

UNUSED = 0x7FFF
LOUDNESS_OFFSET = 412
"""Where the five loudness fields begin in the chunk."""

MOMENT_OFFSET, TIME_REFERENCE_OFFSET = 320, 338
"""Where the date and the first sample's place begin in the chunk."""


def bext(description: str, time_reference: int, moment: datetime) -> bytes:
    """libsndfile's SF_BROADCAST_INFO; the loudness fields are unused until they are known."""

    def text(value: str, size: int) -> bytes:
        return value.encode("ascii", "replace")[:size].ljust(size, b"\0")

    head = text(description, 256) + text("Pisada", 32) + text("", 32)
    head += moment_fields(moment)
    head += b"\0\0"  # the C struct's padding before its 32-bit fields
    head += struct.pack("<IIh", time_reference & 0xFFFFFFFF, time_reference >> 32, 2)
    head += bytes(64) + loudness_fields(None) + bytes(180)
    return head + struct.pack("<I", 0) + bytes(256)


def moment_fields(moment: datetime) -> bytes:
    """OriginationDate and OriginationTime."""
    return moment.strftime("%Y-%m-%d%H:%M:%S").encode("ascii")


def loudness_fields(loudness: Loudness | None) -> bytes:
    """LoudnessValue, LoudnessRange, MaxTruePeakLevel, MaxMomentaryLoudness, MaxShortTermLoudness.

    Each is 100 × its value, rounded; 0x7FFF where there is none, or it is outside −99.99 … 99.99.
    """
    values = [None] * 5
    if loudness is not None:
        values = [
            loudness.integrated_lufs,
            loudness.range_lu,
            loudness.true_peak_dbtp,
            loudness.max_momentary_lufs,
            loudness.max_short_term_lufs,
        ]
    return struct.pack("<5h", *(UNUSED if v is None or abs(v) > 99.99 else round(100 * v) for v in values))
