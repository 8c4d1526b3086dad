"""A performance of a preset: its latents, length, fades and modes, from a draw."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from math import log2

import msgspec
import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.dsp.mel import mel_centres_hz
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import FREQUENCY, LEVEL, ONSET, apply_controls, no_modes
from presets.performance.aligned_takes import aligned_takes_of, energy_of_bands, read_at, round_to_grid
from presets.performance.draw import WHOLE, Draw, weights_of
from presets.performance.parts import PARTS
from presets.performance.texture_walk import choose_texture_take, walk_texture, walk_vectors
from presets.performance.vectors import keep_pitch
from presets.preset import Preset

OCTAVES_PER_DOUBLING = 0.22
"""How far the spectral centroid rises when the effort doubles. The level then rises by 12 dB, so the speed of impact is
four times as high. The contact of two bodies is shorter by its fifth root (Hertz; K. L. Johnson, *Contact Mechanics*,
1985, section 11.4), which is 0.4 octaves. About half of that is left, because what resonates does not move."""

LEAST_EFFORT = 0.05
"""Less effort than this changes the sound no further."""

LEAST_WEIGHT = 1e-3
"""Takes with less weight than this count nothing for the length and the modes."""

LOUDER_DB = 1.0
"""A mixture is at most this much louder than the loudest take, by its predicted energy."""


class Performance:
    """One performance of a preset. A hit ends after its take; a texture never ends.

    Args:
        preset: the preset.
        draw: what decides it.
        spec: of the preset's model.

    Attributes:
        skip_samples: decoded samples to drop before the first audible one.
        length_samples: audible samples of a hit; of a texture, of its take.
        fade_in_samples, fade_out_samples: raised-cosine fades at its ends.

    Examples:
        >>> from plugin_backend.models.registry import describe_codec
        >>> from presets.bank import Bank
        >>> performance = Performance(Bank()["step-gravel"], Draw(seed=1), describe_codec("foley"))
        >>> latents = next(performance.latents())
        >>> latents.shape[0], latents.shape[2]
        (1, 32)
    """

    def __init__(self, preset: Preset, draw: Draw, spec: CodecSpec):
        self._preset, self._draw, self._spec = preset, draw, spec
        header = preset.header
        self.fade_in_samples, self.fade_out_samples = header.fade_in_samples, header.fade_out_samples
        self._is_hit = header.kind == "hit"
        if self._is_hit:
            self._place()
        else:
            take = header.takes[choose_texture_take(preset, draw.seed)]
            self.skip_samples, self.length_samples = take.skip_samples, take.length_samples
            if take.fade_out_samples is not None:
                self.fade_out_samples = take.fade_out_samples

    def _place(self) -> None:
        """Find skip, length and fades. They lie between those of the takes, by the weights."""
        header, hop = self._preset.header, self._spec.hop_samples
        self._part = PARTS[self._draw.part]
        self._aligned = aligned = aligned_takes_of(self._preset, hop)
        self._weights = weights_of(aligned, self._draw, header.variation)
        shares = np.clip(self._weights[:, : aligned.takes].mean(axis=0), 0, None)
        self._shares = shares / shares.sum()
        self._lead = int(self._weights[0, : aligned.takes].argmax())
        self.skip_samples = aligned.skips[self._lead]
        lengths = np.array([take.length_samples for take in header.takes])
        length = _between(lengths, self._shares)
        rings = lengths > aligned.frames * hop - np.array(aligned.skips)
        if aligned.is_vector:
            frames = 1
        elif rings[self._shares > LEAST_WEIGHT].any():
            frames = _between(aligned.frames, self._shares)
        else:
            frames = -(-(self.skip_samples + length) // hop)
        fades = [take.fade_out_samples for take in header.takes]
        fades = [header.fade_out_samples if fade is None else fade for fade in fades]
        self.fade_out_samples = round(float(self._shares @ fades))
        part, self._frames = self._part, frames
        self._piece = slice(round(part.start_share * frames), max(1, round(part.end_share * frames)))
        if part is not PARTS[WHOLE] and aligned.is_vector:  # a vector has no parts: they are cut from its sound
            self.skip_samples += round(part.start_share * length)
            length = max(1, round((part.end_share - part.start_share) * length))
            self._fade_part(length)
        elif part is not PARTS[WHOLE]:
            played = max(1, round(part.stretch * len(range(frames)[self._piece])))
            self.skip_samples = self.skip_samples if self._piece.start == 0 else 0
            length = max(1, min(round(part.stretch * length), played * hop - self.skip_samples))
            self._fade_part(length)
        self.length_samples = length

    def _fade_part(self, length: int) -> None:
        """Make the fades of a part of a take at least as long as the part needs."""
        self.fade_in_samples = max(self.fade_in_samples, round(self._part.fade_in_s * self._spec.sample_rate))
        self.fade_out_samples = max(min(self.fade_out_samples, length), round(self._part.fade_out_share * length))

    def latents(self) -> Iterator[np.ndarray]:
        """Yield pieces ``[channels, frames, dims]``; channels are 2 for a stereo texture and 1 otherwise."""
        if not self._is_hit:
            if self._spec.layout == "vector":
                yield from walk_vectors(self._preset, self._draw.seed, self._spec)
            else:
                yield from walk_texture(self._preset, self._draw.seed)
            return
        if self._is_one_take:
            yield self._aligned.latents[self._lead][: self._frames].astype(np.float32)[None]
            return
        piece = self._mixed + self._effort_change
        if self._aligned.is_vector:
            yield keep_pitch(round_to_grid(piece), self._aligned, self._lead, self._spec)[None]
            return
        piece = piece[self._piece]
        if self._part.stretch != 1:
            frames = max(1, round(self._part.stretch * len(piece)))
            piece = read_at(piece, np.linspace(0, len(piece) - 1, frames))
        yield round_to_grid(piece)[None]

    @property
    def _is_one_take(self) -> bool:
        """Whether it is one take of the preset as it is, to the bit."""
        lead = np.eye(1, self._weights.shape[1], self._lead)
        alone = np.array_equal(self._weights, np.repeat(lead, len(self._weights), axis=0))
        return alone and self._part is PARTS[WHOLE] and isinstance(self._effort_change, float)

    @cached_property
    def _mixed(self) -> np.ndarray:
        """The mixture of the takes, ``[frames, dims]``."""
        aligned, curves = self._aligned, self._aligned.curves(self._frames)
        weights, variations = self._weights[:, : aligned.takes], self._weights[:, aligned.takes :]
        mixed = np.einsum("tf,tfd->fd", weights.T @ curves, aligned.stretched(self._frames))
        mixed += curves.T @ np.einsum("kv,vkd->kd", variations, aligned.variations)
        statistics = self._preset.statistics
        if statistics is None:
            return mixed
        over_db = 10 * np.log10(energy_of_bands(statistics.bands_db(mixed))) - aligned.loudest_db - LOUDER_DB
        return mixed - max(0.0, over_db) * statistics.level_direction

    @cached_property
    def _effort_change(self) -> np.ndarray | float:
        """What the effort adds to the latents, ``[frames, dims]``. The energy of the whole stays as it is."""
        statistics = self._preset.statistics
        octaves = self._effort_octaves
        if not octaves or statistics is None:
            return 0.0
        change = octaves * (self._aligned.curves(self._frames).T @ self._aligned.effort)
        before, after = (
            energy_of_bands(statistics.bands_db(latents)) for latents in (self._mixed, self._mixed + change)
        )
        return change + 10 * np.log10(before / after) * statistics.level_direction

    @property
    def _effort_octaves(self) -> float:
        """How far the centroid is moved by the effort, in octaves; never upwards."""
        curve = self._preset.header.velocity_curve
        return curve * OCTAVES_PER_DOUBLING * log2(max(self._draw.effort, LEAST_EFFORT))

    @property
    def note(self) -> float | None:
        """The MIDI note that it is, with cents as a fraction; None if the model is not conditioned on pitch.

        It is the note of the leading take, or of the take that a texture's seed chooses.
        """
        if self._spec.pitch_dim is None:
            return None
        lead = self._lead if self._is_hit else choose_texture_take(self._preset, self._draw.seed)
        return 60 + 12 * float(self._preset.means[lead][0, self._spec.pitch_dim])

    def modes(self) -> np.ndarray:
        """Return its modes, ``[n, 6]`` float64; onsets count from its first audible sample.

        They are those of the leading take, or between those of the two takes with most weight. A texture has none,
        because it continues and a struck object does not.
        """
        preset = self._preset
        if not self._is_hit or not preset.modes or not self._part.rings:
            return no_modes().astype(np.float64)
        lead, shares = self._lead, self._shares
        rows = self._modes_of(lead)
        others = np.where(np.arange(len(shares)) == lead, 0, shares)
        if (other := int(others.argmax())) != lead and others[other] > LEAST_WEIGHT:
            rows = interpolate_modes(rows, self._modes_of(other), others[other] / (shares[lead] + others[other]))
        rows = apply_controls(rows, msgspec.structs.asdict(preset.header.ring), self._draw.seed)
        rows[:, LEVEL] *= 10 ** (self._mode_gains_db(rows[:, FREQUENCY]) / 20)
        return rows

    def _modes_of(self, take: int) -> np.ndarray:
        rows = self._preset.modes_of(take).astype(np.float64)
        rows[:, ONSET] -= self._preset.header.takes[take].skip_samples
        return rows

    def _mode_gains_db(self, frequency_hz: np.ndarray) -> np.ndarray | float:
        """Return what the effort adds to the levels of modes: what it adds to the attack in their mel bands, in dB."""
        statistics, change = self._preset.statistics, self._effort_change
        if statistics is None or isinstance(change, float):
            return 0.0
        return np.interp(frequency_hz, mel_centres_hz(self._spec.sample_rate), change[0] @ statistics.band_slopes)


@lru_cache(maxsize=256)
def performance_of(preset: Preset, draw: Draw, spec: CodecSpec) -> Performance:
    """Return a performance; the latest ones are kept, so that their latents are mixed once.

    Args:
        preset: the preset.
        draw: what decides it.
        spec: of the preset's model.
    """
    return Performance(preset, draw, spec)


def _between(lengths: np.ndarray, shares: np.ndarray) -> int:
    """Return the weighted geometric mean of lengths, at least 1."""
    return max(1, round(float(np.exp(shares @ np.log(lengths)))))
