"""Decode any audio file to mono, block by block, and tell what was wrong with it.

Unlike a cue's source, which is refused when it is damaged, a corpus takes what it can get: any number of channels, and
the part of a truncated file that decodes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import BLOCK_SAMPLES, AudioFile
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.errors import AudioFileError

RATES_HZ = (4_000, 768_000)
MOST_CHANNELS = 64
CLIPPED = 0.9999
"""A sample this close to full scale, or beyond, counts as clipped."""

CLIPPED_SHARE = 0.001
"""From this share of clipped samples on, a file is told to be clipped."""

CANCELLED = 0.1
"""Channels whose mean keeps less than this share of their energy cancel; the loudest is taken instead."""


@dataclass(frozen=True)
class DecodedInfo:
    """What was decoded besides the samples: rate in Hz, remarks."""

    rate_hz: int
    remarks: tuple[str, ...]


def decode_to_mono(path: Path, into: TempAudio, cancelled: float = CANCELLED) -> DecodedInfo:
    """Fill ``into`` with the file as the mean of its channels, at its own rate.

    Where the mean keeps less than the share ``cancelled`` of their energy, it is the loudest channel instead.

    Raises:
        AudioFileError: it cannot be used; the message is the reason alone, without the file's name.
    """
    into.clear()
    try:
        with open(path, "rb") as file:
            if not os.fstat(file.fileno()).st_size:
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
    """The mean of all channels, and which one stands for it where they cancel."""
    info, loudest = file.info, None
    if not RATES_HZ[0] <= info.rate_hz <= RATES_HZ[1]:
        raise AudioFileError(f"a rate of {info.rate_hz} Hz; {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")
    if info.channels > MOST_CHANNELS:
        raise AudioFileError(f"{info.channels} channels; up to {MOST_CHANNELS} can be used")
    remarks = list(info.remarks[info.is_cut_short :])
    clipped, energy, mixed_energy = 0, np.zeros(info.channels), 0.0
    while len(block := file.read(BLOCK_SAMPLES)):
        if not np.isfinite(block).all():
            raise AudioFileError("holds NaN or infinite samples")
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
        told = f" of {info.length_samples / info.rate_hz:.2f} s" if is_short else " s"
        remarks.append(f"truncated; the {into.size / info.rate_hz:.2f}{told} that decode are kept")
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
