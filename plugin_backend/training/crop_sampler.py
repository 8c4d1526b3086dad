"""Training crops drawn from sounds. The same seed and step always give the same crops."""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.training.augment import apply_chain, draw_chain

LONGEST_GAP_S, QUIETEST_DB = 0.2, -24.0


class CropSampler:
    """A source of crops of ``crop_samples`` samples, filled with whole sounds and short gaps.

    Args:
        sounds: the sounds to draw from.
        probabilities: ``[sounds]``: how likely each sound is drawn; they sum to 1.
        crop_samples: length of a crop, in samples.
        sample_rate: in Hz.
        range_set: the augmentation, ``published`` or ``musical``; ``None`` for none.
    """

    def __init__(
        self,
        sounds: list[Sound],
        probabilities: np.ndarray,
        crop_samples: int,
        sample_rate: int,
        range_set: str | None = None,
    ):
        self.sounds, self.probabilities, self.range_set = sounds, probabilities, range_set
        self.crop_samples, self.sample_rate = crop_samples, sample_rate

    def batch(self, size: int, seed: int, step: int) -> np.ndarray:
        """Return the crops of one step, ``[size, crop_samples]``.

        Args:
            size: number of crops.
            seed: of the run.
            step: of the run.
        """
        rng = np.random.default_rng((seed, step))
        return np.stack([self._crop(rng) for _ in range(size)])

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        crop = np.zeros(self.crop_samples, np.float32)
        filled = -int(rng.integers(0, self.crop_samples // 4))
        while filled < self.crop_samples:
            excerpt = self._excerpt(rng)
            start = int(rng.integers(0, max(1, excerpt.size - self.crop_samples)))
            excerpt = excerpt[start : start + self.crop_samples - filled]
            visible, begin = excerpt[max(-filled, 0) :], max(filled, 0)
            crop[begin : begin + visible.size] = visible
            filled += excerpt.size + int(rng.integers(0, round(LONGEST_GAP_S * self.sample_rate)))
        return np.clip(crop, -1, 1)

    def _excerpt(self, rng: np.random.Generator) -> np.ndarray:
        """Return one sound with effects, random level and polarity; of a long sound, the length of two crops."""
        sound = self.sounds[rng.choice(len(self.sounds), p=self.probabilities)]
        audio = np.asarray(sound.audio, np.float32)
        if audio.size > 4 * self.crop_samples:
            start = int(rng.integers(0, audio.size - 2 * self.crop_samples))
            audio = audio[start : start + 2 * self.crop_samples]
        if self.range_set:
            audio = apply_chain(draw_chain(rng, self.range_set), audio, self.sample_rate)
        peak = float(np.abs(audio).max(initial=0.0)) or 1.0
        gain = 10 ** (rng.uniform(QUIETEST_DB, 0) / 20) / max(peak, 0.1)
        return audio * np.float32(gain * rng.choice((-1.0, 1.0)))
