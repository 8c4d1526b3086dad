"""The decoded audio of each cue: from the cache, from an equal cue, or decoded now."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.exactness import ComputeInfo, compute_info_for
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from presets.preset import Preset
from render.engine.cue_cache import CueCache
from render.engine.cue_decoding import (
    AHEAD_CUES,
    WHOLE_CHUNK_FRAMES,
    Stopwatch,
    batch_mates,
    batches_well,
    decode_batch,
    decode_cue,
    short_frames,
)
from render.plan.plan import Event, Plan

SAMPLE_BYTES, MOST_CHANNELS = 4, 2
REPEATED_BYTES = 64 * 2**20
"""Most memory for audio that later cues need again. What does not fit is decoded or read again."""


@dataclass
class CueCounts:
    """Number of cues by where their audio came from.

    Attributes:
        decoded: cues that were decoded.
        cached: cues whose audio existed already, in the cache or as an equal cue's.
        kept: whether all decoded audio could be stored in the cache.
        computed: how our models computed here; ``None`` if they were not needed.
        damaged: cached entries that were damaged, and so were decoded again.
    """

    decoded: int = 0
    cached: int = 0
    kept: bool = True
    computed: ComputeInfo | None = None
    damaged: int = 0

    def add(self, other: CueCounts) -> None:
        """Add the counts of another process."""
        self.decoded, self.cached = self.decoded + other.decoded, self.cached + other.cached
        self.kept, self.computed = self.kept and other.kept, self.computed or other.computed
        self.damaged += other.damaged


class ReplayableAudio:
    """Audio that is still being decoded, for several cues to read. Every iteration starts at its beginning."""

    def __init__(self, pieces: Iterator[np.ndarray]):
        self._pieces = pieces
        self._read: list[np.ndarray] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        index = 0
        while True:
            if index == len(self._read):
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._read.append(piece)
            yield self._read[index]
            index += 1


class CueAudio:
    """Audio of a plan's events. A codec is loaded when the first cue must be decoded.

    Args:
        plan: with ``sounds`` and ``cache``, or without; then all cues are decoded and nothing is stored.
        chunk_frames: latent frames decoded at a time.
        watch: counts the codec's seconds.
        coming: the events that will be read, by start. With them, equal cues are decoded once, and short cues are
            decoded together ahead of time. Without them, each cue is decoded when it is read.
    """

    def __init__(self, plan: Plan, chunk_frames: int, watch: Stopwatch, coming: Iterable[Event] = ()):
        self._bank, self._keys, self._rate_hz = Bank(plan.bank), plan.sounds, plan.sample_rate
        self.cache = CueCache(plan.cache) if plan.cache is not None else None
        self._chunk_frames, self._watch = chunk_frames, watch
        self._coming = {event.id: event for event in coming}
        self._needed = Counter(_identity(event) for event in self._coming.values())
        self._codecs: dict[str, Codec] = {}
        self._frames: dict[str, int | None] = {}
        self._ready: dict[tuple, ReplayableAudio] = {}
        self._repeated: dict[tuple, int] = {}
        self._read_cues = self._decoded = 0

    @property
    def counts(self) -> CueCounts:
        """Counts up to now."""
        kept, damaged = (self.cache.kept, self.cache.damaged) if self.cache is not None else (True, 0)
        return CueCounts(self._decoded, self._read_cues - self._decoded, kept, compute_info_for(self._codecs), damaged)

    def of(self, event: Event) -> Iterator[np.ndarray]:
        """Yield a cue's audio before gain, pan and fades, in pieces ``[channels, n]``."""
        identity = _identity(event)
        self._read_cues += 1
        if self._coming.pop(event.id, None) is not None:
            self._needed[identity] -= 1
        audio = self._ready.pop(identity, None) or self._from_cache(event) or self._decode(event)
        if self._needed[identity] and self._has_room(identity, event):
            self._ready[identity] = audio = audio if isinstance(audio, ReplayableAudio) else ReplayableAudio(audio)
        else:
            self._repeated.pop(identity, None)
        return iter(audio)

    def _from_cache(self, event: Event) -> Iterator[np.ndarray] | None:
        key = self._key(event)
        audio = self.cache.get(key, event.length_samples) if self.cache is not None and key is not None else None
        return iter([audio]) if audio is not None else None

    def _decode(self, event: Event) -> Iterator[np.ndarray]:
        codec, mates = self.codec(event.codec), self._batch_mates(event)
        if not mates:
            self._decoded += 1
            pieces = decode_cue(event, self._preset(event), codec, self._chunk_frames, self._watch, self._rate_hz)
            return self._stored(event, pieces)
        events = [event, *mates]
        presets = [preset for each in events if (preset := self._preset(each)) is not None]
        decoded = decode_batch(events, presets, codec, self._chunk_frames, self._watch, self._rate_hz)
        self._decoded += len(events)
        stored = [list(self._stored(each, iter([audio]))) for each, audio in zip(events, decoded, strict=True)]
        for mate, audio in zip(mates, stored[1:], strict=True):
            self._ready[_identity(mate)] = ReplayableAudio(iter(audio))
        return iter(stored[0])

    def _batch_mates(self, event: Event) -> list[Event]:
        """Return coming short cues to decode together with ``event``."""
        if self._chunk_frames < WHOLE_CHUNK_FRAMES or not batches_well(self.codec(event.codec)):
            return []
        frames = self._short_frames(event)
        others: dict[tuple, tuple[int, Event]] = {}
        if not frames:
            return []
        for other in islice(self._coming.values(), AHEAD_CUES):
            identity, size = _identity(other), self._short_frames(other)
            known = identity in self._ready or identity in others or identity == _identity(event)
            if size and other.codec == event.codec and not known and not self._is_cached(other):
                others[identity] = size, other
        return batch_mates(frames, others.values()) if others else []

    def _short_frames(self, event: Event) -> int | None:
        if event.id not in self._frames:
            spec = self.codec(event.codec).spec
            self._frames[event.id] = short_frames(event, self._preset(event), spec, self._rate_hz)
        return self._frames[event.id]

    def _has_room(self, identity: tuple, event: Event) -> bool:
        """Reserve memory for audio that is needed again; return whether there is enough."""
        size = event.length_samples * MOST_CHANNELS * SAMPLE_BYTES
        fits = identity in self._repeated or sum(self._repeated.values()) + size <= REPEATED_BYTES
        if fits:
            self._repeated[identity] = size
        return fits

    def _key(self, event: Event) -> str | None:
        return self._keys.get(event.id) if self.cache is not None else None

    def _is_cached(self, event: Event) -> bool:
        key = self._key(event)
        return self.cache is not None and key is not None and key in self.cache

    def _stored(self, event: Event, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        key = self._key(event)
        return pieces if self.cache is None or key is None else self.cache.storing(key, pieces, event.length_samples)

    def _preset(self, event: Event) -> Preset | None:
        return self._bank[event.preset] if event.preset is not None else None

    def codec(self, name: str) -> Codec:
        """Return the model of a name; it is loaded once."""
        if name not in self._codecs:
            self._codecs[name] = load_codec(name)
            if torch := sys.modules.get("torch"):  # two threads are slower when stems compete for the CPU
                torch.set_num_threads(1)
        return self._codecs[name]


def _identity(event: Event) -> tuple:
    """Return what decides an event's audio within one plan. :class:`render.plan.cache_key.CueKey` holds anywhere."""
    return (
        event.codec, event.preset, event.source, event.seed, event.draw, event.pitch_semitones, event.length_samples
    )  # fmt: skip
