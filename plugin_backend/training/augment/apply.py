"""Turn a drawn chain into sound with pedalboard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr

from plugin_backend.errors import MissingExtraError
from plugin_backend.training.augment.draw import Effect

LONGEST_DELAY_MS = 99.0
"""pedalboard's chorus reaches no further; longer published lengths are held here."""

LOUDEST_FEEDBACK_DB, LEAST_EQ_DB, LEAST_BANDWIDTH_OCTAVES, FULL_SCALE_HZ = -0.5, -24.0, 0.05, 20_000.0
FREQUENCY_LIMITS_HZ = (20.0, 20_000.0)


def gain(level_db: float) -> float:
    """Linear amplitude of a level in dB."""
    return 10 ** (level_db / 20)


def _pedals():
    try:
        import pedalboard
    except ImportError as problem:
        raise MissingExtraError("augmentation", "train") from problem
    return pedalboard


def chorus(audio: np.ndarray, rate: int, length_ms: float, voices: float, rate_hz: float, wet_db: float) -> np.ndarray:
    """``voices`` modulated delays spread over ``length_ms``, added to the dry sound; none leaves it alone."""
    wet = np.zeros_like(audio)
    for voice in range(round(voices)):
        delay_ms = float(np.clip(length_ms * (voice + 1) / voices, 1, LONGEST_DELAY_MS))
        turn = _pedals().Chorus(rate_hz * (1 + 0.1 * voice), 0.25, delay_ms, 0.0, 1.0)
        wet += turn(audio, rate) / voices
    return audio + gain(wet_db) * wet


def distortion(audio: np.ndarray, rate: int, gain_db: float, hardness: float) -> np.ndarray:
    """``x / (1 + |x|^h)^(1/h)`` after the gain, brought back to the sound's own RMS.

    The family of Yeh, Abel & Smith (2007, DAFx) for diode clippers: 1 is soft, 10 close to a hard clip.
    """
    driven = audio.astype(np.float64) * gain(gain_db)
    shaped = driven / (1 + np.abs(driven) ** hardness) ** (1 / hardness)
    loudness, shaped_loudness = np.sqrt(np.mean(audio.astype(np.float64) ** 2)), np.sqrt(np.mean(shaped**2))
    return (shaped * (loudness / shaped_loudness if shaped_loudness > 0 else 1.0)).astype(np.float32)


def eq(audio: np.ndarray, rate: int, centre_hz: list, gain_db: list | None = None, q: list | None = None, **other):
    """Peak filters in series; the published form has linear gains (0.5 is unity) and bandwidths in octaves.

    Q of a bandwidth of b octaves: √2^b / (2^b − 1) (Bristow-Johnson, Audio EQ Cookbook, for low centres).
    """
    if gain_db is None:
        gain_db = [max(LEAST_EQ_DB, 20 * np.log10(max(linear, 1e-6) / 0.5)) for linear in other["gain"]]
        octaves = [max(width, LEAST_BANDWIDTH_OCTAVES) for width in other["bandwidth_octaves"]]
        q = [2 ** (width / 2) / (2**width - 1) for width in octaves]
    pedals = _pedals()
    bands = [pedals.PeakFilter(*band) for band in zip(centre_hz, map(float, gain_db), q, strict=True)]
    return pedals.Pedalboard(bands)(audio, rate)


def reverb(audio: np.ndarray, rate: int, wet: float, room: float, damping: float, **edges) -> np.ndarray:
    """A room's reverberation between a high-pass and a low-pass, added to the dry sound."""
    if "low_pass" in edges:
        edges["low_pass_hz"] = edges["low_pass"] * FULL_SCALE_HZ
        edges["high_pass_hz"] = edges["low_pass_hz"] * edges["high_pass_of_low_pass"]
    low_pass_hz, high_pass_hz = (
        float(np.clip(edges[k], *FREQUENCY_LIMITS_HZ)) for k in ("low_pass_hz", "high_pass_hz")
    )
    pedals = _pedals()
    tail = pedals.Pedalboard(
        [
            pedals.Reverb(room_size=room, damping=damping, wet_level=1.0, dry_level=0.0),
            pedals.HighpassFilter(high_pass_hz),
            pedals.LowpassFilter(low_pass_hz),
        ]
    )
    return audio + wet * tail(audio, rate)


def flanger(audio: np.ndarray, rate: int, length_ms: float, feedback_db: float, rate_hz: float) -> np.ndarray:
    """A swept short delay with feedback, half wet; feedback stays below 0 dB, where it would run away."""
    delay_ms = float(np.clip(length_ms, 1, LONGEST_DELAY_MS))
    feedback = gain(min(feedback_db, LOUDEST_FEEDBACK_DB))
    return _pedals().Chorus(rate_hz, 0.5, delay_ms, feedback, 0.5)(audio, rate)


def pitch(audio: np.ndarray, rate: int, semitones: float) -> np.ndarray:
    """Faster and higher, or slower and lower, as a tape would; the length changes."""
    return soxr.resample(audio, rate * 2 ** (semitones / 12), rate, quality="MQ").astype(np.float32)


EFFECTS: dict[str, Callable[..., np.ndarray]] = {
    "chorus": chorus,
    "distortion": distortion,
    "eq": eq,
    "reverb": reverb,
    "flanger": flanger,
    "pitch": pitch,
}


def apply_chain(chain: tuple[Effect, ...], audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """The mono sound ``[samples]`` through the chain; same length but for pitch, peak unlike the original's.

    Raises:
        MissingExtraError: the ``train`` extra (pedalboard) is not installed.
    """
    for effect in chain:
        audio = np.ascontiguousarray(EFFECTS[effect.kind](audio, sample_rate, **effect.values), np.float32)
    return audio
