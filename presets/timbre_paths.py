"""Paths between sounds: a line between two, a triangle of three, a square of four, in the latents of any model.

Each corner becomes a preset, so that sounds and presets are aligned as in mixtures (:mod:`presets.mixing`). What
changes along a path is the timbre: pitch and level, where a model holds them in latents of their own, change in equal
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_mono_or_stereo, read_mono
from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.codecs.latent_mixing import slerp, weighted_sum
from plugin_backend.errors import AudioFileError, PresetError
from presets.bank import Bank, is_file_name
from presets.capture import encode_pieces
from presets.lookup import check_model
from presets.mixing import side_by_side
from presets.preset import Preset

LINEAR, SPHERICAL = "linear", "spherical"
ROWS_AT_ONCE = 64
LONGEST_S = 60
LETTERS = "abcd"
MOST_STEPS = 101


@dataclass(frozen=True)
class TimbrePath:
    """Points between sounds.

    Attributes:
        latents: ``[points, frames, dims]`` float32.
        weights: of the sounds at each point, ``[points, sounds]``; each row sums to 1.
    """

    latents: np.ndarray
    weights: np.ndarray


def read_corner(source: str, letter: str, bank: Bank, codec: Codec) -> tuple[Preset, np.ndarray]:
    """Return a corner as a preset of one take, and its original sound ``[samples]`` at the codec's rate.

    Args:
        source: name or file of a preset, or a sound file.
        letter: name of the corner.
        bank: where presets are looked up.
        codec: the model.

    Raises:
        AudioFileError: the sound file cannot be used, or lasts more than 60 s.
        PresetError: the preset cannot be used, or is of another model.
    """
    if source in bank or is_file_name(source):
        preset = bank[source]
        check_model(preset, codec)
        return preset, codec.decode(preset.means[0][None])[0]
    path, rate_hz = Path(source), codec.spec.sample_rate
    if not path.exists():
        raise AudioFileError(f"{source}: no such sound file, and no preset of {bank.folder_list} has this name")
    info = inspect_mono_or_stereo(path)
    if info.length_samples > LONGEST_S * info.rate_hz:
        raise AudioFileError(
            f"{source}: {info.length_samples / info.rate_hz:.0f} s; give a sound of at most {LONGEST_S} s"
        )
    audio = read_mono(path, rate_hz)
    return encode_pieces(codec, letter, [audio], "hit"), audio


def corner_latents(corners: Sequence[Preset], codec: Codec, match_pitch: bool = False) -> np.ndarray:
    """Return the latents of the corners' first takes, aligned at their attacks, ``[corners, frames, dims]``.

    Args:
        corners: two to four presets of one kind.
        codec: their model.
        match_pitch: give all the pitch of the first.

    Raises:
        PresetError: hits and textures are mixed, or the model holds no pitch that could be matched.
    """
    if len({corner.header.kind for corner in corners}) > 1:
        raise PresetError("hits and textures have no path between them; give sounds of one kind")
    aligned = np.concatenate(side_by_side(corners, [0] * len(corners), codec)[0])
    if match_pitch:
        if codec.spec.pitch_dim is None:
            raise PresetError(
                f"model '{codec.spec.name}' holds no pitch; leave out --match-pitch, or choose another model"
            )
        aligned[..., codec.spec.pitch_dim] = aligned[:1, ..., codec.spec.pitch_dim]
    return aligned


def path_between(corners: np.ndarray, steps: int, method: str, spec: CodecSpec) -> TimbrePath:
    """Return the points of a path.

    Two corners have ``steps`` points on a line. Three have the points of a triangle with ``steps`` on each side, row by
    row from the first corner. Four have the ``steps × steps`` points of a square with the first two corners above.

    Args:
        corners: ``[2 … 4, frames, dims]``.
        steps: 2 … 101.
        method: ``linear`` or ``spherical``.
        spec: of the model; its pitch and level change in equal steps with both methods.

    Raises:
        PresetError: a number is out of range.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise PresetError(f"{steps} steps; 2 to {MOST_STEPS} are allowed")
    if method not in (LINEAR, SPHERICAL):
        raise PresetError(f"no method '{method}'; give {LINEAR} or {SPHERICAL}")
    weights = np.asarray(list(_weights(len(corners), steps)), np.float64)
    points = np.stack([_point(corners, row, method) for row in weights])
    for dim in (spec.pitch_dim, spec.loudness_dim):
        if dim is not None:
            points[..., dim] = np.tensordot(weights, corners[..., dim].astype(np.float64), 1)
    return TimbrePath(points.astype(np.float32), weights)


def _weights(corners: int, steps: int) -> Iterator[tuple[float, ...]]:
    last = steps - 1
    if corners == 2:
        yield from ((1 - step / last, step / last) for step in range(steps))
    elif corners == 3:
        for row in range(steps):
            yield from ((1 - row / last, (row - column) / last, column / last) for column in range(row + 1))
    else:
        for down in range(steps):
            for right in range(steps):
                u, v = right / last, down / last
                yield (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v


def _point(corners: np.ndarray, weights: np.ndarray, method: str) -> np.ndarray:
    """Return one point. The spherical one turns from corner to corner, by each one's share of the sum so far."""
    if method == LINEAR:
        return weighted_sum(list(corners), list(weights))
    point, total = corners[0], weights[0]
    for corner, weight in zip(corners[1:], weights[1:], strict=True):
        total += weight
        if weight > 0:
            point = slerp(point, corner, weight / total)
    return point


def decode_points(points: np.ndarray, codec: Codec, workers: int = 1) -> Iterator[np.ndarray]:
    """Decode many points, and yield each sound ``[samples]`` in order. Workers and batches change no bit.

    Args:
        points: ``[points, frames, dims]``.
        codec: their model.
        workers: batches that are decoded at the same time.
    """
    parts = [points[at : at + ROWS_AT_ONCE] for at in range(0, len(points), ROWS_AT_ONCE)]
    if workers <= 1 or len(parts) == 1:
        for part in parts:
            yield from codec.decode(part)
        return
    with ThreadPoolExecutor(workers) as pool:
        for at in range(0, len(parts), workers):  # so that no more than these wait in memory
            for sounds in pool.map(codec.decode, parts[at : at + workers]):
                yield from sounds
