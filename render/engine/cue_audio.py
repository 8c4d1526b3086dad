"""The decoded sound of each cue: from the cache, from a cue like it, or decoded and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.exactness import ComputeInfo, compute_info_for
from plugin_backend.models.registry import PCM, load_codec
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
"""Most memory for sounds that later cues want again; what does not fit is decoded or read again."""


@dataclass
class CueCounts:
    """Cues by where their sound came from, and whether all that was decoded could be kept in the cache.

    ``cached`` counts sounds that were there already: in the cache, or as another cue's. ``computed`` says with what
    our models computed here; ``None`` where they had nothing to do. ``damaged`` counts those that were in the cache and
    not as they were written, and so were made again.
    """

    decoded: int = 0
    cached: int = 0
    kept: bool = True
    computed: ComputeInfo | None = None
    damaged: int = 0

    def add(self, other: CueCounts) -> None:
        """Count another process's cues too."""
        self.decoded, self.cached = self.decoded + other.decoded, self.cached + other.cached
        self.kept, self.computed = self.kept and other.kept, self.computed or other.computed
        self.damaged += other.damaged


class ReplayableAudio:
    """A sound being decoded, for several cues to read; every iteration starts at its beginning."""

    def __init__(self, pieces: Iterator[np.ndarray]):
        self._pieces, self._come = pieces, []

    def __iter__(self) -> Iterator[np.ndarray]:
        index = 0
        while True:
            if index == len(self._come):
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._come.append(piece)
            yield self._come[index]
            index += 1


class CueAudio:
    """Sounds of a plan's events; a codec is loaded when the first cue must be decoded.

    Args:
        plan: with ``sounds`` and ``cache``, or without: then all is decoded and nothing kept.
        chunk_frames: latent frames decoded at a time.
        watch: counts the codec's seconds.
        coming: the events that will be asked for, by start: equal ones are decoded once, and short ones together,
            ahead of need. Without it each is decoded when it is asked for.
    """

    def __init__(self, plan: Plan, chunk_frames: int, watch: Stopwatch, coming: Iterable[Event] = ()):
        self._bank, self._keys, self._rate_hz = Bank(plan.bank), plan.sounds, plan.sample_rate
        self.cache = CueCache(plan.cache) if plan.cache is not None else None
        self._chunk_frames, self._watch = chunk_frames, watch
        self._coming = {event.id: event for event in coming}
        self._wanted = Counter(_identity(event) for event in self._coming.values())
        self._codecs: dict[str, Codec] = {}
        self._frames: dict[str, int | None] = {}
        self._held: dict[tuple, ReplayableAudio] = {}
        self._repeated: dict[tuple, int] = {}
        self._asked = self._decoded = 0

    @property
    def counts(self) -> CueCounts:
        """So far."""
        kept, damaged = (self.cache.kept, self.cache.damaged) if self.cache is not None else (True, 0)
        return CueCounts(self._decoded, self._asked - self._decoded, kept, compute_info_for(self._codecs), damaged)

    def of(self, event: Event) -> Iterator[np.ndarray]:
        """Its sound in pieces ``[channels, n]``, before level, pan and fades."""
        what = _identity(event)
        self._asked += 1
        if self._coming.pop(event.id, None) is not None:
            self._wanted[what] -= 1
        sound = self._held.pop(what, None) or self._from_cache(event) or self._decode(event)
        if self._wanted[what] and self._has_room(what, event):
            self._held[what] = sound = sound if isinstance(sound, ReplayableAudio) else ReplayableAudio(sound)
        else:
            self._repeated.pop(what, None)
        return iter(sound)

    def _from_cache(self, event: Event) -> Iterator[np.ndarray] | None:
        key = self._key(event)
        sound = self.cache.get(key, event.length_samples) if key is not None else None
        return iter([sound]) if sound is not None else None

    def _decode(self, event: Event) -> Iterator[np.ndarray]:
        codec, friends = self.codec(event.codec), self._company(event)
        if not friends:
            self._decoded += 1
            how = codec, self._chunk_frames, self._watch, self._rate_hz
            return self._stored(event, decode_cue(event, self._preset(event), *how))
        events = [event, *friends]
        presets = [self._preset(each) for each in events]
        whole = decode_batch(events, presets, codec, self._chunk_frames, self._watch, self._rate_hz)
        self._decoded += len(events)
        sounds = [list(self._stored(each, iter([sound]))) for each, sound in zip(events, whole, strict=True)]
        for each, sound in zip(friends, sounds[1:], strict=True):
            self._held[_identity(each)] = ReplayableAudio(iter(sound))
        return iter(sounds[0])

    def _company(self, event: Event) -> list[Event]:
        """Short cues to come that are decoded with ``event``."""
        if self._chunk_frames < WHOLE_CHUNK_FRAMES or not batches_well(event.codec):
            return []
        frames, others = self._frames_if_short(event), {}
        for other in islice(self._coming.values(), AHEAD_CUES if frames else 0):
            what, size = _identity(other), self._frames_if_short(other)
            known = what in self._held or what in others or what == _identity(event)
            if size and other.codec == event.codec and not known and not self._is_cached(other):
                others[what] = size, other
        return batch_mates(frames, others.values()) if others else []

    def _frames_if_short(self, event: Event) -> int | None:
        if event.id not in self._frames:
            spec = self.codec(event.codec).spec
            self._frames[event.id] = short_frames(event, self._preset(event), spec, self._rate_hz)
        return self._frames[event.id]

    def _has_room(self, what: tuple, event: Event) -> bool:
        size = event.length_samples * MOST_CHANNELS * SAMPLE_BYTES
        fits = what in self._repeated or sum(self._repeated.values()) + size <= REPEATED_BYTES
        if fits:
            self._repeated[what] = size
        return fits

    def _key(self, event: Event) -> str | None:
        return self._keys.get(event.id) if self.cache is not None else None

    def _is_cached(self, event: Event) -> bool:
        key = self._key(event)
        return key is not None and key in self.cache

    def _stored(self, event: Event, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        key = self._key(event)
        return pieces if key is None else self.cache.storing(key, pieces, event.length_samples)

    def _preset(self, event: Event) -> Preset | None:
        return self._bank[event.preset] if event.preset is not None else None

    def codec(self, name: str) -> Codec:
        """The model of that name."""
        if name not in self._codecs:
            if name != PCM:
                _one_thread()
            self._codecs[name] = load_codec(name)
        return self._codecs[name]


def _one_thread() -> None:
    """One thread per stream: two are slower under contention, and never change the samples."""
    import torch

    torch.set_num_threads(1)


def _identity(event: Event) -> tuple:
    """What decides its sound within a plan; see :class:`render.plan.cache_key.Recipe` for what does everywhere."""
    return event.codec, event.preset, event.source, event.seed, event.pitch_semitones, event.length_samples
