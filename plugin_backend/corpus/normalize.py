"""Normalise a decoded file for the corpus: remove its DC offset, limit its level, resample it."""

from __future__ import annotations

import numpy as np

from plugin_backend.audio_files import resample_mono_blocks
from plugin_backend.codecs.dc_offset import dc_offset
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.errors import AudioFileError

SHORTEST_S = 0.01
"""Length of a codec's window. A shorter file holds nothing to learn."""

SILENT_PEAK = 2.0**-14
"""Two steps of 16 bits (-84 dBFS). A file whose peak is not higher is silent."""

LARGE_OFFSET = 0.03
"""An offset of at least this size, relative to the peak without it, is removed."""

SANE_PEAK = 4.0
"""+12 dBFS. Encoders overshoot by less; floats above it were written in another scale."""


def normalize(decoded: TempAudio, rate_hz: int, sample_rate: int, into: TempAudio) -> tuple[str, ...]:
    """Fill ``into`` with the audio at ``sample_rate`` (soxr VHQ). Return remarks.

    Args:
        decoded: the audio at its own rate.
        rate_hz: its rate.
        sample_rate: of the result.
        into: receives the result.

    Raises:
        AudioFileError: see :func:`find_faults`.
    """
    offset, excess = find_faults(decoded, rate_hz)
    _resample(decoded, rate_hz, sample_rate, offset, 1 / excess, into)
    removed = (f"DC offset of {offset:+.3f} removed",) if offset else ()
    return removed + level_remarks(excess)


def level_remarks(excess: float) -> tuple[str, ...]:
    """Return the remark on audio that was divided by ``excess``; none if ``excess`` is 1."""
    remark = f"peaks {20 * np.log10(excess):.0f} dB above full scale; brought down to it"
    return (remark,) if excess > 1 else ()


def find_faults(decoded: TempAudio, rate_hz: int) -> tuple[float, float]:
    """Return the offset to subtract (0 if it is small), and the factor to divide by then (1 unless peaks are too high).

    Raises:
        AudioFileError: the audio is silent or too short. The message is the reason alone.
    """
    if decoded.size < SHORTEST_S * rate_hz:
        count = f"{decoded.size} sample{'s' if decoded.size > 1 else ''}"
        raise AudioFileError(f"too short: {count}; at least {SHORTEST_S * 1000:.0f} ms are needed")
    step = max(1, round(0.01 * rate_hz))
    offset, (low, high) = dc_offset(decoded.blocks(0, None, 1000 * step), step), _extremes(decoded)
    peak = max(high - offset, offset - low)
    if peak <= SILENT_PEAK:
        raise AudioFileError("silent" if abs(offset) <= SILENT_PEAK else f"silent but for a constant of {offset:.3f}")
    if abs(offset) <= LARGE_OFFSET * peak:
        offset, peak = 0.0, max(high, -low)
    return offset, peak if peak > SANE_PEAK else 1.0


def _extremes(audio: TempAudio) -> tuple[float, float]:
    pairs = np.array([(block.min(), block.max()) for block in audio.blocks()])
    return float(pairs[:, 0].min()), float(pairs[:, 1].max())


def _resample(audio: TempAudio, rate_hz: int, sample_rate: int, offset: float, scale: float, into: TempAudio) -> None:
    into.clear()
    blocks = (((block - np.float32(offset)) * np.float32(scale), last) for block, last in audio.blocks_and_last())
    for block in resample_mono_blocks(blocks, rate_hz, sample_rate, "VHQ"):
        into.append(block)
