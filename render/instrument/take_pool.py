"""Takes of presets as audio, decoded before they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from typing import NamedTuple

import numpy as np

from plugin_backend.codecs.base import Codec
from presets.performance.draw import WHOLE
from presets.performance.performance import performance_of
from presets.preset import Preset, check_fits
from render.engine.cue_decoding import Stopwatch, cue_latents, decode_cue
from render.engine.mixing import fade_curve
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.choose_draws import StruckRows
from render.plan.plan import Event, speed_of
from render.plan.resolve_cue import UNPITCHED_NOTE

MOST_SPARE = 32
ENDLESS = 2**48
HELD_CHUNK_FRAMES = 1
"""Frames of a texture decoded at a time. Held textures are decoded together in one call, so every hop has the same
work."""

MOST_SKIPPED = 64
"""A texture skips at most this many pieces of latents. Its exact position does not matter."""

EFFORTS = (0.25, 0.5, 0.75, 1.0)
"""Takes are decoded before they are struck, so how hard is not known yet: there is a take for each of these efforts."""


class TakeId(NamedTuple):
    """Which take of a preset.

    Attributes:
        number: such as ``strike 3``.
        effort, foot, part: as in :class:`~presets.performance.draw.Draw`.
        note: the MIDI note to play, 0 … 127; None for the preset's own.
    """

    number: str
    effort: float = 1.0
    foot: int = 0
    part: str = WHOLE
    note: int | None = None


def nearest_effort(velocity: float) -> float:
    """Return the effort of :data:`EFFORTS` that is nearest to a velocity."""
    return min(EFFORTS, key=lambda effort: abs(effort - velocity))


class TakePool:
    """Takes by preset and number. The seed and the number decide a take and its variation.

    Decoding a take ahead or only when it is needed gives the same samples.
    """

    def __init__(self, codecs: Iterable[Codec], seed: int):
        from plugin_backend.models.batched_codec import batched

        self._codecs = {codec.spec.fingerprint: batched(codec) for codec in codecs}
        self._rows = StruckRows(seed)
        self._takes: dict[tuple[str, TakeId], np.ndarray] = {}

    def take(self, preset: Preset, take: TakeId) -> np.ndarray:
        """Return a hit's audio ``[samples]`` float32, with the preset's own level and fades."""
        audio = self._takes.pop((preset.name, take), None)
        return self._decode(preset, take) if audio is None else audio

    def has(self, preset: Preset, take: TakeId) -> bool:
        """Return whether a take is decoded."""
        return (preset.name, take) in self._takes

    def decode_ahead(self, preset: Preset, takes: Iterable[TakeId]) -> None:
        """Decode those takes that are not decoded yet."""
        for take in takes:
            if not self.has(preset, take):
                self._takes[preset.name, take] = self._decode(preset, take)

    def discard_unneeded(self, needed: set[tuple[str, TakeId]]) -> None:
        """Drop decoded takes that are not in ``needed`` (preset and take), except the latest ``MOST_SPARE``."""
        for key in [key for key in list(self._takes) if key not in needed][:-MOST_SPARE]:
            self._takes.pop(key, None)

    def texture(self, preset: Preset, number: str, note: int | None = None) -> Texture:
        """Return a texture's endless audio, with the preset's own level; number and note as in :class:`TakeId`."""
        return Texture(self._event(preset, TakeId(number, note=note), ENDLESS), preset, self._codec_of(preset))

    def _decode(self, preset: Preset, take: TakeId) -> np.ndarray:
        header, event = preset.header, self._event(preset, take, None)
        pieces = decode_cue(event, preset, self._codec_of(preset), OFFLINE_CHUNK_FRAMES, Stopwatch())
        audio = np.concatenate([piece[0] for piece in pieces])[: event.length_samples]
        curve = fade_curve(np.arange(len(audio)), len(audio), event.fade_in_samples, event.fade_out_samples)
        return (10 ** (header.gain_db / 20) * curve * audio).astype(np.float32)

    def _codec_of(self, preset: Preset) -> Codec:
        codec = self._codecs[preset.header.fingerprint]
        check_fits(preset, codec.spec)
        return codec

    def _event(self, preset: Preset, take: TakeId, length: int | None) -> Event:
        header, spec = preset.header, self._codec_of(preset).spec
        draw = self._rows.draw(preset, spec, take.number, take.effort)
        draw = replace(draw, foot=take.foot, part=take.part)
        performance = performance_of(preset, draw, spec)
        own = UNPITCHED_NOTE if performance.note is None else performance.note
        semitones = 0.0 if take.note is None else take.note - own
        speed = 1.0 if spec.pitch_dim is not None else speed_of(semitones)
        return Event(
            id=take.number,
            stem="",
            start_samples=0,
            length_samples=length or ceil(performance.length_samples / speed),
            preset=preset.name,
            source=None,
            codec=header.codec,
            seed=draw.seed,
            draw=draw,
            fade_in_samples=performance.fade_in_samples,
            fade_out_samples=performance.fade_out_samples,
            pitch_semitones=semitones,
            pitch_dim=spec.pitch_dim,
        )


class Texture:
    """A texture's endless audio, an iterator of pieces ``[channels, n]`` that are decoded one after another."""

    def __init__(self, event: Event, preset: Preset, codec: Codec):
        self._event, self._preset, self._codec = event, preset, codec
        self._gain = np.float32(10 ** (preset.header.gain_db / 20))
        self._latents = cue_latents(event, preset, codec, HELD_CHUNK_FRAMES)
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
