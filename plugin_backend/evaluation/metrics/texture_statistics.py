"""Statistics of sound textures after McDermott & Simoncelli (2011), and the distance of two sounds in them.

A sound goes through 30 half-cosine bands, equally spaced on the ERB-number scale (Glasberg & Moore 1990)
from 50 Hz to 16 kHz; their envelopes are compressed (power 0.3) and sampled at 400 Hz. Statistics are the level of
each envelope, its deviation over its mean, skewness and (as a logarithm) kurtosis, its power in 12
modulation bands (half an octave apart from 1 to 45 Hz, Q 2, as a share of its variance, in dB), and the correlations of
envelopes 1, 2, 3, 5, 8, 11, 16 and 21 bands apart. Bands 70 dB below the original's loudest are silence.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len

BANDS, LOWEST_HZ, HIGHEST_HZ = 30, 50.0, 16_000.0
COMPRESSION, ENVELOPE_HZ = 0.3, 400
MODULATION_HZ, MODULATION_Q = 2.0 ** (np.arange(12) / 2), 2.0
APART = (1, 2, 3, 5, 8, 11, 16, 21)
FLOOR_DB, LEAST_SHARE = -70.0, 1e-4
STATISTICS = ("level_db", "variation", "skewness", "kurtosis", "modulation_db", "correlation")


def erb_number(hz: np.ndarray | list[float]) -> np.ndarray:
    """Return a frequency on the ERB-number scale: ``21.4 log10(1 + 0.00437 f)``."""
    return 21.4 * np.log10(1 + 0.00437 * np.asarray(hz))


def envelopes(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the power in each band, ``[bands, samples at 400 Hz]``, before compression."""
    spectrum = np.fft.rfft(np.asarray(audio, np.float64))
    place = erb_number(np.arange(spectrum.size) * (sample_rate / audio.size))
    lowest, highest = erb_number([LOWEST_HZ, min(HIGHEST_HZ, 0.45 * sample_rate)])
    centres = np.linspace(lowest, highest, BANDS + 2)
    step, count = centres[1] - centres[0], round(audio.size * ENVELOPE_HZ / sample_rate)
    found = np.empty((BANDS, count))
    for band, centre in enumerate(centres[1:-1]):
        first, last = np.searchsorted(place, [centre - step, centre + step])
        gain = np.cos((place[first:last] - centre) / step * np.pi / 2)
        size = next_fast_len(max(2 * (last - first), count))  # an envelope needs twice the band's own samples
        analytic = np.fft.ifft(2 * gain * spectrum[first:last], size) * (size / audio.size)
        power = np.fft.rfft(np.abs(analytic) ** 2)[: count // 2 + 1]
        found[band] = np.fft.irfft(power, count) * (count / size)
    return np.maximum(found, 0.0)


def statistics(power: np.ndarray, floor: float) -> dict[str, np.ndarray]:
    """Return the statistics of band powers ``[bands, samples at 400 Hz]``, by name.

    Args:
        power: see :func:`envelopes`.
        floor: a power added to every band, so that silence has one level.
    """
    envelope = (power + floor) ** (COMPRESSION / 2)
    mean, deviation = envelope.mean(axis=1), np.maximum(envelope.std(axis=1), 1e-9 * envelope.mean(axis=1))
    level = (envelope - mean[:, None]) / deviation[:, None]
    hz = np.fft.rfftfreq(envelope.shape[1], 1 / ENVELOPE_HZ)
    modulation = np.abs(np.fft.rfft(level * np.hanning(level.shape[1]))) ** 2
    whole = np.maximum(modulation[:, hz > 0].sum(axis=1, keepdims=True), 1e-30)
    distance = np.abs(hz - MODULATION_HZ[:, None]) * (2 * MODULATION_Q / MODULATION_HZ[:, None])
    bands = np.where(distance < 2, 0.5 * (1 + np.cos(np.pi * np.minimum(distance, 2) / 2)), 0.0)
    products = level @ level.T / level.shape[1]
    return {
        "level_db": 20 / COMPRESSION * np.log10(mean),
        "variation": deviation / mean,
        "skewness": (level**3).mean(axis=1),
        "kurtosis": np.log((level**4).mean(axis=1)),
        "modulation_db": 10 * np.log10(np.maximum(modulation @ bands.T / whole, LEAST_SHARE)),
        "correlation": np.concatenate([np.diag(products, apart) for apart in APART]),
    }


def texture_distances(guess: np.ndarray, truth: np.ndarray, sample_rate: int) -> dict[str, tuple[float, float]] | None:
    """Return how far a decoded texture is from its original, beside how far two takes of the original are apart.

    The takes are the original's halves. Both distances are of halves, so that both have the same estimation error:
    between each decoded half and the same half of the original (their mean), and between the original's two halves.

    Args:
        guess: the decoded sound, ``[samples]``, at least one second.
        truth: the original, of the same length.
        sample_rate: in Hz.

    Returns:
        By statistic, the root mean square difference of decoded and of two takes; ``None`` for sounds that are too
        short, and if half the original is silent.
    """
    half = truth.size // 2
    if half < sample_rate // 2 or not truth[:half].any() or not truth[half:].any():
        return None
    powers = [[envelopes(audio[part], sample_rate) for part in (slice(half), slice(half, 2 * half))]
              for audio in (guess, truth)]  # fmt: skip
    floor = max(power.mean(axis=1).max() for power in powers[1]) * 10 ** (FLOOR_DB / 10)
    decoded, original = ([statistics(power, floor) for power in halves] for halves in powers)

    def rms(a: dict, b: dict, name: str) -> float:
        return float(np.sqrt(np.square(a[name] - b[name]).mean()))

    return {
        name: (
            0.5 * (rms(decoded[0], original[0], name) + rms(decoded[1], original[1], name)),
            rms(original[0], original[1], name),
        )
        for name in STATISTICS
    }
