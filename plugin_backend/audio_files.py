"""Read users' audio files, with one clear line when one cannot be used.

Every reader of recordings goes through here: what a file's header says wrong about its length is put right, joined
recordings are read as one, and damage and samples that are no numbers are found as they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from plugin_backend.audio_formats.byte_ranges import Content, Part, PartFile
from plugin_backend.audio_formats.detect import inspect_content
from plugin_backend.errors import AudioFileError

MAX_CHANNELS = 2
BLOCK_SAMPLES = 65_536
MAX_LENGTH_SAMPLES = 2**48
"""More is what libsndfile says of a length that it does not know."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds.

    Attributes:
        length_samples: of each channel.
        rate_hz: its sample rate.
        channels: how many.
        subtype: libsndfile's name for the kind of samples, as ``PCM_24``.
        remarks: what its header says wrong, or that it is cut short: a line each, without its name.
        is_cut_short: whether it ends before its audio does.
    """

    length_samples: int
    rate_hz: int
    channels: int
    subtype: str
    remarks: tuple[str, ...] = ()
    is_cut_short: bool = False

    def length_at(self, sample_rate: int) -> int:
        """Its length in samples once at ``sample_rate`` Hz, rounded up."""
        return -(-self.length_samples * sample_rate // self.rate_hz)


class _Forward(soundfile.SoundFile):
    """Reads straight on: soundfile else seeks after each read, and an MP3's next samples then differ."""

    def seekable(self) -> bool:
        return False


class AudioFile:
    """An open audio file, read from its first sample to its last.

    Args:
        path: the file.
        tolerant: whether reading ends where the audio is damaged, or where samples are lacking, instead of raising.

    Raises:
        AudioFileError: absent, unreadable, or recordings joined in it differ; the message is the reason alone,
            without the file's name.
    """

    def __init__(self, path: Path, tolerant: bool = False):
        if not os.path.isfile(path):  # also of a name no file can have
            raise AudioFileError("no such audio file")
        self._path, self._tolerant, self._left, self._open = path, tolerant, 0, None
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 (closed in close)
        except OSError as problem:
            raise AudioFileError(f"cannot be opened ({problem.strerror})") from problem
        try:
            content = inspect_content(self._file)
            self._parts = list(content.parts or (None,))
            self.info = self._looked_at(content)
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
        """Read no more."""
        if self._open is not None:
            self._open.close()
        self._file.close()

    def read(self, most_samples: int, dtype: str = "float32") -> np.ndarray:
        """The next samples, ``[n, channels]``; fewer than ``most_samples`` only where the file ends.

        Args:
            dtype: ``float32`` or ``float64`` for -1..1, ``int16`` or ``int32`` for integers.

        Raises:
            AudioFileError: the audio is damaged, or ends before its length; without the file's name.
        """
        pieces, wanted = [np.zeros((0, self.info.channels), dtype)], most_samples
        while wanted and (self._left or self._next_part()):
            piece = self._read(min(wanted, self._left), dtype)
            pieces.append(piece)
            wanted, self._left = wanted - len(piece), self._left - len(piece)
        return pieces[1] if len(pieces) == 2 else np.concatenate(pieces)

    def _read(self, count: int, dtype: str) -> np.ndarray:
        """What comes next of this part; where less than all of ``count`` comes the part is at its end."""
        block = np.zeros((count, self.info.channels), dtype)
        problem = ""
        try:
            block = self._open.read(out=block)
        except soundfile.LibsndfileError as error:  # the block is filled as far as it came, and zeroed after that
            problem = error.error_string.rstrip(".") or "cannot be decoded"
            sounding = np.flatnonzero(block.any(axis=1))
            block = block[: sounding[-1] + 1 if sounding.size else 0]
        if problem or len(block) < count:
            missing = self._left - len(block)
            if not self._tolerant:
                seconds = (self.info.length_samples - missing) / self.info.rate_hz
                raise AudioFileError(f"the audio is damaged ({problem or f'it ends after {seconds:.1f} s'})")
            self._left = len(block)
        return block

    def _looked_at(self, content: Content) -> AudioInfo:
        found = []
        for part in self._parts:
            with self._opened(part) as file:
                length = file.frames if part is None or part.length_samples is None else part.length_samples
                found.append((length, file.samplerate, file.channels, file.subtype))
        lengths, rates, channels, subtypes = zip(*found, strict=True)
        if len({*zip(rates, channels, strict=True)}) > 1:
            raise AudioFileError("recordings of different rates or channels are joined in it; give them one by one")
        if sum(lengths) > MAX_LENGTH_SAMPLES:
            raise AudioFileError("states no length; convert it to WAV or FLAC")
        remarks = (content.cut_short,) * bool(content.cut_short) + content.remarks
        return AudioInfo(sum(lengths), rates[0], channels[0], subtypes[0], remarks, bool(content.cut_short))

    def _opened(self, part: Part | None) -> _Forward:
        try:
            source = os.fsencode(self._path) if part is None else PartFile(self._file, part)
            return _Forward(source)
        except soundfile.LibsndfileError as problem:
            said = problem.error_string.rstrip(".") or "libsndfile cannot read it"
            raise AudioFileError(f"not a readable audio file ({said})") from problem

    def _next_part(self) -> bool:
        """Open the next part, if there is one."""
        if self._open is not None:
            self._open.close()
        if not self._parts:
            return False
        part = self._parts.pop(0)
        self._open = self._opened(part)
        self._left = self._open.frames
        if part is not None and part.length_samples is not None:
            self._left = part.skip_samples
            while self._left and len(skipped := self._read(min(BLOCK_SAMPLES, self._left), "float32")):
                self._left -= len(skipped)
            self._left = part.length_samples
        return True


def inspect_audio(path: Path) -> AudioInfo:
    """What a file with samples in it holds.

    Raises:
        AudioFileError: absent, unreadable or empty; names the file.
    """
    try:
        with AudioFile(path) as file:
            return _sounding(file.info)
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def _sounding(info: AudioInfo) -> AudioInfo:
    if info.length_samples <= 0:
        raise AudioFileError("the file holds no samples")
    return info


def inspect_mono_or_stereo(path: Path) -> AudioInfo:
    """What a mono or stereo file holds.

    Raises:
        AudioFileError: absent, unreadable, empty, or more than two channels; names the file.
    """
    info = inspect_audio(path)
    if info.channels > MAX_CHANNELS:
        raise AudioFileError(f"{path}: {info.channels} channels; give a mono or stereo file")
    return info


def read_blocks(
    path: Path, block_samples: int = BLOCK_SAMPLES, dtype: str = "float32"
) -> Iterator[tuple[np.ndarray, bool]]:
    """A file in pieces ``[n, channels]``, and whether each is the last; the last may be shorter.

    Args:
        path: the file.
        block_samples: how much is read at a time.
        dtype: see :meth:`AudioFile.read`.

    Raises:
        AudioFileError: see :func:`info_of`; also when the audio is damaged, ends before its length or is not finite.
    """
    try:
        with AudioFile(path) as file:
            left = _sounding(file.info).length_samples
            while left:
                block = file.read(block_samples, dtype)
                if not np.isfinite(block).all():
                    raise AudioFileError("the file holds NaN or infinite samples")
                left -= len(block)
                yield block, not left
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def read_mono_blocks(path: Path, sample_rate: int, block_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """The file piece by piece, mixed to mono (mean of its channels) and resampled, ``[n]`` float32.

    Raises:
        AudioFileError: see :func:`probe` and :func:`blocks_of`.
    """
    rate_hz = inspect_mono_or_stereo(path).rate_hz
    blocks = ((block.mean(axis=1, dtype=np.float32), last) for block, last in read_blocks(path, block_samples))
    yield from resample_mono_blocks(blocks, rate_hz, sample_rate)


def resample_mono_blocks(
    blocks: Iterable[tuple[np.ndarray, bool]], rate: int, sample_rate: int
) -> Iterator[np.ndarray]:
    """Pieces ``[n]`` of a sound at ``rate`` Hz, each told whether it is the last, at ``sample_rate`` Hz."""
    resampler = soxr.ResampleStream(rate, sample_rate, 1) if rate != sample_rate else None
    for block, last in blocks:
        yield resampler.resample_chunk(block, last=last) if resampler else block


def read_mono(path: Path, sample_rate: int) -> np.ndarray:
    """The whole file as :func:`mono_blocks` gives it, ``[samples]`` float32."""
    return np.concatenate(list(read_mono_blocks(path, sample_rate)))
