"""Mix sounds by their latents: sums, straight and spherical ways between them, and one that lets the meek be heard.

Latents are ``[frames, dims]`` or ``[batch, frames, dims]`` float32 of one codec. :func:`aligned` makes
sounds of different length equally long with the codec's silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.mel import mel_power

GAIN_ITERATIONS = 6
PROMINENT_DB = 30.0
"""What of a sound should be heard in a mixture: everything down to this far below its loudest band."""

FLOOR_DB = 60.0
MIN_GAIN, SILENCE, SMALL = 0.05, 1e-3, 1e-6


def pad_to_longest(latents: Sequence[np.ndarray], codec: Codec) -> list[np.ndarray]:
    """The same latents, each followed by silence until it has as many frames as the longest."""
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
    """``rest + Σ wₖ (zₖ − rest)``: each sound's departure from ``rest``, weighted and added.

    Args:
        latents: equally long sounds.
        weights: one per sound, numbers or arrays that broadcast against the latents (e.g. ``[frames, 1]``).
        rest: what no sound at all is. The default, the origin, is the mean of the training latents; give
            ``codec.silence(1)[0]`` to add sounds to silence. Weights that sum to 1 make it irrelevant.
    """
    parts = (np.asarray(weight, np.float32) * (sound - rest) for sound, weight in zip(latents, weights, strict=True))
    return np.asarray(rest + sum(parts), np.float32)


def interpolate(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """The point ``t`` of the straight way from ``a`` (0) to ``b`` (1)."""
    return weighted_sum((a, b), (1 - np.asarray(t), t))


def slerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """The point ``t`` of the way along the sphere from ``a`` to ``b``, frame by frame (Shoemake 1985).

    Directions turn at constant speed, lengths change linearly. Frames that point the same way, or of which
    one is zero, go straight; opposite ones turn through the axis they have least of.
    """
    a, b, t = np.asarray(a, np.float64), np.asarray(b, np.float64), np.asarray(t, np.float64)
    long_a, long_b = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    unit_a, unit_b = a / np.maximum(long_a, SMALL), b / np.maximum(long_b, SMALL)
    cosine = np.clip((unit_a * unit_b).sum(axis=-1, keepdims=True), -1, 1)
    across = unit_b - cosine * unit_a
    axis = np.eye(a.shape[-1])[np.abs(unit_a).argmin(axis=-1)]
    detour = axis - (axis * unit_a).sum(axis=-1, keepdims=True) * unit_a
    across = np.where((cosine < 0) & (np.linalg.norm(across, axis=-1, keepdims=True) < SMALL), detour, across)
    across_long = np.linalg.norm(across, axis=-1, keepdims=True)
    angle = np.arccos(cosine)
    turned = np.cos(t * angle) * unit_a + np.sin(t * angle) * across / np.maximum(across_long, SMALL)
    straight = (across_long < SMALL) | (long_a < SMALL) | (long_b < SMALL)
    way = np.where(straight, (1 - t) * a + t * b, ((1 - t) * long_a + t * long_b) * turned)
    return way.astype(np.float32)


def decode_each_and_add(
    codecs: Sequence[Codec], latents: Sequence[np.ndarray], gains_db: Sequence[float]
) -> np.ndarray:
    """Decode ``[batch, frames, dims]`` latents, each by its own codec, and add the sounds: ``[batch, samples]``.

    Shorter sounds end in silence; nothing is clipped.

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
    """A weighted mean of sounds in which each is as much itself as the others are, and silence dilutes none.

    Every frame's weights are the sounds' *presence* times one gain per sound, brought to the sum 1.
    Presence is the root of a frame's RMS relative to the sound's own loudest frame: where earth has died
    away the cloth has the frame to itself, and a quiet sound counts as much as a loud one.

    The gains are found by listening: from equal gains on, a sound that is lost (:func:`lost_db`) more
    than the average gains in proportion, six times over; no gain falls below 0.05.

    Args:
        latents: equally long ``[batch, frames, dims]`` sounds.
        codec: theirs.

    Returns:
        The mixture ``[batch, frames, dims]``, and its weights ``[sounds, batch, frames]``.
    """
    heard = [codec.decode(sound) for sound in latents]
    presence = np.stack([_presence(audio, codec.spec.hop_samples) for audio in heard])
    wanted = np.stack([_bands_db(audio, codec) for audio in heard])
    gains = np.full(wanted.shape[:2], 1 / len(latents))
    for _ in range(GAIN_ITERATIONS):
        lost = _lost_db(wanted, _bands_db(codec.decode(_present(latents, presence, gains)[0]), codec)) + SMALL
        gains = np.maximum(gains * lost / lost.mean(axis=0), MIN_GAIN)
        gains /= gains.sum(axis=0)
    return _present(latents, presence, gains)


def masking_loss_db(latents: Sequence[np.ndarray], mixture: np.ndarray, codec: Codec) -> np.ndarray:
    """How far each sound is lost in a decoded mixture of the same length, in dB, ``[sounds, batch]``.

    The mean difference between mixture and sound over the mel bands and moments where the sound is
    prominent (within 30 dB of its loudest, the louder the weightier); 0 where it is all that is heard.
    """
    wanted = np.stack([_bands_db(codec.decode(sound), codec) for sound in latents])
    return _lost_db(wanted, _bands_db(codec.decode(mixture), codec))


def _lost_db(wanted: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """From bands in dB, ``[sounds, batch, bands, frames]`` and ``[batch, bands, frames]``."""
    prominence = np.maximum(0, 1 - (wanted.max(axis=(2, 3), keepdims=True) - wanted) / PROMINENT_DB)
    return (prominence * np.abs(mixture - wanted)).sum(axis=(2, 3)) / prominence.sum(axis=(2, 3))


def _present(latents, presence: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mixture by presence ``[sounds, batch, frames]`` and gains ``[sounds, batch]``, and its weights."""
    weights = presence * gains[..., None]
    weights /= weights.sum(axis=0)
    return weighted_sum(latents, weights[..., None]), weights


def _presence(audio: np.ndarray, hop_samples: int) -> np.ndarray:
    """``[batch, samples]`` → ``[batch, frames]``, near 0 for silence, 1 for the loudest frame."""
    rms = np.sqrt(np.square(audio.reshape(audio.shape[0], -1, hop_samples), dtype=np.float64).mean(axis=2))
    return np.sqrt(rms / np.maximum(rms.max(axis=1, keepdims=True), SMALL) + SILENCE)


def _bands_db(audio: np.ndarray, codec: Codec) -> np.ndarray:
    """Mel power of ``[batch, samples]`` in dB, ``[batch, bands, frames]``, floored 60 dB below its loudest."""
    power = np.stack([mel_power(sound, codec.spec.sample_rate) for sound in audio])
    floor = np.maximum(power.max(axis=(1, 2), keepdims=True) * 10 ** (-FLOOR_DB / 10), np.finfo(float).tiny)
    return 10 * np.log10(np.maximum(power, floor))
