"""Continue a texture without end: random pieces of its take, joined by cross-fades, slowly varied."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from presets.performance.aligned_takes import aligned_takes_of, round_to_grid
from presets.performance.draw import Draw, weights_of
from presets.performance.vectors import keep_pitch, mix_vectors
from presets.preset import Preset

SEGMENT_FRAMES = (48, 144)
CROSSFADE_FRAMES = 12
PIECE_FRAMES = 32

VARIED_DIRECTIONS, VARIED_SHARE, POINT_FRAMES = 4, 0.12, 24
"""The latents drift along the take's own principal directions, by this share of its deviation. The drift is given at
points this many frames apart, and linear between them."""


def choose_texture_take(preset: Preset, seed: int) -> int:
    """Return the index of the take that a seed chooses; all takes are equally likely."""
    return int(np.random.default_rng([seed, 0]).integers(len(preset.means)))


def walk_texture(preset: Preset, seed: int) -> Iterator[np.ndarray]:
    """Draw the latents of a texture.

    A stereo texture has two channels, which are drawn independently. Then the right one is moved towards the left one
    by the preset's ``width``.

    Args:
        preset: a texture.
        seed: chooses the take and its pieces.

    Yields:
        Pieces ``[channels, frames, dims]`` without end.
    """
    take = choose_texture_take(preset, seed)
    mean = preset.means[take]
    drift = preset.header.variation * VARIED_SHARE * _directions(preset)[take]
    walks = [
        _walk(mean, drift, np.random.default_rng([seed, 1 + channel]))
        for channel in range(2 if preset.header.stereo else 1)
    ]
    yield from _at_width(walks, preset.header.width)


def walk_vectors(preset: Preset, seed: int, spec: CodecSpec) -> Iterator[np.ndarray]:
    """Draw the latents of a texture whose model describes a whole sound by one vector.

    Each vector is a new convex mixture of the takes, varied by their deviations. All have the pitch of the take that
    the seed chooses. Channels are as in :func:`walk_texture`.

    Args:
        preset: a texture.
        seed: chooses the mixtures.
        spec: of its model.

    Yields:
        Vectors ``[channels, 1, dims]`` without end. Their sounds overlap, see :mod:`render.engine.clip_joining`.
    """
    aligned, lead = aligned_takes_of(preset, spec.hop_samples), choose_texture_take(preset, seed)

    def walk(rng: np.random.Generator) -> Iterator[np.ndarray]:
        while True:
            weights = weights_of(aligned, Draw(int(rng.integers(2**63))), preset.header.variation)
            yield keep_pitch(round_to_grid(mix_vectors(aligned, weights)), aligned, lead, spec)

    channels = range(2 if preset.header.stereo else 1)
    yield from _at_width(
        [walk(np.random.default_rng([seed, 1 + channel])) for channel in channels], preset.header.width
    )


def _at_width(walks: list[Iterator[np.ndarray]], of_preset: float) -> Iterator[np.ndarray]:
    """Yield the pieces of one or two channels together; the right one is moved towards the left one by the width."""
    width = np.float32(of_preset)
    while True:
        piece = np.stack([next(walk) for walk in walks])
        if width != 1:
            piece[1] = piece[0] + width * (piece[1] - piece[0])
        yield piece


_DIRECTIONS: WeakKeyDictionary[Preset, list[np.ndarray]] = WeakKeyDictionary()


def _directions(preset: Preset) -> list[np.ndarray]:
    """Return each take's principal directions, ``[n, dims]``, each as long as its standard deviation."""
    if preset not in _DIRECTIONS:
        _DIRECTIONS[preset] = [_principal_directions(mean) for mean in preset.means]
    return _DIRECTIONS[preset]


def _principal_directions(mean: np.ndarray) -> np.ndarray:
    centred = mean.astype(np.float64) - mean.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(mean))
    strongest = (axes[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))).T[:VARIED_DIRECTIONS]
    largest = np.take_along_axis(strongest, np.abs(strongest).argmax(axis=1)[:, None], axis=1)
    return strongest * np.where(largest < 0, -1, 1)  # an eigenvector has either sign


def _walk(mean: np.ndarray, drift: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield pieces ``[PIECE_FRAMES, dims]`` without end: random segments of the take, joined by cross-fades."""
    dims = mean.shape[1]
    waiting = np.zeros((0, dims), np.float32)
    tail: np.ndarray | None = None
    while True:
        while len(waiting) < PIECE_FRAMES:
            segment = _segment(mean, drift, rng)
            if tail is not None:
                ramp = np.linspace(0, 1, len(tail) + 2, dtype=np.float32)[1:-1, None]
                segment = np.concatenate([tail * (1 - ramp) + segment[: len(tail)] * ramp, segment[len(tail) :]])
            join = min(CROSSFADE_FRAMES, len(segment) // 3)
            tail = segment[len(segment) - join :]
            waiting = np.concatenate([waiting, segment[: len(segment) - join]])
        yield waiting[:PIECE_FRAMES]
        waiting = waiting[PIECE_FRAMES:]


def _segment(mean: np.ndarray, drift: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random segment of the take, varied."""
    length = min(int(rng.integers(*SEGMENT_FRAMES)), len(mean))
    start = int(rng.integers(len(mean) - length + 1))
    points = rng.standard_normal((length // POINT_FRAMES + 2, len(drift)))
    piece = mean[start : start + length]
    if not drift.any():
        return piece
    at = np.arange(length) / POINT_FRAMES
    below = at.astype(int)
    share = (at - below)[:, None]
    drifted = ((1 - share) * points[below] + share * points[below + 1]) @ drift
    return piece + round_to_grid(drifted)
