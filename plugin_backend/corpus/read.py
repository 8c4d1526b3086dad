"""Decode whatever libsndfile reads to mono, block by block, and tell what was wrong with it.

Unlike :mod:`plugin_backend.audio_files`, which refuses a cue's damaged source, a corpus takes what it
can get: any number of channels, and the part of a truncated file that decodes.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.corpus.scratch import Scratch
from plugin_backend.errors import AudioFileError

RATES_HZ = (4_000, 768_000)
FRAMES_PER_BLOCK = 65_536
MOST_CHANNELS = 64
CLIPPED = 0.9999
"""A sample this close to full scale, or beyond, counts as clipped."""

CLIPPED_SHARE = 0.001
"""From this share of clipped samples on, a file is told to be clipped."""

CANCELLED = 0.1
"""Channels whose mean keeps less than this share of their energy cancel; the loudest is taken instead."""

ENDS_EARLY = re.compile(r"(?:data|SSND) : (?!0 |4294967295 )\d+ \(should be|lacks an end-of-stream bit")
"""What libsndfile's log says of a WAV, AIFF or Ogg file that lacks its end."""


@dataclass(frozen=True)
class Decoded:
    """What was decoded besides the samples: rate in Hz, remarks."""

    rate_hz: int
    remarks: tuple[str, ...]


def decode(path: Path, into: Scratch, cancelled: float = CANCELLED) -> Decoded:
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
        with soundfile.SoundFile(os.fsencode(path)) as file:
            return _decode(file, into, cancelled)
    except OSError as problem:
        raise AudioFileError(f"cannot be opened ({problem.strerror})") from problem
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"not a readable audio file ({problem.error_string.rstrip('.')})") from problem


def _decode(file: soundfile.SoundFile, into: Scratch, cancelled: float) -> Decoded:
    if not RATES_HZ[0] <= file.samplerate <= RATES_HZ[1]:
        raise AudioFileError(f"a rate of {file.samplerate} Hz; {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")
    if file.channels > MOST_CHANNELS:
        raise AudioFileError(f"{file.channels} channels; up to {MOST_CHANNELS} can be used")
    remarks, ends_early = [], bool(ENDS_EARLY.search(file.extra_info))
    clipped, energy, mixed_energy, whole = 0, np.zeros(file.channels), 0.0, True
    while whole:
        block, whole = _next_block(file)
        if not np.isfinite(block).all():
            raise AudioFileError("holds NaN or infinite samples")
        mono = block.mean(axis=1)
        into.append(mono)
        clipped += int((np.abs(block) >= CLIPPED).sum())
        energy += np.square(block, dtype=np.float64).sum(axis=0)
        mixed_energy += float(np.square(mono, dtype=np.float64).sum())
    if not into.size:
        raise AudioFileError("holds no samples")
    clipped_share = clipped / (into.size * file.channels)
    if ends_early or into.size < 0.99 * file.frames:
        told = f" of {file.frames / file.samplerate:.2f} s" if into.size < 0.99 * file.frames else " s"
        remarks.append(f"truncated; the {into.size / file.samplerate:.2f}{told} that decode are kept")
    if mixed_energy < cancelled * energy.mean():
        remarks.append(f"its channels cancel; channel {energy.argmax() + 1} of {file.channels} is taken")
        _take_channel(file, int(energy.argmax()), into)
    if clipped_share >= CLIPPED_SHARE:
        remarks.append(f"clipped: {100 * clipped_share:.1f} % of its samples")
    return Decoded(file.samplerate, tuple(remarks))


def _next_block(file: soundfile.SoundFile) -> tuple[np.ndarray, bool]:
    """``[n, channels]`` samples and whether more may follow.

    Where decoding breaks, libsndfile has filled the block as far as it came and zeroed the rest.
    """
    block = np.zeros((FRAMES_PER_BLOCK, file.channels), np.float32)
    try:
        block = file.read(out=block)
        return block, len(block) == FRAMES_PER_BLOCK
    except soundfile.LibsndfileError:
        heard = np.flatnonzero(block.any(axis=1))
        return block[: heard[-1] + 1 if heard.size else 0], False


def _take_channel(file: soundfile.SoundFile, channel: int, into: Scratch) -> None:
    into.clear()
    file.seek(0)
    whole = True
    while whole:
        block, whole = _next_block(file)
        into.append(block[:, channel])
