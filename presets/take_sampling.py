"""Perform a preset: latents, frame by frame, from a seed. The same seed performs the same."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from plugin_backend.modes.mode_table import ONSET, apply_controls, no_modes
from presets.preset import Preset, Take

SEGMENT_FRAMES = (48, 144)
CROSSFADE_FRAMES = 12


def choose_take(preset: Preset, seed: int) -> int:
    """Index of the take that ``seed`` picks, uniformly."""
    return int(np.random.default_rng([seed, 0]).integers(len(preset.means)))


def take_of(preset: Preset, seed: int) -> Take:
    """The take that ``seed`` picks."""
    return preset.header.takes[choose_take(preset, seed)]


def fades_of(preset: Preset, seed: int) -> tuple[int, int]:
    """Fade in and fade out, in samples, of the take that ``seed`` picks."""
    header, own = preset.header, take_of(preset, seed).fade_out_samples
    return header.fade_in_samples, header.fade_out_samples if own is None else own


def take_modes(preset: Preset, seed: int) -> np.ndarray:
    """What rings in one performance, ``[n, 6]`` float64; onsets count from the first heard sample of its take.

    A texture has no modes: it goes on, and what is struck does not.
    """
    if preset.header.kind != "hit" or not preset.modes:
        return no_modes().astype(np.float64)
    index = choose_take(preset, seed)
    rows = apply_controls(preset.modes_of(index), msgspec.structs.asdict(preset.header.ring), seed)
    rows[:, ONSET] -= preset.header.takes[index].skip_samples
    return rows


def perform(preset: Preset, seed: int) -> Iterator[np.ndarray]:
    """Latents of one performance, in pieces of ``[channels, frames, dims]``.

    A hit ends after its take; a texture never does. Channels are 2 for a stereo texture, else 1. Left and right are
    walks of their own; the right one is brought towards the left one as the preset's ``width`` says.
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


def _wander(mean, deviation, variation, rng) -> Iterator[np.ndarray]:
    """An endless walk of ``[WALK_FRAMES, dims]`` pieces: random stretches of the take, joined by cross-fades."""
    dims = mean.shape[1]
    waiting = np.zeros((0, dims), np.float32)
    tail = None
    while True:
        while len(waiting) < WALK_FRAMES:
            stretch = _stretch(mean, deviation, variation, rng)
            if tail is not None:
                ramp = np.linspace(0, 1, len(tail) + 2, dtype=np.float32)[1:-1, None]
                stretch = np.concatenate([tail * (1 - ramp) + stretch[: len(tail)] * ramp, stretch[len(tail) :]])
            join = min(CROSSFADE_FRAMES, len(stretch) // 3)
            tail = stretch[len(stretch) - join :]
            waiting = np.concatenate([waiting, stretch[: len(stretch) - join]])
        yield waiting[:WALK_FRAMES]
        waiting = waiting[WALK_FRAMES:]


def _stretch(mean, deviation, variation, rng) -> np.ndarray:
    length = min(int(rng.integers(*SEGMENT_FRAMES)), len(mean))
    start = int(rng.integers(len(mean) - length + 1))
    piece = slice(start, start + length)
    return _vary(mean[piece], deviation[piece], variation, rng)
