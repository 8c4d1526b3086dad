"""Training crops drawn from sounds: the same seed and step always draw the same crops."""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.training.augment import apply_chain, draw_chain

LONGEST_GAP_S, QUIETEST_DB = 0.2, -24.0


class CropSampler:
    """Draws crops of ``crop_samples``, filled with whole sounds and short gaps until they are full.

    ``chances`` ``[sounds]`` is how likely each sound is drawn. ``range_set`` names the augmentation
    (``published``, ``musical``) or is ``None``.
    """

    def __init__(
        self,
        sounds: list[Sound],
        chances: np.ndarray,
        crop_samples: int,
        sample_rate: int,
        range_set: str | None = None,
    ):
        self.sounds, self.chances, self.range_set = sounds, chances, range_set
        self.crop_samples, self.sample_rate = crop_samples, sample_rate

    def batch(self, size: int, seed: int, step: int) -> np.ndarray:
        """Crops of one step, ``[size, crop_samples]``."""
        rng = np.random.default_rng((seed, step))
        return np.stack([self._crop(rng) for _ in range(size)])

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        crop = np.zeros(self.crop_samples, np.float32)
        filled = -int(rng.integers(0, self.crop_samples // 4))
        while filled < self.crop_samples:
            piece = self._piece(rng)
            start = int(rng.integers(0, max(1, piece.size - self.crop_samples)))
            piece = piece[start : start + self.crop_samples - filled]
            heard, begin = piece[max(-filled, 0) :], max(filled, 0)
            crop[begin : begin + heard.size] = heard
            filled += piece.size + int(rng.integers(0, round(LONGEST_GAP_S * self.sample_rate)))
        return np.clip(crop, -1, 1)

    def _piece(self, rng: np.random.Generator) -> np.ndarray:
        """One sound, or two crops' worth of a long one, with effects, a random level and polarity."""
        sound = self.sounds[rng.choice(len(self.sounds), p=self.chances)]
        audio = np.asarray(sound.audio, np.float32)
        if audio.size > 4 * self.crop_samples:
            start = int(rng.integers(0, audio.size - 2 * self.crop_samples))
            audio = audio[start : start + 2 * self.crop_samples]
        if self.range_set:
            audio = apply_chain(draw_chain(rng, self.range_set), audio, self.sample_rate)
        peak = float(np.abs(audio).max(initial=0.0)) or 1.0
        level = 10 ** (rng.uniform(QUIETEST_DB, 0) / 20) / max(peak, 0.1)
        return audio * np.float32(level * rng.choice((-1.0, 1.0)))
