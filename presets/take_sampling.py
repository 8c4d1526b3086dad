"""Perform a preset: draw latents from a seed. The same seed always gives the same latents."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from plugin_backend.modes.mode_table import ONSET, apply_controls, no_modes
from presets.preset import Preset, Take

SEGMENT_FRAMES = (48, 144)
CROSSFADE_FRAMES = 12


def choose_take(preset: Preset, seed: int) -> int:
    """Return the index of the take that a seed chooses; all takes are equally likely."""
    return int(np.random.default_rng([seed, 0]).integers(len(preset.means)))


def take_of(preset: Preset, seed: int) -> Take:
    """Return the take that a seed chooses."""
    return preset.header.takes[choose_take(preset, seed)]


def fades_of(preset: Preset, seed: int) -> tuple[int, int]:
    """Return fade in and fade out, in samples, of the take that a seed chooses."""
    header, fade_out = preset.header, take_of(preset, seed).fade_out_samples
    return header.fade_in_samples, header.fade_out_samples if fade_out is None else fade_out


def take_modes(preset: Preset, seed: int) -> np.ndarray:
    """Return the modes of one performance.

    A texture has no modes, because it continues and a struck object does not.

    Args:
        preset: the preset.
        seed: chooses the take and varies its modes.

    Returns:
        ``[n, 6]`` float64; onsets count from the first audible sample of the take.
    """
    if preset.header.kind != "hit" or not preset.modes:
        return no_modes().astype(np.float64)
    index = choose_take(preset, seed)
    rows = apply_controls(preset.modes_of(index), msgspec.structs.asdict(preset.header.ring), seed)
    rows[:, ONSET] -= preset.header.takes[index].skip_samples
    return rows


def perform(preset: Preset, seed: int) -> Iterator[np.ndarray]:
    """Draw the latents of one performance.

    A hit ends after its take; a texture never ends. A stereo texture has two channels, which are drawn independently.
    Then the right one is moved towards the left one by the preset's ``width``.

    Args:
        preset: the preset.
        seed: chooses the take and its variation.

    Yields:
        Pieces ``[channels, frames, dims]``; channels are 2 for a stereo texture and 1 otherwise.

    Examples:
        >>> from presets.bank import Bank
        >>> pieces = list(perform(Bank()["step-gravel"], seed=1))
        >>> pieces[0].shape[0], pieces[0].shape[2]
        (1, 32)
    """
    index = choose_take(preset, seed)
    mean, deviation = preset.means[index], preset.deviations[index]
    variation = preset.header.variation
    if preset.header.kind == "hit":
        rng = np.random.default_rng([seed, 1])
        yield _vary(mean, deviation, variation, rng)[None]
        return
    walks = [
        _wander(mean, deviation, variation, np.random.default_rng([seed, 1 + channel]))
        for channel in range(2 if preset.header.stereo else 1)
    ]
    width = np.float32(preset.header.width)
    while True:
        piece = np.stack([next(walk) for walk in walks])
        if width != 1:
            piece[1] = piece[0] + width * (piece[1] - piece[0])
        yield piece


def _vary(mean: np.ndarray, deviation: np.ndarray, variation: float, rng: np.random.Generator) -> np.ndarray:
    if variation == 0:
        return mean
    return mean + np.float32(variation) * deviation * rng.standard_normal(mean.shape, np.float32)


WALK_FRAMES = 32


def _wander(
    mean: np.ndarray, deviation: np.ndarray, variation: float, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield pieces ``[WALK_FRAMES, dims]`` without end: random segments of the take, joined by cross-fades."""
    dims = mean.shape[1]
    waiting = np.zeros((0, dims), np.float32)
    tail: np.ndarray | None = None
    while True:
        while len(waiting) < WALK_FRAMES:
            segment = _segment(mean, deviation, variation, rng)
            if tail is not None:
                ramp = np.linspace(0, 1, len(tail) + 2, dtype=np.float32)[1:-1, None]
                segment = np.concatenate([tail * (1 - ramp) + segment[: len(tail)] * ramp, segment[len(tail) :]])
            join = min(CROSSFADE_FRAMES, len(segment) // 3)
            tail = segment[len(segment) - join :]
            waiting = np.concatenate([waiting, segment[: len(segment) - join]])
        yield waiting[:WALK_FRAMES]
        waiting = waiting[WALK_FRAMES:]


def _segment(mean: np.ndarray, deviation: np.ndarray, variation: float, rng: np.random.Generator) -> np.ndarray:
    """Return a random segment of the take, varied."""
    length = min(int(rng.integers(*SEGMENT_FRAMES)), len(mean))
    start = int(rng.integers(len(mean) - length + 1))
    piece = slice(start, start + length)
    return _vary(mean[piece], deviation[piece], variation, rng)
