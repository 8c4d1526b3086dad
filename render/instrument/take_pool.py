"""Takes of presets as audio, decoded before they are needed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from plugin_backend.codecs.base import Codec
from presets.preset import Preset, check_fits
from presets.take_sampling import fades_of, perform, take_of
from render.engine.cue_decoding import Stopwatch, decode_cue
from render.engine.mixing import fade_curve
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.plan import Event
from render.plan.resolve import take_seed

MOST_SPARE = 32
ENDLESS = 2**48
HELD_CHUNK_FRAMES = 1
"""Frames of a texture decoded at a time. Held textures are decoded together in one call, so every hop has the same
work."""

MOST_SKIPPED = 64
"""A texture skips at most this many pieces of latents. Its exact position does not matter."""


class TakePool:
    """Takes by preset and number. The seed and the number decide a take and its variation.

    Decoding a take ahead or only when it is needed gives the same samples.
    """

    def __init__(self, codecs: Iterable[Codec], seed: int):
        from plugin_backend.models.batched_codec import batched

        self._codecs, self._seed = {codec.spec.fingerprint: batched(codec) for codec in codecs}, seed
        self._takes: dict[tuple[str, str], np.ndarray] = {}

    def take(self, preset: Preset, number: str) -> np.ndarray:
        """Return a hit's audio ``[samples]`` float32, with the preset's own level and fades."""
        audio = self._takes.pop((preset.name, number), None)
        return self._decode(preset, number) if audio is None else audio

    def has(self, preset: Preset, number: str) -> bool:
        """Return whether a take is decoded."""
        return (preset.name, number) in self._takes

    def decode_ahead(self, preset: Preset, numbers: Iterable[str]) -> None:
        """Decode those takes that are not decoded yet."""
        for number in numbers:
            if not self.has(preset, number):
                self._takes[preset.name, number] = self._decode(preset, number)

    def discard_unneeded(self, needed: set[tuple[str, str]]) -> None:
        """Drop decoded takes that are not in ``needed`` (preset and number), except the latest ``MOST_SPARE``."""
        for key in [key for key in list(self._takes) if key not in needed][:-MOST_SPARE]:
            self._takes.pop(key, None)

    def texture(self, preset: Preset, number: str) -> Texture:
        """Return a texture's endless audio, with the preset's own level."""
        return Texture(self._event(preset, number, ENDLESS), preset, self._codec_of(preset))

    def _decode(self, preset: Preset, number: str) -> np.ndarray:
        header, event = preset.header, self._event(preset, number, None)
        pieces = decode_cue(event, preset, self._codec_of(preset), OFFLINE_CHUNK_FRAMES, Stopwatch())
        audio = np.concatenate([piece[0] for piece in pieces])[: event.length_samples]
        curve = fade_curve(np.arange(len(audio)), len(audio), *fades_of(preset, event.seed))
        return (10 ** (header.gain_db / 20) * curve * audio).astype(np.float32)

    def _codec_of(self, preset: Preset) -> Codec:
        codec = self._codecs[preset.header.fingerprint]
        check_fits(preset, codec.spec)
        return codec

    def _event(self, preset: Preset, number: str, length: int | None) -> Event:
        header, seed = preset.header, take_seed(self._seed, number, 1)
        return Event(
            id=number,
            stem="",
            start_samples=0,
            length_samples=length or take_of(preset, seed).length_samples,
            preset=preset.name,
            source=None,
            codec=header.codec,
            seed=seed,
        )


class Texture:
    """A texture's endless audio, an iterator of pieces ``[channels, n]`` that are decoded one after another."""

    def __init__(self, event: Event, preset: Preset, codec: Codec):
        self._event, self._preset, self._codec = event, preset, codec
        self._gain = np.float32(10 ** (preset.header.gain_db / 20))
        self._latents = perform(preset, event.seed)
        self._start_decoder()

    def _start_decoder(self) -> None:
        self._pieces = decode_cue(
            self._event, self._preset, self._codec, HELD_CHUNK_FRAMES, Stopwatch(), latents=self._latents
        )

    def __iter__(self) -> Texture:
        return self

    def __next__(self) -> np.ndarray:
        return self._gain * next(self._pieces)

    def skip(self, samples: int) -> None:
        """Skip about this many samples without decoding them: the latents go on, and the decoder starts over."""
        frames = samples // self._codec.spec.hop_samples
        for _ in range(MOST_SKIPPED):
            if frames <= 0:
                break
            frames -= next(self._latents).shape[1]
        self._start_decoder()
