"""Read users' audio files, and say in one clear line why a file cannot be used.

Every reader of recordings uses this module. It corrects wrong lengths in file headers, reads joined recordings as one,
and finds damaged audio and NaN or infinite samples while it reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from plugin_backend.audio_formats.byte_ranges import Content, Part, PartFile
from plugin_backend.audio_formats.detect import inspect_content
from plugin_backend.dsp.resample import Resampler
from plugin_backend.errors import AudioFileError

MAX_CHANNELS = 2
"""Of a cue's source and of other mono or stereo files."""

BLOCK_SAMPLES = 65_536
MAX_LENGTH_SAMPLES = 2**48
"""libsndfile returns a larger number for a length that it does not know."""

RECORDING_RATES_HZ = (8_000, 192_000)
MAX_RECORDING_CHANNELS = 32


@dataclass(frozen=True)
class AudioInfo:
    """Length, rate and format of an audio file.

    Attributes:
        length_samples: length of each channel.
        rate_hz: sample rate in Hz.
        channels: number of channels.
        subtype: libsndfile's name of the sample format, for example ``PCM_24``.
        remarks: errors in the header, one line each, without the file's name.
        is_cut_short: whether the file ends before its audio does.
    """

    length_samples: int
    rate_hz: int
    channels: int
    subtype: str
    remarks: tuple[str, ...] = ()
    is_cut_short: bool = False

    def length_at(self, sample_rate: int) -> int:
        """Return the length in samples after resampling to ``sample_rate`` Hz, rounded up."""
        return -(-self.length_samples * sample_rate // self.rate_hz)


@dataclass(frozen=True)
class RecordingInfo:
    """Path, length, rate and channels of a recording of any length, such as a guide track.

    Attributes:
        path: the file.
        length_samples: length of each channel.
        sample_rate: in Hz.
        channels: number of channels.
        remarks: errors in the header, one line each, with the file's name.
    """

    path: Path
    length_samples: int
    sample_rate: int
    channels: int
    remarks: tuple[str, ...] = ()


class _ForwardFile(soundfile.SoundFile):
    """A sound file that never seeks. soundfile seeks after each read, and this changes the next samples of an MP3."""

    def seekable(self) -> bool:
        return False


class AudioFile:
    """An open audio file, read from its first sample to its last.

    Args:
        path: the file.
        tolerant: end the reading where the audio is damaged or samples are missing, and do not raise.

    Attributes:
        info: length, rate and format.

    Raises:
        AudioFileError: the file is absent or unreadable, or it joins recordings that differ. The message is the reason
            alone, without the file's name.
    """

    def __init__(self, path: Path, tolerant: bool = False):
        if not os.path.isfile(path):  # also true of a name that no file can have
            raise AudioFileError("no such audio file")
        self._path, self._tolerant, self._remaining = path, tolerant, 0
        self._open: _ForwardFile | None = None
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 (closed in close)
        except OSError as problem:
            raise AudioFileError(f"cannot be opened ({problem.strerror})") from problem
        try:
            content = inspect_content(self._file)
            self._parts: list[Part | None] = list(content.parts or (None,))
            self.info = self._inspect(content)
        except OSError as problem:
            self.close()
            raise AudioFileError(f"cannot be read ({problem.strerror})") from problem
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
        self._file.close()

    def read(self, max_samples: int, dtype: str = "float32") -> np.ndarray:
        """Read the next samples, ``[n, channels]``. There are fewer than ``max_samples`` only at the file's end.

        Args:
            max_samples: how many samples of each channel to read.
            dtype: ``float32`` or ``float64`` for -1 to 1, ``int16`` or ``int32`` for integers.

        Raises:
            AudioFileError: the audio is damaged, or ends before its length. The message has no file name.
        """
        pieces, missing = [np.zeros((0, self.info.channels), dtype)], max_samples
        while missing and (self._remaining or self._open_next_part()):
            piece = self._read(min(missing, self._remaining), dtype)
            pieces.append(piece)
            missing, self._remaining = missing - len(piece), self._remaining - len(piece)
        return pieces[1] if len(pieces) == 2 else np.concatenate(pieces)

    def _read(self, count: int, dtype: str) -> np.ndarray:
        """Read ``count`` samples of the open part. The part has ended if there are fewer."""
        assert self._open is not None
        block = np.zeros((count, self.info.channels), dtype)
        problem = ""
        try:
            block = self._open.read(out=block)
        except soundfile.LibsndfileError as error:  # the block holds what was decoded, and zeros after it
            problem = error.error_string.rstrip(".") or "cannot be decoded"
            nonzero = np.flatnonzero(block.any(axis=1))
            block = block[: nonzero[-1] + 1 if nonzero.size else 0]
        if problem or len(block) < count:
            missing = self._remaining - len(block)
            if not self._tolerant:
                seconds = (self.info.length_samples - missing) / self.info.rate_hz
                raise AudioFileError(f"the audio is damaged ({problem or f'it ends after {seconds:.1f} s'})")
            self._remaining = len(block)
        return block

    def _inspect(self, content: Content) -> AudioInfo:
        infos = []
        for part in self._parts:
            with self._open_part(part) as file:
                length = file.frames if part is None or part.length_samples is None else part.length_samples
                infos.append((length, file.samplerate, file.channels, file.subtype))
        lengths, rates, channels, subtypes = zip(*infos, strict=True)
        if len({*zip(rates, channels, strict=True)}) > 1:
            raise AudioFileError("recordings of different rates or channels are joined in it; give them one by one")
        if sum(lengths) > MAX_LENGTH_SAMPLES:
            raise AudioFileError("states no length; convert it to WAV or FLAC")
        remarks = (content.cut_short,) * bool(content.cut_short) + content.remarks
        return AudioInfo(sum(lengths), rates[0], channels[0], subtypes[0], remarks, bool(content.cut_short))

    def _open_part(self, part: Part | None) -> _ForwardFile:
        try:
            source = os.fsencode(self._path) if part is None else PartFile(self._file, part)
            return _ForwardFile(source)
        except soundfile.LibsndfileError as problem:
            reason = problem.error_string.rstrip(".") or "libsndfile cannot read it"
            raise AudioFileError(f"not a readable audio file ({reason})") from problem

    def _open_next_part(self) -> bool:
        """Open the next part, and return whether there is one."""
        if self._open is not None:
            self._open.close()
        if not self._parts:
            return False
        part = self._parts.pop(0)
        self._open = self._open_part(part)
        self._remaining = self._open.frames
        if part is not None and part.length_samples is not None:
            self._remaining = part.skip_samples
            while self._remaining and len(skipped := self._read(min(BLOCK_SAMPLES, self._remaining), "float32")):
                self._remaining -= len(skipped)
            self._remaining = part.length_samples
        return True


def inspect_audio(path: Path) -> AudioInfo:
    """Return length, rate and format of a file that holds samples.

    Raises:
        AudioFileError: the file is absent, unreadable or empty. The message names the file.
    """
    try:
        with AudioFile(path) as file:
            return _check_not_empty(file.info)
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def _check_not_empty(info: AudioInfo) -> AudioInfo:
    if info.length_samples <= 0:
        raise AudioFileError("the file holds no samples")
    return info


def inspect_mono_or_stereo(path: Path) -> AudioInfo:
    """Return length, rate and format of a mono or stereo file.

    Raises:
        AudioFileError: the file is absent, unreadable or empty, or has more than two channels. The message names the
            file.
    """
    info = inspect_audio(path)
    if info.channels > MAX_CHANNELS:
        raise AudioFileError(f"{path}: {info.channels} channels; give a mono or stereo file")
    return info


def inspect_recording(path: Path) -> RecordingInfo:
    """Return length, rate and channels of a recording of any length.

    Raises:
        AudioFileError: the file is absent, unreadable or empty, has over 32 channels, or a rate outside 8 to 192 kHz.
    """
    info = inspect_audio(path)
    if info.channels > MAX_RECORDING_CHANNELS:
        raise AudioFileError(f"{path}: {info.channels} channels; up to {MAX_RECORDING_CHANNELS} can be used")
    lowest_hz, highest_hz = RECORDING_RATES_HZ
    if not lowest_hz <= info.rate_hz <= highest_hz:
        raise AudioFileError(f"{path}: a rate of {info.rate_hz} Hz; {lowest_hz} to {highest_hz} Hz can be used")
    remarks = tuple(f"{path}: {remark}" for remark in info.remarks)
    return RecordingInfo(path, info.length_samples, info.rate_hz, info.channels, remarks)


def check_finite(block: np.ndarray, message: str = "the file holds NaN or infinite samples") -> None:
    """Raise :class:`AudioFileError` with ``message`` if a sample of ``block`` is NaN or infinite."""
    if not np.isfinite(block).all():
        raise AudioFileError(message)


def read_blocks(
    path: Path, block_samples: int = BLOCK_SAMPLES, dtype: str = "float32"
) -> Iterator[tuple[np.ndarray, bool]]:
    """Read a file block by block. The last block may be shorter.

    Args:
        path: the file.
        block_samples: length of a block.
        dtype: sample type; see :meth:`AudioFile.read`.

    Yields:
        A block ``[n, channels]``, and whether it is the last.

    Raises:
        AudioFileError: see :func:`inspect_audio`; or the audio is damaged, ends before its length, or is not finite.
    """
    try:
        with AudioFile(path) as file:
            remaining = _check_not_empty(file.info).length_samples
            while remaining:
                block = file.read(block_samples, dtype)
                check_finite(block)
                remaining -= len(block)
                yield block, not remaining
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def read_large_blocks(
    recording: RecordingInfo, read_samples: int, min_samples: int
) -> Iterator[tuple[np.ndarray, bool]]:
    """Read a recording in blocks of at least ``min_samples``, except the last.

    Args:
        recording: the recording.
        read_samples: how many samples to read at a time.
        min_samples: least length of a block; a block is a multiple of ``read_samples``, except the last.

    Yields:
        A block ``[n, channels]``, and whether it is the last.

    Raises:
        AudioFileError: see :func:`read_blocks`.
    """
    pieces: list[np.ndarray] = []
    waiting = 0
    for block, last in read_blocks(recording.path, read_samples):
        pieces.append(block)
        waiting += len(block)
        if waiting >= min_samples or last:
            joined, pieces, waiting = np.concatenate(pieces), [], 0
            yield joined, last


def read_mono_blocks(path: Path, sample_rate: int, block_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """Read a file block by block, mixed to mono (the mean of its channels) and resampled.

    Args:
        path: a mono or stereo file.
        sample_rate: of the result, in Hz.
        block_samples: how many samples to read at a time.

    Yields:
        Blocks ``[n]`` float32.

    Raises:
        AudioFileError: see :func:`inspect_mono_or_stereo` and :func:`read_blocks`.
    """
    rate_hz = inspect_mono_or_stereo(path).rate_hz
    blocks = ((block.mean(axis=1, dtype=np.float32), last) for block, last in read_blocks(path, block_samples))
    yield from resample_mono_blocks(blocks, rate_hz, sample_rate)


def resample_mono_blocks(
    blocks: Iterable[tuple[np.ndarray, bool]], from_hz: int, to_hz: int, quality: str = "HQ"
) -> Iterator[np.ndarray]:
    """Resample a mono stream block by block.

    Args:
        blocks: blocks ``[n]``, each with whether it is the last.
        from_hz: sample rate of the blocks.
        to_hz: sample rate of the result.
        quality: soxr's quality, ``HQ`` or ``VHQ``.

    Yields:
        Blocks ``[n]``; the blocks themselves if the rates are equal.
    """
    resampler = Resampler(from_hz, to_hz, 1, quality) if from_hz != to_hz else None
    for block, last in blocks:
        yield resampler.push(block[None], last)[0] if resampler else block


def read_mono(path: Path, sample_rate: int) -> np.ndarray:
    """Read a whole file as :func:`read_mono_blocks` does, ``[samples]`` float32."""
    return np.concatenate(list(read_mono_blocks(path, sample_rate)))
