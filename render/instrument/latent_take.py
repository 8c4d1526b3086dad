"""A take as latent frames, with its level and fades."""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from presets.performance.draw import Draw
from presets.performance.performance import performance_of
from presets.preset import Preset
from render.engine.mixing import fade_curve


class LatentTake:
    """One performance of a preset.

    Args:
        preset: what is performed.
        draw: decides the performance.
        silence: the codec's latent frame of silence, ``[1, 1, dims]``; a hit goes on with it after its end.
        late_frames: frames of silence before the take. If negative, this many of its own frames are left out.
        spec: of the codec.

    Attributes:
        channels: of its latents.
        hit: whether it ends by itself.
        skip_samples: decoded before the first audible sample, without the codec's latency.
        length_samples: audible length of a hit.
        gain: the preset's own level.
        modes: resonant modes ``[n, 6]``; onsets count from the first audible sample.
        low_cut_hz, effects, width: the preset's.
        seed: the seed of the decoder's noise.
    """

    def __init__(self, preset: Preset, draw: Draw, silence: np.ndarray, late_frames: int, spec: CodecSpec):
        header, take = preset.header, performance_of(preset, draw, spec)
        self.modes, self.low_cut_hz, self.effects = take.modes(), header.low_cut_hz, header.chain
        self.width = header.width
        self.hit = header.kind == "hit"
        self.skip_samples, self.length_samples = take.skip_samples + late_frames * spec.hop_samples, take.length_samples
        self._fades = take.fade_in_samples, take.fade_out_samples
        self.gain, self.seed = 10 ** (header.gain_db / 20), draw.seed
        self._pieces, self._silence = take.latents(), silence
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
    presets: list[Preset], draws: list[Draw], lead: int, silence: np.ndarray, spec: CodecSpec
) -> list[LatentTake]:
    """Make one take of each preset, with their attacks aligned to half a frame.

    Args:
        presets: what is performed.
        draws: how each is performed.
        lead: the number of the preset that begins exactly as it would alone.
        silence: the codec's latent frame of silence, ``[1, 1, dims]``.
        spec: of the codec.

    Returns:
        The takes, in the order of the presets.
    """
    performed = list(zip(presets, draws, strict=True))
    skips = [performance_of(preset, draw, spec).skip_samples for preset, draw in performed]
    late = [round((skips[lead] - skip) / spec.hop_samples) for skip in skips]
    return [
        LatentTake(preset, draw, silence, late_frames, spec)
        for (preset, draw), late_frames in zip(performed, late, strict=True)
    ]
