"""A labelled folder of sounds as training crops.

The corpus is a folder with a ``manifest.csv`` whose columns include ``file``, ``label``,
``sample_rate`` and ``debian_package``. Whole packages are held out, so that nothing a model is
judged on was recorded beside what it learned from.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile
import soxr

from plugin_backend.corpus.sound import Sound
from plugin_backend.corpus.split import FACTORY_HELD_OUT

FOOTSTEP_WEIGHT = 6.0
"""How much likelier a second of footsteps is drawn than a second of anything else."""


def read_sounds(folder: Path, sample_rate: int, held_out: bool) -> list[Sound]:
    """All sounds of one side of the split, resampled to ``sample_rate`` and mixed to mono."""
    sounds = []
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if (row["debian_package"] in FACTORY_HELD_OUT) != held_out:
                continue
            audio, rate = soundfile.read(folder / row["file"], dtype="float32", always_2d=True)
            mono = audio.mean(axis=1)
            if rate != sample_rate:
                mono = soxr.resample(mono, rate, sample_rate).astype(np.float32)
            edge_hz = 0.45 * rate if rate < sample_rate else sample_rate / 2
            sounds.append(Sound(row["file"], row["label"], row["debian_package"], edge_hz, mono))
    return sounds


class CropSampler:
    """Draws augmented training crops; the same seed draws the same crops."""

    def __init__(self, sounds: list[Sound], crop_samples: int, seed: int):
        self.sounds, self.crop_samples = sounds, crop_samples
        self.rng = np.random.default_rng(seed)
        seconds = np.array([max(s.audio.size, crop_samples // 2) for s in sounds], float)
        near = np.array([FOOTSTEP_WEIGHT if s.label.startswith(("footsteps", "cloth")) else 1.0 for s in sounds])
        self.chances = seconds * near / (seconds * near).sum()

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """``size`` crops: audio ``[size, crop_samples]`` and band edges ``[size]`` in Hz."""
        crops, edges = zip(*(self._crop() for _ in range(size)), strict=True)
        return np.stack(crops), np.array(edges, np.float32)

    def _crop(self) -> tuple[np.ndarray, float]:
        crop = np.zeros(self.crop_samples, np.float32)
        edge_hz, filled = np.inf, -int(self.rng.integers(0, self.crop_samples // 4))
        while filled < self.crop_samples:
            piece, piece_edge_hz = self._piece()
            start = int(self.rng.integers(0, max(1, piece.size - self.crop_samples)))
            piece = piece[start : start + self.crop_samples - filled]
            heard = piece[max(-filled, 0) :]
            begin = max(filled, 0)
            crop[begin : begin + heard.size] = heard
            edge_hz = min(edge_hz, piece_edge_hz) if heard.size else edge_hz
            filled += piece.size + int(self.rng.integers(0, 9600))
        return np.clip(crop, -1, 1), edge_hz

    def _piece(self) -> tuple[np.ndarray, float]:
        """One sound with a random speed (±4 semitones), level and polarity."""
        sound = self.sounds[self.rng.choice(len(self.sounds), p=self.chances)]
        audio, edge_hz = sound.audio, sound.edge_hz
        if audio.size > 4 * self.crop_samples:
            start = int(self.rng.integers(0, audio.size - 2 * self.crop_samples))
            audio = audio[start : start + 2 * self.crop_samples]
        if self.rng.random() < 0.5:
            speed = 2 ** (self.rng.uniform(-4, 4) / 12)
            audio = soxr.resample(audio, 48_000 * speed, 48_000, quality="MQ").astype(np.float32)
            edge_hz = min(edge_hz * speed, 24_000.0) if speed > 1 else edge_hz * speed
        peak = float(np.abs(audio).max(initial=0.0)) or 1.0
        level = 10 ** (self.rng.uniform(-24, 0) / 20) / max(peak, 0.1)
        return audio * np.float32(level * self.rng.choice((-1.0, 1.0))), edge_hz
