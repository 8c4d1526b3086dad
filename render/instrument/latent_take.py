"""A take as latent frames, with its level and fades."""

from __future__ import annotations

import numpy as np

from presets.preset import Preset
from presets.take_sampling import fades_of, perform, take_modes, take_of
from render.engine.mixing import fade_curve


class LatentTake:
    """One performance of a preset.

    Args:
        preset: what is performed.
        seed: decides the take and its variation.
        silence: the codec's latent frame of silence, ``[1, 1, dims]``; a hit goes on with it after its end.
        late_frames: frames of silence before the take. If negative, this many of its own frames are left out.
        hop_samples: samples of a frame.

    Attributes:
        channels: of its latents.
        hit: whether it ends by itself.
        skip_samples: decoded before the first audible sample, without the codec's latency.
        length_samples: audible length of a hit.
        gain: the preset's own level.
        modes: resonant modes ``[n, 6]``; onsets count from the first audible sample.
        low_cut_hz, effects, width: the preset's.
        seed: the seed of take, variation and the decoder's noise.
    """

    def __init__(self, preset: Preset, seed: int, silence: np.ndarray, late_frames: int, hop_samples: int):
        header, take = preset.header, take_of(preset, seed)
        self.modes, self.low_cut_hz, self.effects = take_modes(preset, seed), header.low_cut_hz, header.chain
        self.width = header.width
        self.hit = header.kind == "hit"
        self.skip_samples, self.length_samples = take.skip_samples + late_frames * hop_samples, take.length_samples
        self._fades = fades_of(preset, seed)
        self.gain, self.seed = 10 ** (header.gain_db / 20), seed
        self._pieces, self._silence = perform(preset, seed), silence
        first = next(self._pieces)
        self.channels = len(first)
        before = np.repeat(self._silent(max(0, late_frames)), len(first), axis=0)
        self._waiting = np.concatenate([before, first[:, max(0, -late_frames) :]], axis=1)

    def _silent(self, frames: int) -> np.ndarray:
        return np.repeat(self._silence, frames, axis=1)

    def frames(self, count: int) -> np.ndarray:
        """Return the next latents ``[channels, count, dims]``."""
        while self._waiting.shape[1] < count:
            piece = next(self._pieces, None)
            if piece is None:
                piece = np.repeat(self._silent(count), self.channels, axis=0)
            self._waiting = np.concatenate([self._waiting, piece], axis=1)
        frames, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        return frames

    def curve(self, first: int, count: int) -> np.ndarray | float:
        """Return the gain of its fades for ``count`` audible samples from ``first`` on; 0 outside a hit."""
        fade_in, fade_out = self._fades
        if not self.hit or (first >= fade_in and first + count <= self.length_samples - fade_out):
            return 1.0
        at = np.arange(first, first + count)
        inside = (at >= 0) & (at < self.length_samples)
        return np.where(inside, fade_curve(at, self.length_samples, fade_in, fade_out), 0.0)


def aligned_takes(
    presets: list[Preset], seed: int, lead: int, silence: np.ndarray, hop_samples: int
) -> list[LatentTake]:
    """Make one take of each preset, with their attacks aligned to half a frame.

    Args:
        presets: what is performed.
        seed: decides all takes.
        lead: the number of the preset that begins exactly as it would alone.
        silence: the codec's latent frame of silence, ``[1, 1, dims]``.
        hop_samples: samples of a frame.

    Returns:
        The takes, in the order of the presets.
    """
    skips = [take_of(preset, seed).skip_samples for preset in presets]
    late = [round((skips[lead] - skip) / hop_samples) for skip in skips]
    return [
        LatentTake(preset, seed, silence, late_frames, hop_samples)
        for preset, late_frames in zip(presets, late, strict=True)
    ]
