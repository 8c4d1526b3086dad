"""Decode any audio file to mono, block by block, and report what was wrong with it.

A cue's source is refused if it is damaged. A corpus accepts any number of channels, and the part of a truncated file
that can be decoded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import BLOCK_SAMPLES, AudioFile, check_finite
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.errors import AudioFileError

RATES_HZ = (4_000, 768_000)
MOST_CHANNELS = 64
CLIPPED = 0.9999
"""A sample at or above this level counts as clipped."""

CLIPPED_SHARE = 0.001
"""A file with at least this share of clipped samples is reported as clipped."""

CANCELLED = 0.1
"""If the mean of the channels keeps less than this share of their energy, the channels cancel.

Then the loudest is used.
"""


@dataclass(frozen=True)
class DecodedInfo:
    """Sample rate in Hz, and remarks on the file."""

    rate_hz: int
    remarks: tuple[str, ...]


def decode_to_mono(path: Path, into: TempAudio, cancelled: float = CANCELLED) -> DecodedInfo:
    """Fill ``into`` with the mean of the file's channels, at its own rate.

    If the mean keeps less than the share ``cancelled`` of the channels' energy, the loudest channel is used.

    Args:
        path: the file.
        into: receives the samples.
        cancelled: 0 … 1.

    Returns:
        The rate, and remarks.

    Raises:
        AudioFileError: the file cannot be used. The message is the reason alone, without the file's name.
    """
    into.clear()
    try:
        with open(path, "rb") as raw_file:
            if not os.fstat(raw_file.fileno()).st_size:
                raise AudioFileError("an empty file of zero bytes")
    except OSError as problem:
        raise AudioFileError(f"cannot be opened ({problem.strerror})") from problem
    with AudioFile(path, tolerant=True) as file:
        decoded, loudest = _decode(file, into, cancelled)
    if loudest is not None:
        with AudioFile(path, tolerant=True) as file:
            _take_channel(file, loudest, into)
    return decoded


def _decode(file: AudioFile, into: TempAudio, cancelled: float) -> tuple[DecodedInfo, int | None]:
    """Decode the mean of all channels. Return also the channel to use if they cancel."""
    info, loudest = file.info, None
    if not RATES_HZ[0] <= info.rate_hz <= RATES_HZ[1]:
        raise AudioFileError(f"a rate of {info.rate_hz} Hz; {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")
    if info.channels > MOST_CHANNELS:
        raise AudioFileError(f"{info.channels} channels; up to {MOST_CHANNELS} can be used")
    remarks = list(info.remarks[info.is_cut_short :])
    clipped, energy, mixed_energy = 0, np.zeros(info.channels), 0.0
    while len(block := file.read(BLOCK_SAMPLES)):
        check_finite(block, "holds NaN or infinite samples")
        mono = block.mean(axis=1)
        into.append(mono)
        clipped += int((np.abs(block) >= CLIPPED).sum())
        energy += np.square(block, dtype=np.float64).sum(axis=0)
        mixed_energy += float(np.square(mono, dtype=np.float64).sum())
    if not into.size:
        raise AudioFileError("holds no samples")
    clipped_share = clipped / (into.size * info.channels)
    is_short = into.size < 0.99 * info.length_samples
    if info.is_cut_short or is_short:
        length_text = f" of {info.length_samples / info.rate_hz:.2f} s" if is_short else " s"
        remarks.append(f"truncated; the {into.size / info.rate_hz:.2f}{length_text} that decode are kept")
    if mixed_energy < cancelled * energy.mean():
        loudest = int(energy.argmax())
        remarks.append(f"its channels cancel; channel {loudest + 1} of {info.channels} is taken")
    if clipped_share >= CLIPPED_SHARE:
        remarks.append(f"clipped: {100 * clipped_share:.1f} % of its samples")
    return DecodedInfo(info.rate_hz, tuple(remarks)), loudest


def _take_channel(file: AudioFile, channel: int, into: TempAudio) -> None:
    into.clear()
    while len(block := file.read(BLOCK_SAMPLES)):
        into.append(block[:, channel])
