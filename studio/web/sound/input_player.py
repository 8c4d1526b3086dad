"""A recording or the microphone, moved toward a preset while it sounds."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.transfer.settings import HITS
from presets.bank import Bank
from render.instrument.actions import Action
from render.instrument.note_player import HOP_SAMPLES
from render.instrument.voices import channel_gains
from render.live.instrument import Instrument
from render.live.rig import Rig

CHANNELS = 2
MOST_BEHIND_SAMPLES = 9600
"""A microphone that is further ahead of the sound drops its oldest samples."""


FETCHER = ThreadPoolExecutor(1, "studio-takes")
"""Decodes the takes of the next hits. When they are decoded changes nothing in the sound."""


class Feed(Protocol):
    """Where the input comes from."""

    def next(self, count: int) -> np.ndarray:
        """Return the next samples ``[count]`` float32."""


class Loop:
    """A recording that is repeated.

    Args:
        sound: ``[samples]`` or ``[channels, samples]``.
    """

    def __init__(self, sound: np.ndarray):
        self._sound, self._at = np.atleast_2d(sound).mean(axis=0, dtype=np.float32), 0

    def next(self, count: int) -> np.ndarray:
        """See :class:`Feed`."""
        places = (self._at + np.arange(count)) % max(1, len(self._sound))
        self._at += count
        return self._sound[places] if len(self._sound) else np.zeros(count, np.float32)


class Microphone:
    """What the page's microphone sent. Silence fills what has not come.

    Args:
        recorded: samples that it sends, as once recorded; ``None``: it waits for :meth:`put`.
    """

    def __init__(self, recorded: np.ndarray | None = None):
        self._lock = threading.Lock()
        self._recorded = recorded
        self._waiting = np.zeros(0, np.float32) if recorded is None else recorded
        self._kept: list[np.ndarray] | None = None

    def put(self, samples: np.ndarray) -> None:
        """Take samples ``[n]`` float32 from the page. Samples that are not finite count as 0."""
        with self._lock:
            clean = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            self._waiting = np.concatenate([self._waiting, np.clip(clean, -1, 1)])[-MOST_BEHIND_SAMPLES:]

    def next(self, count: int) -> np.ndarray:
        """See :class:`Feed`."""
        with self._lock:
            piece, self._waiting = self._waiting[:count], self._waiting[count:]
            piece = np.pad(piece, (0, count - len(piece))).astype(np.float32)
            if self._kept is not None:
                self._kept.append(piece)
        return piece

    def restart(self, kept: bool) -> None:
        """Start over: what waits is dropped, or what was recorded begins again.

        Args:
            kept: whether everything that it sends is kept from now on.
        """
        with self._lock:
            self._waiting = np.zeros(0, np.float32) if self._recorded is None else self._recorded
            self._kept = [] if kept else None

    def end(self) -> np.ndarray:
        """Return what was kept, ``[samples]`` float32, and keep no more."""
        with self._lock:
            kept, self._kept = self._kept or [], None
        return np.concatenate([np.zeros(0, np.float32), *kept])


class InputPlayer:
    """Plays a feed through the live instrument, hop by hop.

    Args:
        mode: ``transfer`` or ``hits``.
        name: of the preset that the sound is moved toward, or that is played at its hits.
        bank: where the preset and the axes are.
        codec: the preset's model.
        feed: where the input comes from.
        seed: decides takes and variations.

    Raises:
        PresetError: the preset is a texture in mode ``hits``.
    """

    def __init__(self, mode: str, name: str, bank: Bank, codec: Codec, feed: Feed, seed: int):
        rig = Rig(
            preset=name,
            mode="hits" if mode == HITS else "transfer",
            channels=1,
            block_samples=HOP_SAMPLES,
            seed=seed,
            ceiling_on=False,
        )
        self._feed = feed
        self._instrument = Instrument(rig, codec, bank)
        self._gains = channel_gains(1, CHANNELS)
        self._fetching: Future | None = None

    def set(self, control: str, value: float) -> None:
        """Set a control from the next hop on; controls of other modes do nothing."""
        rows = self._instrument.controls
        if control in rows and (math.isfinite(value) or math.isnan(rows[control].default)):
            self._instrument.act(Action(self._instrument.position, control, value))

    def push(self) -> np.ndarray:
        """Return the next hop, ``[2, HOP_SAMPLES]`` float32."""
        out = self._instrument.push(self._feed.next(HOP_SAMPLES)[None])
        self._instrument.applied.clear()
        if (self._fetching is None or self._fetching.done()) and self._instrument.missing_takes():
            self._fetching = FETCHER.submit(self._instrument.fetch)
        return self._gains @ out
