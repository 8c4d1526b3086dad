"""Mix sounds by their latents: sums, straight and spherical interpolation, and a mean in which no sound is masked.

Latents are ``[frames, dims]`` or ``[batch, frames, dims]`` float32 of one codec. :func:`pad_to_longest` makes sounds of
different length equally long with the codec's silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.mel import mel_power

GAIN_ITERATIONS = 6
PROMINENT_DB = 30.0
"""A part of a sound should be audible in a mixture if it is at most this far below the sound's loudest band."""

FLOOR_DB = 60.0
MIN_GAIN, SILENCE, EPSILON = 0.05, 1e-3, 1e-6


def pad_to_longest(latents: Sequence[np.ndarray], codec: Codec) -> list[np.ndarray]:
    """Return the latents, each followed by silence up to the length of the longest."""
    longest = max(sound.shape[-2] for sound in latents)
    extended = []
    for sound in latents:
        rest = codec.silence(longest - sound.shape[-2])[0]
        rest = np.broadcast_to(rest, (*sound.shape[:-2], *rest.shape))
        extended.append(np.concatenate([sound, rest], axis=-2).astype(np.float32))
    return extended


def weighted_sum(
    latents: Sequence[np.ndarray], weights: Sequence[float | np.ndarray], rest: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return ``rest + Σ wₖ (zₖ − rest)``: each sound's difference from ``rest``, weighted and added.

    Args:
        latents: sounds of equal length.
        weights: one per sound, numbers or arrays that broadcast against the latents (for example ``[frames, 1]``).
        rest: the latents that stand for no sound. The default, the origin, is the mean of the training latents. Give
            ``codec.silence(1)[0]`` to add sounds to silence. It has no effect if the weights sum to 1.

    Returns:
        The sum, in the shape of the latents, float32.

    Examples:
        >>> weighted_sum([np.ones(2), np.zeros(2)], [0.25, 0.75]).tolist()
        [0.25, 0.25]
    """
    parts = (np.asarray(weight, np.float32) * (sound - rest) for sound, weight in zip(latents, weights, strict=True))
    return np.asarray(rest + sum(parts), np.float32)


def interpolate(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Return the point ``t`` on the straight line from ``a`` (0) to ``b`` (1).

    Args:
        a: latents ``[..., dims]``.
        b: latents ``[..., dims]``.
        t: 0 … 1, a number or an array that broadcasts against the latents.

    Examples:
        >>> interpolate(np.zeros(2), np.ones(2), 0.25).tolist()
        [0.25, 0.25]
    """
    return weighted_sum((a, b), (1 - np.asarray(t), t))


def slerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Interpolate frame by frame along the sphere from ``a`` (0) to ``b`` (1) (Shoemake 1985).

    Directions turn at constant speed, and lengths change linearly. Frames with the same direction, or of which one is
    zero, are interpolated straight. Opposite frames turn through the axis in which they are smallest.

    Args:
        a: latents ``[..., dims]``.
        b: latents ``[..., dims]``.
        t: 0 … 1, a number or an array that broadcasts against the latents.

    Returns:
        Latents ``[..., dims]`` float32.

    Examples:
        >>> slerp(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.5).round(3).tolist()
        [0.7070000171661377, 0.7070000171661377]
    """
    a, b, t = np.asarray(a, np.float64), np.asarray(b, np.float64), np.asarray(t, np.float64)
    length_a, length_b = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    unit_a, unit_b = a / np.maximum(length_a, EPSILON), b / np.maximum(length_b, EPSILON)
    cosine = np.clip((unit_a * unit_b).sum(axis=-1, keepdims=True), -1, 1)
    tangent = unit_b - cosine * unit_a
    axis = np.eye(a.shape[-1])[np.abs(unit_a).argmin(axis=-1)]
    other_axis = axis - (axis * unit_a).sum(axis=-1, keepdims=True) * unit_a
    tangent = np.where((cosine < 0) & (np.linalg.norm(tangent, axis=-1, keepdims=True) < EPSILON), other_axis, tangent)
    tangent_length = np.linalg.norm(tangent, axis=-1, keepdims=True)
    angle = np.arccos(cosine)
    direction = np.cos(t * angle) * unit_a + np.sin(t * angle) * tangent / np.maximum(tangent_length, EPSILON)
    straight = (tangent_length < EPSILON) | (length_a < EPSILON) | (length_b < EPSILON)
    point = np.where(straight, (1 - t) * a + t * b, ((1 - t) * length_a + t * length_b) * direction)
    return point.astype(np.float32)


def decode_each_and_add(
    codecs: Sequence[Codec], latents: Sequence[np.ndarray], gains_db: Sequence[float]
) -> np.ndarray:
    """Decode each sound by its own codec, and add the results. Shorter sounds end in silence; nothing is clipped.

    Args:
        codecs: one per sound.
        latents: one ``[batch, frames, dims]`` per sound.
        gains_db: one per sound, in dB.

    Returns:
        ``[batch, samples]`` float32.

    Raises:
        ValueError: the codecs work at different sample rates.
    """
    if len({codec.spec.sample_rate for codec in codecs}) > 1:
        raise ValueError("codecs of different sample rates cannot be added")
    decoded = [codec.decode(sound) for codec, sound in zip(codecs, latents, strict=True)]
    total = np.zeros((decoded[0].shape[0], max(audio.shape[1] for audio in decoded)), np.float32)
    for audio, gain_db in zip(decoded, gains_db, strict=True):
        total[:, : audio.shape[1]] += np.float32(10 ** (gain_db / 20)) * audio
    return total


def mix_dominance_aware(latents: Sequence[np.ndarray], codec: Codec) -> tuple[np.ndarray, np.ndarray]:
    """Return a weighted mean of sounds in which all sounds are masked equally, and silence dilutes none.

    The weights of every frame are the sounds' *presence* times one gain per sound, scaled to the sum 1. Presence is the
    root of a frame's RMS relative to the sound's own loudest frame. So a frame in which earth has decayed belongs to
    the cloth alone, and a quiet sound counts as much as a loud one.

    The gains are found from the decoded mixture. They begin equal. Six times, each gain is multiplied by the sound's
    masking loss (:func:`masking_loss_db`) relative to the mean loss. No gain falls below 0.05.

    Args:
        latents: ``[batch, frames, dims]`` sounds of equal length.
        codec: the codec of the latents.

    Returns:
        The mixture ``[batch, frames, dims]``, and its weights ``[sounds, batch, frames]``.
    """
    decoded = [codec.decode(sound) for sound in latents]
    presence = np.stack([_presence(audio, codec.spec.hop_samples) for audio in decoded])
    sound_bands_db = np.stack([_bands_db(audio, codec) for audio in decoded])
    gains = np.full(sound_bands_db.shape[:2], 1 / len(latents))
    for _ in range(GAIN_ITERATIONS):
        loss_db = (
            _masking_loss_db(
                sound_bands_db, _bands_db(codec.decode(_mix_by_presence(latents, presence, gains)[0]), codec)
            )
            + EPSILON
        )
        gains = np.maximum(gains * loss_db / loss_db.mean(axis=0), MIN_GAIN)
        gains /= gains.sum(axis=0)
    return _mix_by_presence(latents, presence, gains)


def masking_loss_db(latents: Sequence[np.ndarray], mixture: np.ndarray, codec: Codec) -> np.ndarray:
    """Return how much of each sound is lost in a decoded mixture, in dB, ``[sounds, batch]``.

    This is the mean difference between mixture and sound over the mel bands and frames in which the sound is prominent
    (within 30 dB of its loudest; louder ones weigh more). It is 0 if the sound alone is audible.

    Args:
        latents: ``[batch, frames, dims]`` sounds of equal length.
        mixture: latents of the mixture, of the same length.
        codec: the codec of the latents.
    """
    sound_bands_db = np.stack([_bands_db(codec.decode(sound), codec) for sound in latents])
    return _masking_loss_db(sound_bands_db, _bands_db(codec.decode(mixture), codec))


def _masking_loss_db(sound_bands_db: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Return the masking loss from bands in dB: ``[sounds, batch, bands, frames]`` and ``[batch, bands, frames]``."""
    prominence = np.maximum(0, 1 - (sound_bands_db.max(axis=(2, 3), keepdims=True) - sound_bands_db) / PROMINENT_DB)
    return (prominence * np.abs(mixture - sound_bands_db)).sum(axis=(2, 3)) / prominence.sum(axis=(2, 3))


def _mix_by_presence(
    latents: Sequence[np.ndarray], presence: np.ndarray, gains: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mix by presence ``[sounds, batch, frames]`` and gains ``[sounds, batch]``. Return the mixture and its weights."""
    weights = presence * gains[..., None]
    weights /= weights.sum(axis=0)
    return weighted_sum(latents, weights[..., None]), weights


def _presence(audio: np.ndarray, hop_samples: int) -> np.ndarray:
    """Return presence: ``[batch, samples]`` → ``[batch, frames]``, near 0 for silence, 1 for the loudest frame."""
    rms = np.sqrt(np.square(audio.reshape(audio.shape[0], -1, hop_samples), dtype=np.float64).mean(axis=2))
    return np.sqrt(rms / np.maximum(rms.max(axis=1, keepdims=True), EPSILON) + SILENCE)


def _bands_db(audio: np.ndarray, codec: Codec) -> np.ndarray:
    """Return mel power of ``[batch, samples]`` in dB, ``[batch, bands, frames]``, at least the loudest minus 60 dB."""
    power = np.stack([mel_power(sound, codec.spec.sample_rate) for sound in audio])
    floor = np.maximum(power.max(axis=(1, 2), keepdims=True) * 10 ** (-FLOOR_DB / 10), np.finfo(float).tiny)
    return 10 * np.log10(np.maximum(power, floor))
