"""Takes of presets as sound, decoded before they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from plugin_backend.codec import Codec
from presets.perform import fades_of, take_of
from presets.preset import Preset, check_fits
from render.events import Event
from render.plan import take_seed
from render.streaming import OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES
from render.voice import Stopwatch, decoded, fade_curve

MOST_SPARE = 32
ENDLESS = 2**48


class Takes:
    """Takes by preset and number; a number's take and variation follow from the seed.

    Which are decoded before and which when they are wanted changes no sample.
    """

    def __init__(self, codecs: Iterable[Codec], seed: int):
        self._codecs, self._seed = {codec.spec.fingerprint: codec for codec in codecs}, seed
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

    def held(self, preset: Preset, number: str) -> Iterator[np.ndarray]:
        """A texture's sound, endless, in pieces ``[channels, n]`` decoded as they are wanted."""
        gain = np.float32(10 ** (preset.header.gain_db / 20))
        event = self._event(preset, number, ENDLESS)
        for piece in decoded(event, preset, self._codec_of(preset), STREAM_CHUNK_FRAMES, Stopwatch()):
            yield gain * piece

    def _decoded(self, preset: Preset, number: str) -> np.ndarray:
        header, event = preset.header, self._event(preset, number, None)
        pieces = decoded(event, preset, self._codec_of(preset), OFFLINE_CHUNK_FRAMES, Stopwatch())
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
