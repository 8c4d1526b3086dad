"""Measure a sound by numbers that a person understands: brightness, weight, length and so on.

All of them ignore the level of the sound. They are the measures by which :mod:`presets.find_axes` looks for axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

WINDOW_SAMPLES, STEP_SAMPLES = 2048, 512
CELL_S = 0.002
"""Length of one point of the envelope."""

LEAST = 1e-12
"""Shares of the energy are never less than this, so that logarithms are finite."""

LEFT = 0.01
"""A sound is over when this share of its energy is left: −20 dB."""

LONGEST_RATE_POINTS = 512
"""The envelope is padded to at least this many points, so that its spectrum has a line every hertz."""

TONE_BANDS_HZ = 200.0 * 2.0 ** (np.arange(19) / 3)
"""Edges of thirds of an octave, 200 Hz to 12.8 kHz, in which ``tonal`` compares lines."""


@dataclass(frozen=True)
class Measured:
    """A sound, with the spectra and envelopes that several descriptors need; each is computed when it is first needed.

    Attributes:
        audio: ``[samples]``.
        rate_hz: sample rate.
    """

    audio: np.ndarray
    rate_hz: int

    @cached_property
    def windows(self) -> np.ndarray:
        """Power of each bin in windows of Hann, ``[windows, bins]``."""
        audio = np.pad(self.audio.astype(np.float64), (WINDOW_SAMPLES // 2, WINDOW_SAMPLES))
        pieces = np.lib.stride_tricks.sliding_window_view(audio, WINDOW_SAMPLES)[::STEP_SAMPLES]
        return np.square(np.abs(np.fft.rfft(pieces * np.hanning(WINDOW_SAMPLES))))

    @cached_property
    def spectrum(self) -> np.ndarray:
        """Share of the energy in each bin, ``[bins]``."""
        return _shares(self.windows.sum(axis=0))

    @cached_property
    def bins_hz(self) -> np.ndarray:
        """Frequency of each bin, ``[bins]``."""
        return np.fft.rfftfreq(WINDOW_SAMPLES, 1 / self.rate_hz)

    @cached_property
    def cells(self) -> np.ndarray:
        """Share of the energy in each :data:`CELL_S`, ``[cells]``."""
        return self._cells(self.audio)

    @cached_property
    def high_cells(self) -> np.ndarray:
        """Share of the energy above 2 kHz in each :data:`CELL_S`, ``[cells]``."""
        from scipy.signal import butter, sosfilt

        return self._cells(sosfilt(butter(4, 2000, "highpass", fs=self.rate_hz, output="sos"), self.audio))

    def _cells(self, audio: np.ndarray) -> np.ndarray:
        size = round(CELL_S * self.rate_hz)
        padded = np.pad(audio.astype(np.float64), (0, -audio.size % size))
        return _shares(np.square(padded).reshape(-1, size).sum(axis=1))

    def band_db(self, low_hz: float, high_hz: float) -> float:
        """Return the energy between two frequencies relative to the rest, in dB."""
        inside = (self.bins_hz >= low_hz) & (self.bins_hz < high_hz)
        return _db(self.spectrum[inside].sum() / self.spectrum[~inside].sum())


def _shares(energies: np.ndarray) -> np.ndarray:
    total = max(float(energies.sum()), LEAST)
    return energies / total + LEAST


def _db(ratio: float) -> float:
    return 10 * float(np.log10(ratio))


def _brightness(sound: Measured) -> float:
    amplitudes = np.sqrt(sound.spectrum)
    return float(np.log2(sound.bins_hz @ amplitudes / amplitudes.sum() / 1000))


def _tonal(sound: Measured) -> float:
    power = sound.windows + LEAST * max(float(sound.windows.sum()), LEAST)
    weighted = total = 0.0
    starts = np.searchsorted(sound.bins_hz, TONE_BANDS_HZ)
    for first, end in zip(starts[:-1], starts[1:], strict=True):
        band = power[:, first:end]
        mean = band.mean(axis=1)
        energy = band.sum(axis=1)
        weighted += float(energy @ (10 * np.log10(mean) - 10 * np.log10(band).mean(axis=1)))
        total += float(energy.sum())
    return weighted / total


def _length(sound: Measured) -> float:
    left = np.cumsum(sound.cells[::-1])[::-1] / sound.cells.sum()
    first = int(np.argmax(sound.cells > LEFT * sound.cells.max()))
    end = int(np.argmin(left >= LEFT)) if left[-1] < LEFT else left.size
    before, after = left[end - 1], left[end] if end < left.size else LEAST
    part = np.log(before / LEFT) / np.log(before / after)  # between the two cells
    return float(np.log2(CELL_S * max(end - 1 + part - first, 0.5)))


def _modulation(cells: np.ndarray, low_hz: float, high_hz: float) -> float:
    envelope = np.sqrt(cells)
    power = np.square(np.abs(np.fft.rfft(envelope, max(envelope.size, LONGEST_RATE_POINTS))))
    rates_hz = np.fft.rfftfreq(max(envelope.size, LONGEST_RATE_POINTS), CELL_S)
    return _db(2 * power[(rates_hz >= low_hz) & (rates_hz < high_hz)].sum() / power[0])


class Descriptor(NamedTuple):
    """A measure of a sound.

    Attributes:
        measure: returns the value of a sound, in the unit.
        unit: of the value.
        doc: what is measured, and the source of the formula.
    """

    measure: Callable[[Measured], float]
    unit: str
    doc: str


DESCRIPTORS = {
    "brightness": Descriptor(
        _brightness, "octaves", "spectral centroid of the amplitudes, relative to 1 kHz (Peeters 2004, CUIDADO, 6.1.1)"
    ),
    "weight": Descriptor(lambda sound: sound.band_db(0, 150), "dB", "energy below 150 Hz against the rest"),
    "warmth": Descriptor(lambda sound: sound.band_db(150, 600), "dB", "energy from 150 to 600 Hz against the rest"),
    "presence": Descriptor(lambda sound: sound.band_db(1000, 4000), "dB", "energy from 1 to 4 kHz against the rest"),
    "air": Descriptor(lambda sound: sound.band_db(8000, np.inf), "dB", "energy above 8 kHz against the rest"),
    "tonal": Descriptor(
        _tonal, "dB", "1 / spectral flatness in thirds of an octave, mean by energy (Peeters 2004, CUIDADO, 9.1)"
    ),
    "length": Descriptor(
        _length, "octaves", "seconds until 1 % of the energy is left (Schroeder 1965), as a logarithm of base 2"
    ),
    "roughness": Descriptor(
        lambda sound: _modulation(sound.cells, 20, 150),
        "dB",
        "fluctuation of the envelope at 20 to 150 Hz against its mean (Zwicker and Fastl 1990, chapter 11)",
    ),
    "wetness": Descriptor(
        lambda sound: _modulation(sound.high_cells, 4, 16),
        "dB",
        "fluctuation of the envelope above 2 kHz at 4 to 16 Hz against its mean: drops and splashes come so fast "
        "(modulation power, McDermott and Simoncelli 2011)",
    ),
}
"""Name → descriptor."""


def describe(audio: np.ndarray, rate_hz: int) -> dict[str, float]:
    """Return the value of every descriptor of a sound.

    Args:
        audio: ``[samples]``, at least one.
        rate_hz: sample rate.

    Returns:
        Name → value, in the descriptor's unit.
    """
    sound = Measured(audio, rate_hz)
    return {name: descriptor.measure(sound) for name, descriptor in DESCRIPTORS.items()}
