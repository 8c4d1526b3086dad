"""The same recording met twice: sample for sample once decoded, or at another level, rate or encoding.

Every take of a step is worth keeping, so a recording counts as known only if its waveform is that of
another. Candidates have nearly the same length and spectrum. They are laid over each other at the
lag, and in the polarity, where their normalised cross-correlation over the telephone band (which
every rate and encoder leaves alone) is largest, and must then agree in each of three parts of it:
takes of one step share their thump, up to 0.999 below 1 kHz, but not what scrapes above. On 1,862
of Debian's game sounds 30 pairs pass; the nearest that fail have 0.90 in the top part, the least of
those that pass 0.936.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from plugin_backend.corpus.temp_audio import TempAudio

ALIKE = {(100.0, 1_000.0): 0.97, (1_000.0, 2_000.0): 0.95, (2_000.0, 3_400.0): 0.93}
"""The least correlation in each band in Hz; encoders blur more the higher they are."""

BAND_HZ = (100.0, 3_400.0)
RATE_HZ, EXCERPT_S = 12_000, 4.0
"""Excerpts are compared at this rate, from the beginning, this long."""

BANDS, DEPTH_DB, SPECTRUM_DB = 16, 50.0, 3.0
LENGTH_S, LENGTH_SHARE = 0.15, 0.01
"""How far lengths of candidates may differ: encoders pad."""

FINER = 4
"""Lags are tried in steps of 1/4 sample, for resamplers delay by fractions."""


@dataclass(frozen=True)
class Fingerprint:
    """A recording's digest, length in seconds, spectrum in dB ``[BANDS]`` and excerpt ``[n]`` at 12 kHz."""

    digest: bytes
    seconds: float
    spectrum_db: np.ndarray
    excerpt: np.ndarray


def make_fingerprint(audio: TempAudio, start: int, stop: int, sample_rate: int) -> Fingerprint:
    """Of the samples from ``start`` to ``stop``, which hold all that is heard; no level counts."""
    peak = max(float(np.abs(block).max()) for block in audio.blocks(start, stop))
    digest = hashlib.sha1(usedforsecurity=False)
    for block in audio.blocks(start, stop):
        digest.update(np.round(block * np.float32(32_767 / peak)).astype("<i2").tobytes())
    head = audio.read(start, min(stop, start + round((EXCERPT_S + 0.1) * sample_rate)))
    excerpt = soxr.resample(head, sample_rate, RATE_HZ)[: round(EXCERPT_S * RATE_HZ)] / np.float32(peak)
    return Fingerprint(digest.digest(), (stop - start) / sample_rate, _spectrum_db(excerpt), excerpt)


def correlations(a: np.ndarray, b: np.ndarray) -> list[float]:
    """Normalised cross-correlations (-1 to 1) of two excerpts in the bands of ``ALIKE``, at the one lag and
    polarity that suit the whole band best."""
    size = 1 << int(np.ceil(np.log2(a.size + b.size)))
    hz, first, second = np.fft.rfftfreq(size, 1 / RATE_HZ), np.fft.rfft(a, size), np.fft.rfft(b, size)
    over_lags = _correlation(first, second, hz, BAND_HZ)
    lag = int(np.abs(over_lags).argmax())
    polarity = np.sign(over_lags[lag])
    return [float(polarity * _correlation(first, second, hz, band_hz)[lag]) for band_hz in ALIKE]


def _correlation(first: np.ndarray, second: np.ndarray, hz: np.ndarray, band_hz: tuple[float, float]) -> np.ndarray:
    inside = (hz >= band_hz[0]) & (hz < band_hz[1])
    first, second = np.where(inside, first, 0), np.where(inside, second, 0)
    energy = np.sqrt(np.square(np.abs(first)).sum() * np.square(np.abs(second)).sum())
    size = 2 * (hz.size - 1) * FINER
    return np.fft.irfft(first * second.conj(), size) * (size / 2 / max(energy, 1e-30))


class KnownRecordings:
    """The recordings kept so far, by file; excerpts wait in a temporary file of ``folder``."""

    def __init__(self, folder: Path):
        self._excerpts, self._places = TempAudio(folder), {}
        self._digests: dict[bytes, str] = {}
        self._files: list[str] = []
        self._seconds, self._spectra = np.zeros(0), np.zeros((0, BANDS))

    def __enter__(self) -> KnownRecordings:
        return self

    def __exit__(self, *problem: object) -> None:
        self._excerpts.__exit__(*problem)

    def add(self, file: str, mark: Fingerprint) -> None:
        """Remember a recording."""
        self._digests[mark.digest] = file
        self._files.append(file)
        self._seconds = np.append(self._seconds, mark.seconds)
        self._spectra = np.vstack([self._spectra, mark.spectrum_db])
        self._places[file] = (self._excerpts.size, self._excerpts.size + mark.excerpt.size)
        self._excerpts.append(mark.excerpt)

    def forget(self, file: str) -> None:
        """Match a recording no more."""
        self._seconds[self._files.index(file)] = np.inf
        self._digests = {digest: name for digest, name in self._digests.items() if name != file}

    def same_as(self, mark: Fingerprint) -> tuple[str, float] | None:
        """The file that holds the same recording and their least correlation; 1 means sample for sample."""
        if mark.digest in self._digests:
            return self._digests[mark.digest], 1.0
        near = np.abs(self._seconds - mark.seconds) <= LENGTH_S + LENGTH_SHARE * mark.seconds
        near &= np.sqrt(np.square(self._spectra - mark.spectrum_db).mean(axis=1)) <= SPECTRUM_DB
        for index in np.flatnonzero(near):
            file = self._files[index]
            other = self._excerpts.read(*self._places[file])
            alike = correlations(mark.excerpt, other)
            if all(value > least for value, least in zip(alike, ALIKE.values(), strict=True)):
                return file, min(*alike, 0.9999)
        return None


def _spectrum_db(excerpt: np.ndarray) -> np.ndarray:
    """Mean spectrum in ``BANDS`` equal-ratio bands of the telephone band, dB re its loudest."""
    size = 512
    padded = np.pad(excerpt, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2] * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
    edges = (np.geomspace(*BAND_HZ, BANDS + 1) * size / RATE_HZ).astype(int)
    bands = [power[max(1, low) : high + 1].mean() for low, high in zip(edges[:-1], edges[1:], strict=True)]
    levels_db = 10 * np.log10(np.array(bands) + 1e-14)
    return np.maximum(levels_db - levels_db.max(), -DEPTH_DB)
