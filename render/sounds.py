"""The decoded sound of each cue: from the cache, or decoded and kept there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.codecs import PCM, load_codec
from presets.bank import Bank
from render.cue_cache import CueCache
from render.events import Event, Plan
from render.voice import Stopwatch, decoded


@dataclass
class Counts:
    """Cues by where their sound came from, and whether all that was decoded could be kept in the cache."""

    decoded: int = 0
    cached: int = 0
    kept: bool = True

    def add(self, other: Counts) -> None:
        """Count another process's cues too."""
        self.decoded, self.cached = self.decoded + other.decoded, self.cached + other.cached
        self.kept = self.kept and other.kept


class Sounds:
    """Sounds of a plan's events; a codec is loaded when the first cue must be decoded.

    Args:
        plan: with ``sounds`` and ``cache``, or without: then all is decoded and nothing kept.
        chunk_frames: latent frames decoded at a time.
        watch: counts the codec's seconds.
    """

    def __init__(self, plan: Plan, chunk_frames: int, watch: Stopwatch):
        self._bank, self._keys = Bank(plan.bank), plan.sounds
        self.cache = CueCache(plan.cache) if plan.cache is not None else None
        self._chunk_frames, self._watch = chunk_frames, watch
        self._codecs: dict[str, Codec] = {}
        self._counts = Counts()

    @property
    def counts(self) -> Counts:
        """So far."""
        self._counts.kept = self.cache is None or self.cache.kept
        return self._counts

    def of(self, event: Event) -> Iterator[np.ndarray]:
        """Its sound in pieces ``[channels, n]``, before level, pan and fades."""
        key = self._keys.get(event.id) if self.cache is not None else None
        sound = self.cache.get(key) if key is not None else None
        if sound is not None:
            self._counts.cached += 1
            return iter([sound])
        self._counts.decoded += 1
        preset = self._bank[event.preset] if event.preset is not None else None
        pieces = decoded(event, preset, self._codec(event.codec), self._chunk_frames, self._watch)
        return pieces if key is None else self.cache.storing(key, pieces, event.length_samples)

    def _codec(self, name: str) -> Codec:
        if name not in self._codecs:
            if name != PCM:
                _one_thread()
            self._codecs[name] = load_codec(name)
        return self._codecs[name]


def _one_thread() -> None:
    """One thread per stream: two are slower under contention, and never change the samples."""
    import torch

    torch.set_num_threads(1)
