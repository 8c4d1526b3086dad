"""A take as latents, frame by frame, with the level that goes with it."""

from __future__ import annotations

import numpy as np

from presets.preset import Preset
from presets.take_sampling import fades_of, perform, take_modes, take_of
from render.engine.mixing import fade_curve


class LatentTake:
    """One performance of a preset.

    Args:
        silence: the codec's frame of it, ``[1, 1, dims]``: what a hit is after its end.
        late_frames: of silence before it begins; less than 0 leave so many of its own out.
        hop_samples: of a frame.

    Attributes:
        channels: of its latents.
        hit: whether it ends.
        skip_samples: decoded before it is heard, the codec's latency not counted.
        length_samples: of a hit, heard.
        gain: the preset's own level.
        modes: what rings, ``[n, 6]``; onsets count from its first heard sample.
        low_cut_hz, effects, width: the preset's.
        seed: what take, variation and the decoder's noise follow from.
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
        """The next latents ``[channels, count, dims]``."""
        while self._waiting.shape[1] < count:
            more = next(self._pieces, None)
            if more is None:
                more = np.repeat(self._silent(count), self.channels, axis=0)
            self._waiting = np.concatenate([self._waiting, more], axis=1)
        taken, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        return taken

    def curve(self, first: int, count: int) -> np.ndarray | float:
        """Its fades at heard samples from ``first`` on; 0 outside a hit."""
        fade_in, fade_out = self._fades
        if not self.hit or (first >= fade_in and first + count <= self.length_samples - fade_out):
            return 1.0
        at = np.arange(first, first + count)
        inside = (at >= 0) & (at < self.length_samples)
        return np.where(inside, fade_curve(at, self.length_samples, fade_in, fade_out), 0.0)


def aligned_takes(
    presets: list[Preset], seed: int, lead: int, silence: np.ndarray, hop_samples: int
) -> list[LatentTake]:
    """A performance of each, their attacks together to half a frame; ``presets[lead]`` begins as it does alone."""
    skips = [take_of(preset, seed).skip_samples for preset in presets]
    late = [round((skips[lead] - skip) / hop_samples) for skip in skips]
    return [LatentTake(own, seed, silence, by, hop_samples) for own, by in zip(presets, late, strict=True)]
