"""The map as data: every take of the banks as a point, and the sound at any place between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from plugin_backend.errors import PresetError
from plugin_backend.transfer.parameters import AXIS
from presets.axes import Axes, pooled
from presets.preset import Preset
from studio.web.library import Library

PCA = ("pca.0", "pca.1", "pca.2")
LATENT = "latent."
LEAST_SPREAD = 1e-9


@dataclass(frozen=True)
class Points:
    """The takes of one model as points.

    Attributes:
        keys: key of the preset of each point.
        takes: number of the take of each point.
        latents: mean latents of each take, ``[points, dims]`` float64.
        axes: of the model, or ``None``.
        directions: principal directions in the latents, ``[3 or fewer, dims]``, each of length 1.
    """

    keys: list[str]
    takes: list[int]
    latents: np.ndarray
    axes: Axes | None
    directions: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean of all points, ``[dims]``."""
        return self.latents.mean(axis=0)


def points_of(library: Library, fingerprint: str) -> Points:
    """Return the takes of a model as points.

    Args:
        library: the banks.
        fingerprint: of the model.

    Raises:
        PresetError: no preset of the banks is of this model.
    """
    keys, takes, rows = [], [], []
    for key in library.preset_keys():
        preset = library.preset(key)
        if preset.header.fingerprint == fingerprint:
            for take, mean in enumerate(preset.means):
                keys.append(key)
                takes.append(take)
                rows.append(pooled(mean))
    if not rows:
        raise PresetError("no preset of these banks is of this model")
    latents = np.stack(rows)
    return Points(keys, takes, latents, library.axes(fingerprint), principal_directions(latents))


def principal_directions(latents: np.ndarray) -> np.ndarray:
    """Return up to three principal directions, ``[n, dims]``, by singular values (PCA).

    The sign is fixed: the largest number of each is positive. One point, or equal points, have no direction.

    Args:
        latents: ``[points, dims]``.
    """
    centred = latents - latents.mean(axis=0)
    if len(latents) < 2 or np.abs(centred).max() < LEAST_SPREAD:
        return np.zeros((0, latents.shape[1]))
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    kept = directions[: len(PCA)][sizes[: len(PCA)] > LEAST_SPREAD]
    largest = np.take_along_axis(kept, np.abs(kept).argmax(axis=1)[:, None], 1)
    return kept * np.sign(largest)


def scale_names(points: Points) -> list[str]:
    """Return what the points can be placed by: principal directions, axes, and single latents."""
    principal = list(PCA[: len(points.directions)])
    named = [f"{AXIS}{name}" for name in points.axes.names] if points.axes is not None else []
    return [*principal, *named, *(f"{LATENT}{latent}" for latent in range(points.latents.shape[1]))]


def _direction(points: Points, scale: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what reads a scale out of latents, what a step of 1 adds to them, and where the scale is 0."""
    if scale in PCA[: len(points.directions)]:
        direction = points.directions[PCA.index(scale)]
        return direction, direction, float(direction @ points.mean)
    if points.axes is not None and scale.removeprefix(AXIS) in points.axes.names and scale.startswith(AXIS):
        index = points.axes.names.index(scale.removeprefix(AXIS))
        measure = points.axes.measures[index]
        return measure, points.axes.vectors[index], float(measure @ points.axes.mean)
    number = scale.removeprefix(LATENT)
    dims = points.latents.shape[1]
    if scale.startswith(LATENT) and number.isdecimal() and int(number) < dims:
        unit = np.eye(dims)[int(number)]
        return unit, unit, 0.0
    raise PresetError(f"no scale '{scale[:64]}'; there are {', '.join(scale_names(points)[:8])}, …")


def coordinates(points: Points, scale: str) -> np.ndarray:
    """Return where each point lies on a scale, ``[points]`` float64.

    Raises:
        PresetError: there is no such scale.
    """
    measure, _, zero = _direction(points, scale)
    return points.latents @ measure - zero


def preset_at(library: Library, points: Points, scales: Sequence[str], place: Sequence[float]) -> Preset:
    """Return what lies at a place of the map: the nearest take, with its latents moved there.

    The take keeps everything that the two scales do not describe: its course in time and all other directions.

    Args:
        library: the banks.
        points: of one model.
        scales: two scales.
        place: one number on each.

    Raises:
        PresetError: there is no such scale.
    """
    rows = [_direction(points, scale) for scale in scales]
    measured = np.stack([coordinates(points, scale) for scale in scales], axis=1)
    spread = np.maximum(measured.std(axis=0), LEAST_SPREAD)
    nearest = int(np.argmin((((measured - np.asarray(place)) / spread) ** 2).sum(axis=1)))
    measures, steps = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    response = measures @ steps.T  # how far a step along each direction moves each scale
    amounts = np.linalg.pinv(response) @ (np.asarray(place, np.float64) - measured[nearest])
    preset, take = library.preset(points.keys[nearest]), points.takes[nearest]
    moved = (preset.means[take] + amounts @ steps).astype(np.float32)
    header = msgspec.structs.replace(preset.header, takes=[preset.header.takes[take]])
    modes = [preset.modes[take]] if preset.modes else []
    return replace(preset, header=header, means=[moved], deviations=[preset.deviations[take]], modes=modes)
