"""Takes of presets as sound, decoded before they are wanted."""

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
"""Decoded of a texture at a time: those that are held together are decoded in one call, the same work in every hop."""

MOST_SKIPPED = 64
"""Pieces of latents that a texture goes on by at most where samples are left out: it has no place to come to."""


class TakePool:
    """Takes by preset and number; a number's take and variation follow from the seed.

    Which are decoded before and which when they are wanted changes no sample.
    """

    def __init__(self, codecs: Iterable[Codec], seed: int):
        from plugin_backend.models.batched_codec import batched

        self._codecs, self._seed = {codec.spec.fingerprint: batched(codec) for codec in codecs}, seed
        self._kept: dict[tuple[str, str], np.ndarray] = {}

    def take(self, preset: Preset, number: str) -> np.ndarray:
        """A hit's sound ``[samples]`` float32, with the preset's own level and fades."""
        found = self._kept.pop((preset.name, number), None)
        return self._decoded(preset, number) if found is None else found

    def has(self, preset: Preset, number: str) -> bool:
        """Whether it is decoded."""
        return (preset.name, number) in self._kept

    def keep(self, preset: Preset, numbers: Iterable[str]) -> None:
        """Decode those that are not."""
        for number in numbers:
            if not self.has(preset, number):
                self._kept[preset.name, number] = self._decoded(preset, number)

    def tidy(self, wanted: set[tuple[str, str]]) -> None:
        """Of those that are not wanted, by preset and number, keep the latest."""
        for one in [one for one in list(self._kept) if one not in wanted][:-MOST_SPARE]:
            self._kept.pop(one, None)

    def held(self, preset: Preset, number: str) -> Texture:
        """A texture's sound, endless, with the preset's own level."""
        return Texture(self._event(preset, number, ENDLESS), preset, self._codec_of(preset))

    def _decoded(self, preset: Preset, number: str) -> np.ndarray:
        header, event = preset.header, self._event(preset, number, None)
        pieces = decode_cue(event, preset, self._codec_of(preset), OFFLINE_CHUNK_FRAMES, Stopwatch())
        sound = np.concatenate([piece[0] for piece in pieces])[: event.length_samples]
        curve = fade_curve(np.arange(len(sound)), len(sound), *fades_of(preset, event.seed))
        return (10 ** (header.gain_db / 20) * curve * sound).astype(np.float32)

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
    """A texture's sound, endless, in pieces ``[channels, n]`` decoded as they are wanted."""

    def __init__(self, event: Event, preset: Preset, codec: Codec):
        self._event, self._preset, self._codec = event, preset, codec
        self._gain = np.float32(10 ** (preset.header.gain_db / 20))
        self._latents = perform(preset, event.seed)
        self._begin()

    def _begin(self) -> None:
        own = self._event, self._preset, self._codec, HELD_CHUNK_FRAMES, Stopwatch()
        self._pieces = decode_cue(*own, latents=self._latents)

    def __iter__(self) -> Texture:
        return self

    def __next__(self) -> np.ndarray:
        return self._gain * next(self._pieces)

    def skip(self, samples: int) -> None:
        """Go on by about so many samples, decoding none: latents go on, the decoder begins anew."""
        frames = samples // self._codec.spec.hop_samples
        for _ in range(MOST_SKIPPED):
            if frames <= 0:
                break
            frames -= next(self._latents).shape[1]
        self._begin()
