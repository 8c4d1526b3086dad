"""The takes of a preset, aligned so that they can be mixed, and how different their mixtures sound.

A performance mixes takes with weights that change over the take. The weights are given at three points, the *knots*:
attack, body and tail. Between the knots they are interpolated, so a performance can have the attack of one take, the
body of a second and the tail of a third.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from plugin_backend.models.registry import PCM
from plugin_backend.modes.mode_table import DECAY
from presets.performance.latent_statistics import KNOTS
from presets.preset import Preset

ATTACK_FRAMES = 3
"""Frames at the start of a take that are never stretched."""

BODY_SHARE, TAIL_SHARE = 0.35, 0.9
"""Where the knots of body and tail lie, as shares of the take's length."""

NEIGHBOURS = 3
"""Takes that a take is mixed with: the most similar ones."""

TIMES = np.array([0, 1, 2, 4, 7, 12, 20, 33, 55, 90])
DURATIONS = np.diff(TIMES, append=140).astype(np.float32)
"""Frames at which sounds are compared, and how many frames each one stands for."""

AUDIBLE_DB, FLOOR_DB = 50.0, 60.0
"""Frames this far below a take's loudest band count nothing in a distance; bands further down count as silent."""

LATENT_DB = 6.0
"""What a deviation of a latent counts, for models without statistics."""

CONVEX = 0.0, 1.0
BOUNDS = -0.25, 1.25
"""The least and the most that a take counts, so that mixtures sound as the takes do. Vectors are mixed convexly."""

LEAST_SILHOUETTE = 0.25
"""Takes are split into shoes if their mean silhouette (Rousseeuw 1987) is above this."""

FEWEST_OF_SHOE, MOST_SHOES = 3, 4

BOWED_GRAINS = 10
"""A preset whose takes hold at least as many grains of bowed tones (their median) is not mixed."""

MOST_EFFORT, EFFORT_HALVINGS, EFFORT_PROBE_OCTAVES = 4.0, 16, 0.4
"""The class's direction of effort is made longer or shorter for a preset, at most this many times as long."""

GRID = 2.0**14
"""Latents are rounded to this part of 1. Sums that differ in their last bits on another processor then do not."""

SKETCH_GRID, LENGTH_GRID = 2.0**4, 2.0**10
"""Levels of sketches are rounded to 1/16 dB, and lengths of mixtures to 1/1024 of a frame. Sums of such levels are
exact in single precision, in any order: so distances, and what is chosen by them, are the same on every processor."""

MOST_LENGTHS = 32
"""Lengths of which the stretched takes are kept."""


def stretch(latents: np.ndarray, frames: int) -> np.ndarray:
    """Return latents ``[frames, dims]``: the attack as it is, the rest stretched by linear interpolation."""
    held = len(latents)
    if held == frames:
        return latents
    kept = min(ATTACK_FRAMES, held, frames)
    if kept == frames:
        return latents[:frames]
    at = np.linspace(min(kept, held - 1), held - 1, frames - kept)
    return np.concatenate([latents[:kept], read_at(latents, at)])


def read_at(latents: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return latents at positions between frames, ``[positions, dims]``, by linear interpolation.

    Args:
        latents: ``[frames, dims]``.
        at: positions ``[positions]``, 0 … frames − 1.
    """
    below = at.astype(int)
    share = (at - below)[:, None]
    return (1 - share) * latents[below] + share * latents[np.minimum(below + 1, len(latents) - 1)]


def round_to_grid(latents: np.ndarray) -> np.ndarray:
    """Return latents rounded to :data:`GRID`, float32."""
    return (np.round(latents * GRID) / GRID).astype(np.float32)


def knot_curves(frames: int) -> np.ndarray:
    """Return how much each knot counts in each frame, ``[KNOTS, frames]``. They sum to 1 in every frame."""
    return _knot_curves_at(np.arange(frames), np.array([float(frames)]))[0]


class AlignedTakes:
    """The takes of a hit, aligned at their attacks.

    If each take is one frame, the frame is taken for the vector of a whole sound: there is one knot, takes are mixed
    convexly, and a mixture varies besides by the takes' own deviations, one direction for each latent that has some.

    Args:
        preset: a hit, or a texture whose takes are one frame each.
        hop_samples: samples of a latent frame.

    Attributes:
        is_vector: whether each take is one frame.
        knots: number of points of time at which weights are given, :data:`KNOTS` or 1.
        bounds: the least and the most that a take counts in a mixture.
        takes: number of takes.
        latents: each take's latents, ``[frames, dims]``; their attacks lie in the same frame.
        skips: samples before each take's first audible one.
        frames: length of each, ``[takes]``.
        mixable: whether takes are mixed. Otherwise each performance begins with one take: takes of raw audio would
            cancel, and takes with bowed tones would sound two tones at once.
        variations: directions in which the latents vary besides the takes, ``[n, knots, dims]``. Of frames, only a
            preset with few takes has some; see :class:`~presets.performance.latent_statistics.LatentStatistics`.
    """

    def __init__(self, preset: Preset, hop_samples: int):
        header, hop = preset.header, hop_samples
        self.takes = len(header.takes)
        first = [take.skip_samples // hop for take in header.takes]
        lead_frames = min(first)
        ends = [-(-(take.skip_samples + take.length_samples) // hop) for take in header.takes]
        self.latents = [
            mean[start - lead_frames : max(end, start + 1)].astype(np.float64)
            for mean, start, end in zip(preset.means, first, ends, strict=True)
        ]
        self.frames = np.array([len(latents) for latents in self.latents])
        self.skips = [
            take.skip_samples - (start - lead_frames) * hop for take, start in zip(header.takes, first, strict=True)
        ]
        grains = [int((rows[:, DECAY] == 0).sum()) for rows in preset.modes] or [0]
        self.mixable = header.codec != PCM and np.median(grains) < BOWED_GRAINS
        self.is_vector = bool((self.frames == 1).all())
        self.knots, self.bounds = (1, CONVEX) if self.is_vector else (KNOTS, BOUNDS)
        self._times = TIMES[:1] if self.is_vector else TIMES
        self._spread = np.sqrt(np.mean([np.square(each[0], dtype=np.float64) for each in preset.deviations], axis=0))
        self.variations = np.zeros((0, self.knots, preset.means[0].shape[1]))
        if preset.statistics is not None:
            self.variations = preset.statistics.variations_for(header.tags, self.takes)[:, : self.knots]
        elif self.is_vector:
            self.variations = np.diag(self._spread)[self._spread > 0, None]
        self._statistics, self._tags = preset.statistics, header.tags
        self._stretched: dict[int, np.ndarray] = {}

    def stretched(self, frames: int) -> np.ndarray:
        """Return all takes with their latents stretched to a length, ``[takes, frames, dims]``."""
        if frames not in self._stretched:
            if len(self._stretched) >= MOST_LENGTHS:
                self._stretched.clear()
            self._stretched[frames] = np.stack([stretch(latents, frames) for latents in self.latents])
        return self._stretched[frames]

    def curves(self, frames: int) -> np.ndarray:
        """Return how much each knot counts in each frame, ``[knots, frames]``. They sum to 1 in every frame."""
        return np.ones((1, frames)) if self.is_vector else knot_curves(frames)

    def sketches(self, weights: np.ndarray) -> np.ndarray:
        """Return a coarse picture of how mixtures sound, ``[..., times, bands]`` float32.

        It holds the level of each band at some points of time, in dB from the loudest one, at least ``-FLOOR_DB``. For
        models without statistics, latents take the place of bands. A vector has one point of time. It is computed in
        double precision and rounded to :data:`SKETCH_GRID`, so that other processors find the same numbers.

        Args:
            weights: ``[..., knots, takes + variations]``.
        """
        flat = weights.reshape(-1, *weights.shape[-2:])
        shares = np.clip(flat[:, :, : self.takes].mean(axis=1), 0, None)
        frames = np.exp(shares / shares.sum(axis=1, keepdims=True) @ np.log(self.frames))
        frames = np.round(frames * LENGTH_GRID) / LENGTH_GRID
        times = self._times
        bands = np.zeros((len(flat), len(times), self._take_bands[0].shape[1]))
        curves = _knot_curves_at(times, frames)[:, : self.knots]
        portions = np.einsum("nkt,nkf->tnf", flat[:, :, : self.takes], curves)
        for take, own in enumerate(self._take_bands):
            at = np.minimum(_stretched_positions(times, frames, len(own)), len(own) - 1)
            below = at.astype(int)
            share = at - below
            bands += (portions[take] * (1 - share))[..., None] * own[below]
            bands += (portions[take] * share)[..., None] * own[np.minimum(below + 1, len(own) - 1)]
        if len(self.variations):
            moves = np.einsum("nkv,vkb->nkb", flat[:, :, self.takes :], self._variation_bands)
            bands += np.einsum("nkf,nkb->nfb", curves, moves)
        bands -= FLOOR_DB / 2 if self.is_vector else bands.max(axis=(1, 2), keepdims=True)
        audible = (frames[:, None] > times)[..., None]
        heard = np.where(audible, np.maximum(bands, -FLOOR_DB), -FLOOR_DB)
        heard = (np.round(heard * SKETCH_GRID) / SKETCH_GRID).astype(np.float32)
        return heard.reshape(*weights.shape[:-2], *heard.shape[1:])

    @cached_property
    def _take_bands(self) -> list[np.ndarray]:
        """How loud each band is in each frame of the takes, ``[frames, bands]`` in dB: they mix as the latents do."""
        if self._statistics is not None:
            slopes, offsets = self._statistics.coarse_bands
            return [latents @ slopes + offsets for latents in self.latents]
        middle = np.mean(self.latents, axis=0) if self.is_vector else 0.0
        return [(latents - middle) * self._latent_slopes for latents in self.latents]

    @cached_property
    def _latent_slopes(self) -> np.ndarray:
        """How many dB a latent counts, ``[dims]``, for models without statistics."""
        deviation = np.concatenate(self.latents).std(axis=0)
        if self.is_vector:
            deviation = np.hypot(deviation, self._spread)
        return LATENT_DB / np.maximum(deviation, 1e-3)

    @cached_property
    def _variation_bands(self) -> np.ndarray:
        """What each variation adds to the bands, ``[variations, knots, bands]`` in dB."""
        if self._statistics is None:
            return self.variations * self._latent_slopes
        return self.variations @ self._statistics.coarse_bands[0]

    @cached_property
    def loudest_db(self) -> float:
        """The energy of the loudest take, as the model's statistics predict it, in dB."""
        assert self._statistics is not None
        return 10 * np.log10(max(energy_of_bands(self._statistics.bands_db(latents)) for latents in self.latents))

    @cached_property
    def effort(self) -> np.ndarray:
        """How effort changes the latents, ``[knots, dims]``, for one octave of the mean take's spectral centroid.

        The direction is the class's; its length is this preset's. It is zero for models without statistics.
        """
        statistics = self._statistics
        if statistics is None:
            return np.zeros((self.knots, self.latents[0].shape[1]))
        frames = 1 if self.is_vector else max(2, round(float(np.exp(np.log(self.frames).mean()))))
        mean, curves = self.stretched(frames).mean(axis=0), self.curves(frames)
        direction = statistics.effort_for(self._tags)[: self.knots]
        at_rest = statistics.centroid_octaves(mean)
        low, high = 0.0, MOST_EFFORT
        for _ in range(EFFORT_HALVINGS):
            middle = (low + high) / 2
            moved = statistics.centroid_octaves(mean - middle * EFFORT_PROBE_OCTAVES * curves.T @ direction)
            low, high = (middle, high) if at_rest - moved < EFFORT_PROBE_OCTAVES else (low, middle)
        return low * direction

    @cached_property
    def distances(self) -> np.ndarray:
        """How different the takes sound, ``[takes, takes]``, in dB."""
        return sketch_distances(self.take_sketches[:, None], self.take_sketches)

    @cached_property
    def take_sketches(self) -> np.ndarray:
        """The sketches of the takes themselves, ``[takes, times, bands]``."""
        alone = np.eye(self.takes, self.takes + len(self.variations))
        return self.sketches(np.repeat(alone[:, None], self.knots, axis=1))

    @cached_property
    def shoes(self) -> list[np.ndarray]:
        """The takes in groups that sound alike, as a pair of shoes does: sorted by their first take. See ``docs``."""
        everything = [np.arange(self.takes)]
        if self.takes < 2 * FEWEST_OF_SHOE:
            return everything
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import squareform

        tree = linkage(squareform(self.distances, checks=False), "average")
        best, groups = LEAST_SILHOUETTE, everything
        for count in range(2, min(MOST_SHOES, self.takes // FEWEST_OF_SHOE) + 1):
            labels = fcluster(tree, count, "maxclust")
            split = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
            if min(map(len, split)) >= FEWEST_OF_SHOE and (score := _silhouette(self.distances, labels)) > best:
                best, groups = score, split
        return groups


_ALIGNED: WeakKeyDictionary[Preset, AlignedTakes] = WeakKeyDictionary()


def aligned_takes_of(preset: Preset, hop_samples: int) -> AlignedTakes:
    """Return the aligned takes of a preset. They are made once for each preset in memory.

    Args:
        preset: a hit.
        hop_samples: samples of a latent frame of its model.
    """
    aligned = _ALIGNED.get(preset)
    if aligned is None:
        aligned = _ALIGNED[preset] = AlignedTakes(preset, hop_samples)
    return aligned


def energy_of_bands(bands_db: np.ndarray) -> float:
    """Return the sum of powers, in no unit, of bands in dB."""
    return float((10 ** (bands_db / 10)).sum())


def sketch_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how different sounds are: the mean difference of their bands in dB, where one of them is audible.

    All sums are exact (:data:`SKETCH_GRID`), up to 124 bands, and there is one division. So equal distances are equal
    to the bit, on every processor.

    Args:
        one: sketches ``[..., times, bands]``.
        other: sketches that broadcast against them.

    Returns:
        ``[...]`` float32.
    """
    audible = (np.maximum(one.max(axis=-1), other.max(axis=-1)) > -AUDIBLE_DB) * DURATIONS[: one.shape[-2]]
    total = (audible * np.abs(one - other).sum(axis=-1)).sum(axis=-1)
    return total / np.maximum(audible.sum(axis=-1) * np.float32(one.shape[-1]), np.float32(1e-6))


def _knot_curves_at(times: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return how much each knot counts at some frames, ``[n, KNOTS, times]``, of takes of ``[n]`` frames."""
    attack = ATTACK_FRAMES / 2
    body = np.maximum(ATTACK_FRAMES, BODY_SHARE * frames)[:, None]
    tail = np.maximum(body + 1, TAIL_SHARE * frames[:, None])
    past_attack = np.clip((times - attack) / (body - attack), 0, 1)
    past_body = np.clip((times - body) / (tail - body), 0, 1)
    return np.stack([1 - past_attack, past_attack - past_body, past_body], axis=1)


def _stretched_positions(times: np.ndarray, frames: np.ndarray, held: int) -> np.ndarray:
    """Return where a take of ``held`` frames is read at some frames when it is stretched, ``[n, times]``.

    Args:
        times: frames of the stretched take, ``[times]``.
        frames: its lengths, ``[n]``.
        held: frames of the take.
    """
    kept = np.minimum(ATTACK_FRAMES, np.minimum(held, frames))[:, None]
    speed = (held - 1 - np.minimum(kept, held - 1)) / np.maximum(frames[:, None] - 1 - kept, 1)
    return np.where(times < kept, times, np.minimum(kept, held - 1) + (times - kept) * speed)


def _silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette of a grouping (Rousseeuw 1987): −1 to 1."""
    scores = []
    for index, label in enumerate(labels):
        own = (labels == label) & (np.arange(len(labels)) != index)
        if not own.any():
            scores.append(0.0)
            continue
        inside = distances[index, own].mean()
        outside = min(distances[index, labels == other].mean() for other in set(labels.tolist()) - {label})
        scores.append((outside - inside) / max(inside, outside, 1e-12))
    return round(float(np.mean(scores)), 9)
