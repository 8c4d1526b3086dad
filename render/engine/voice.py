"""One cue, sounding: latents → codec → trim → varispeed → level, pan and fades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter

import numpy as np
import soxr

from plugin_backend.audio_files import read_mono_blocks
from plugin_backend.codecs.base import Codec, CodecSpec, channel_sides
from plugin_backend.dsp.dc_offset import dc_filter_for
from plugin_backend.errors import AudioFileError, CueSheetError
from plugin_backend.modes.mode_table import no_modes
from presets.finish_take import TakeFinisher
from presets.preset import Preset
from presets.preset_effects import PresetEffects
from presets.take_sampling import perform, take_modes, take_of
from render.plan.plan import Event
from render.project.channel_layout import Layout, pan_gains

SKIP_SAMPLES = 2**16


@dataclass
class Stopwatch:
    """Seconds spent in the codec."""

    codec_s: float = field(default=0.0)


def speed_of(pitch_semitones: float) -> float:
    """Playback speed for a varispeed pitch: 12 semitones double it."""
    return 2.0 ** (pitch_semitones / 12)


def source_latents(event: Event, preset: Preset | None, codec: Codec, chunk_frames: int) -> Iterator[np.ndarray]:
    """Latents ``[1, frames, dims]`` of the cue's source file, moved by the preset's scale and bias.

    Raises:
        CueSheetError: the audio is damaged or not finite; names sheet and row.
    """
    hop, encoder, offset = codec.spec.hop_samples, codec.encoder(), dc_filter_for(codec, 1)

    def encoded(audio: np.ndarray) -> np.ndarray:
        return encoder.push(np.pad(offset.push(audio[None]), ((0, 0), (0, -audio.size % hop))))[0] * scale + bias

    scale = np.float32(preset.header.scale or 1) if preset else np.float32(1)
    bias = np.float32(preset.header.bias or 0) if preset else np.float32(0)
    waiting = np.zeros(0, np.float32)
    for block in _source_blocks(event, codec.spec.sample_rate):
        waiting = np.concatenate([waiting, block])
        while waiting.size >= chunk_frames * hop:
            yield encoded(waiting[: chunk_frames * hop])
            waiting = waiting[chunk_frames * hop :]
    if waiting.size:
        yield encoded(waiting)


def _source_blocks(event: Event, rate_hz: int) -> Iterator[np.ndarray]:
    try:
        yield from read_mono_blocks(event.source, rate_hz)
    except AudioFileError as problem:
        raise CueSheetError(str(problem), file=event.sheet, row=event.row, field="source") from problem


def in_chunks(latents: Iterator[np.ndarray], frames: int, chunk_frames: int, codec: Codec) -> Iterator[np.ndarray]:
    """Exactly ``frames`` frames in pieces of ``chunk_frames``; silence once ``latents`` ends."""
    waiting = next(latents, codec.silence(0))
    while frames > 0:
        size = min(chunk_frames, frames)
        while waiting.shape[1] < size:
            more = next(latents, None)
            if more is None:
                more = np.repeat(codec.silence(size), waiting.shape[0], axis=0)
            waiting = np.concatenate([waiting, more], axis=1)
        yield waiting[:, :size]
        waiting, frames = waiting[:, size:], frames - size


def extent(event: Event, preset: Preset | None, spec: CodecSpec, rate_hz: int | None = None) -> tuple[int, int]:
    """Frames to decode for a cue, the codec's latency counted in, and decoded samples before the cue's first.

    The cue's length counts at ``rate_hz``, or else at the codec's rate.
    """
    skip = take_of(preset, event.seed).skip_samples if event.source is None else 0
    drop = skip + spec.latency_samples
    speed = speed_of(event.pitch_semitones)
    if rate_hz not in (None, spec.sample_rate):
        speed *= spec.sample_rate / rate_hz
    wanted = int(event.length_samples * speed)
    return spec.frames(wanted + spec.hop_samples + drop), drop


def latents_of(event: Event, preset: Preset | None, codec: Codec, chunk_frames: int) -> Iterator[np.ndarray]:
    """The cue's latents, pieces ``[channels, frames, dims]``, drawn or encoded as they are read; some never end."""
    if event.source is not None:
        return source_latents(event, preset, codec, chunk_frames)
    return perform(preset, event.seed)


def decoded(
    event: Event,
    preset: Preset | None,
    codec: Codec,
    chunk_frames: int,
    watch: Stopwatch,
    rate_hz: int | None = None,
    latents: Iterator[np.ndarray] | None = None,
) -> Iterator[np.ndarray]:
    """The cue's sound in pieces ``[channels, n]``, before level and fades, from its first sample on.

    At ``rate_hz``, which the cue's length counts at, or else at the codec's rate. ``latents`` are performed in place of
    the cue's own.
    """
    frames, drop = extent(event, preset, codec.spec, rate_hz)
    latents = latents_of(event, preset, codec, chunk_frames) if latents is None else latents
    width = preset.header.width if preset is not None else 1.0

    def pushed() -> Iterator[np.ndarray]:
        decoder = None
        for chunk in in_chunks(latents, frames, chunk_frames, codec):
            began = perf_counter()
            decoder = decoder or codec.decoder(len(chunk), [event.seed] * len(chunk), channel_sides(len(chunk), width))
            audio = decoder.push(chunk)
            watch.codec_s += perf_counter() - began
            yield audio

    return finished(event, preset, pushed(), drop, codec.spec.sample_rate, rate_hz)


def finished(
    event: Event,
    preset: Preset | None,
    pieces: Iterator[np.ndarray],
    drop_samples: int,
    codec_hz: int,
    rate_hz: int | None = None,
) -> Iterator[np.ndarray]:
    """What the codec made at ``codec_hz``, from the cue's first sample on, with what rings, at its speed.

    In pieces as they came, at ``rate_hz`` if given.
    """
    played_hz, rate_hz = codec_hz * speed_of(event.pitch_semitones), rate_hz or codec_hz
    resamplers, finish = None, None
    for audio in pieces:
        length = ceil(event.length_samples * played_hz / rate_hz)
        finish = finish or _finish(event, preset, codec_hz, len(audio), drop_samples, length)
        audio = finish.push(audio)
        if played_hz != rate_hz:
            resamplers = resamplers or [soxr.ResampleStream(played_hz, rate_hz, 1) for _ in range(len(audio))]
            audio = np.stack(
                [r.resample_chunk(np.ascontiguousarray(x)) for r, x in zip(resamplers, audio, strict=True)]
            )
        yield audio
    if resamplers:
        nothing = np.zeros(0, np.float32)
        yield np.stack([r.resample_chunk(nothing, last=True) for r in resamplers])


def _finish(
    event: Event, preset: Preset | None, rate_hz: int, channels: int, drop_samples: int, length_samples: int
) -> TakeFinisher:
    if event.source is not None:
        return TakeFinisher(no_modes(), 0.0, rate_hz, channels, drop_samples)
    header, chain = preset.header, None
    if header.chain:
        chain = PresetEffects(header.chain, rate_hz, channels, length_samples)
    return TakeFinisher(take_modes(preset, event.seed), header.low_cut_hz, rate_hz, channels, drop_samples, chain)


def fade_curve(positions: np.ndarray, length: int, fade_in: int, fade_out: int) -> np.ndarray:
    """Raised-cosine fades at both ends of a cue of ``length`` samples, at sample ``positions``."""
    gain = np.ones(positions.size)
    for fade, distance in ((fade_in, positions), (fade_out, length - 1 - positions)):
        fade = min(fade, length // 2)
        if fade:
            gain *= 0.5 - 0.5 * np.cos(np.pi * np.clip((distance + 1) / (fade + 1), 0, 1))
    return gain


class Voice:
    """A cue being read, block by block, panned into its stem's ``layout``."""

    def __init__(self, event: Event, pieces: Iterator[np.ndarray], layout: Layout):
        self.event, self.position, self._layout = event, 0, layout
        self._pieces = pieces
        self._waiting: np.ndarray | None = None

    @property
    def remaining(self) -> int:
        """Samples not yet read."""
        return self.event.length_samples - self.position

    def read(self, samples: int) -> np.ndarray:
        """The next ``samples`` samples (no more than remain), ``[layout.sounding, samples]`` float32."""
        event, heard = self.event, self._next(samples)
        positions = np.arange(self.position - samples, self.position)
        gain = event.gain * fade_curve(positions, event.length_samples, event.fade_in_samples, event.fade_out_samples)
        panned = pan_gains(event.pan, self._layout, len(heard))
        return sum(panned[:, [c]] * gain * heard[c] for c in range(len(heard))).astype(np.float32)

    def skip(self, samples: int) -> None:
        """Go on by ``samples`` unheard samples (no more than remain)."""
        while samples:
            samples -= self._next(min(samples, SKIP_SAMPLES)).shape[1]

    def _next(self, samples: int) -> np.ndarray:
        """The next samples of the sound itself, ``[channels, samples]``; silence after its end."""
        while self._waiting is None or self._waiting.shape[1] < samples:
            piece = next(self._pieces, None)
            if piece is None:
                piece = np.zeros((1 if self._waiting is None else len(self._waiting), samples), np.float32)
            self._waiting = piece if self._waiting is None else np.concatenate([self._waiting, piece], axis=1)
        heard, self._waiting = self._waiting[:, :samples], self._waiting[:, samples:]
        self.position += samples
        return heard
