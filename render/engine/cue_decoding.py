"""Decode cues: latents → audio, one cue piece by piece, or many short cues in one call.

A call of the codec costs the same few tenths of a millisecond, and reads all weights once, however few frames it
decodes. A footstep has few frames. So when a short hit is due, the next cues of about its length are decoded with it.
A row's samples do not depend on the other rows, nor on the silence after it, because a decoder only depends on past
frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from time import perf_counter

import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, channel_sides
from plugin_backend.dsp.resample import Resampler
from plugin_backend.models.family import BatchableCodec
from plugin_backend.modes.mode_table import FREQUENCY, no_modes
from presets.finish_take import TakeFinisher
from presets.performance.performance import Performance, performance_of
from presets.preset import Preset
from presets.preset_effects import PresetEffects
from render.engine.clip_joining import decode_sounds
from render.engine.source_latents import source_latents
from render.plan.plan import Event, speed_of

AHEAD_CUES = 64
"""Number of coming cues that are searched for short ones. At most as many short sounds wait in memory: 16 MiB."""

BATCH_FRAMES = 384
"""Most frames of one call, over all rows. Measured: above it the data no longer fits the processor's caches."""

SHORT_FRAMES = 128
"""Longest cue that is decoded with others, in frames: 1.4 s. Longer cues gain nothing."""

WHOLE_CHUNK_FRAMES = 64
"""Smallest chunk with which cues are decoded together. Smaller chunks are for streaming, which must not wait."""


@dataclass
class Stopwatch:
    """Seconds spent in the codec."""

    codec_s: float = 0.0


def in_chunks(latents: Iterator[np.ndarray], frames: int, chunk_frames: int, codec: Codec) -> Iterator[np.ndarray]:
    """Yield exactly ``frames`` latent frames in chunks; silence follows when ``latents`` ends.

    Args:
        latents: pieces ``[channels, n, dims]`` of any length.
        frames: total number of frames.
        chunk_frames: frames per chunk; the last chunk may be shorter.
        codec: gives the latents of silence.
    """
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


def decode_extent(event: Event, preset: Preset | None, spec: CodecSpec, rate_hz: int | None = None) -> tuple[int, int]:
    """Return how much must be decoded for a cue.

    Args:
        event: the cue.
        preset: its preset, or None.
        spec: of the codec.
        rate_hz: sample rate of the cue's length; by default, the codec's.

    Returns:
        Latent frames to decode (the codec's latency included), and decoded samples to drop before the cue's first.
    """
    performance = cue_performance(event, preset, spec)
    skip = performance.skip_samples if performance is not None else 0
    drop = skip + spec.latency_samples
    speed = event.speed
    if rate_hz is not None and rate_hz != spec.sample_rate:
        speed *= spec.sample_rate / rate_hz
    wanted = int(event.length_samples * speed)
    if spec.layout == "vector":
        return max(1, spec.frames(wanted + drop)), drop
    return spec.frames(wanted + spec.hop_samples + drop), drop


def cue_latents(event: Event, preset: Preset | None, codec: Codec, chunk_frames: int) -> Iterator[np.ndarray]:
    """Yield the cue's latents, drawn from its preset or encoded from its source while they are read.

    Where the model is conditioned on pitch, they have the cue's pitch.

    Args:
        event: the cue.
        preset: its preset, or None for a cue that only has a source.
        codec: model of the latents.
        chunk_frames: latent frames per piece of a source.

    Yields:
        Pieces ``[channels, frames, dims]``; a texture never ends.
    """
    if event.source is not None:
        return _pitched(source_latents(event, preset, codec, chunk_frames), event)
    performance = cue_performance(event, preset, codec.spec)
    assert performance is not None
    return _pitched(performance.latents(), event)


def _pitched(latents: Iterator[np.ndarray], event: Event) -> Iterator[np.ndarray]:
    """Return latents with the cue's pitch added, in octaves, if a latent of the model holds the pitch."""
    octaves = np.float32(event.pitch_semitones / 12)
    if event.pitch_dim is None or not octaves:
        return latents
    change = octaves * np.eye(1, 2**12, event.pitch_dim, dtype=np.float32)[0]
    return (piece + change[: piece.shape[-1]] for piece in latents)


def cue_performance(event: Event, preset: Preset | None, spec: CodecSpec) -> Performance | None:
    """Return what a cue performs, or None for a cue that performs a source.

    Args:
        event: the cue.
        preset: its preset, or None.
        spec: of the codec.
    """
    return performance_of(preset, event.draw, spec) if preset is not None and event.draw is not None else None


def decode_cue(
    event: Event,
    preset: Preset | None,
    codec: Codec,
    chunk_frames: int,
    watch: Stopwatch,
    rate_hz: int | None = None,
    latents: Iterator[np.ndarray] | None = None,
) -> Iterator[np.ndarray]:
    """Decode a cue from its first sample on, before level and fades.

    Args:
        event: the cue.
        preset: its preset, or None for a cue that only has a source.
        codec: model that decodes.
        chunk_frames: latent frames decoded at a time.
        watch: counts the codec's seconds.
        rate_hz: sample rate of the audio and of the cue's length; by default, the codec's.
        latents: latents to decode in place of the cue's own.

    Yields:
        Audio ``[channels, n]`` float32.
    """
    frames, drop = decode_extent(event, preset, codec.spec, rate_hz)
    pieces = cue_latents(event, preset, codec, chunk_frames) if latents is None else latents
    width = preset.header.width if preset is not None else 1.0

    decoder: DecoderStream | None = None

    def decode(chunk: np.ndarray) -> np.ndarray:
        nonlocal decoder
        began = perf_counter()
        decoder = decoder or codec.decoder(len(chunk), [event.seed] * len(chunk), channel_sides(len(chunk), width))
        audio = decoder.push(chunk)
        watch.codec_s += perf_counter() - began
        return audio

    spec = codec.spec
    if spec.layout == "vector":
        decoded = decode_sounds(pieces, frames * spec.hop_samples, decode, spec)
    else:
        decoded = map(decode, in_chunks(pieces, frames, chunk_frames, codec))
    return finish_cue(event, preset, decoded, drop, spec, rate_hz)


def finish_cue(
    event: Event,
    preset: Preset | None,
    pieces: Iterator[np.ndarray],
    drop_samples: int,
    spec: CodecSpec,
    rate_hz: int | None = None,
) -> Iterator[np.ndarray]:
    """Trim decoded audio to the cue, add the take's modes and effects, and apply varispeed.

    Args:
        event: the cue.
        preset: its preset, or None.
        pieces: decoded audio ``[channels, n]`` at the codec's rate.
        drop_samples: decoded samples to drop at the start.
        spec: of the codec.
        rate_hz: sample rate of the result; by default, the codec's.

    Yields:
        Audio ``[channels, n]`` float32, one piece for each given piece.
    """
    played_hz, rate_hz = spec.sample_rate * event.speed, rate_hz or spec.sample_rate
    resampler: Resampler | None = None
    finisher: TakeFinisher | None = None
    for audio in pieces:
        length = ceil(event.length_samples * played_hz / rate_hz)
        finisher = finisher or _finisher(event, preset, spec, len(audio), drop_samples, length)
        audio = finisher.push(audio)
        if played_hz != rate_hz:
            channels = len(audio)
            resampler = resampler or Resampler(played_hz, rate_hz, channels)
            audio = resampler.push(audio)
        yield audio
    if resampler is not None:
        yield resampler.push(np.zeros((channels, 0), np.float32), last=True)


def _finisher(
    event: Event, preset: Preset | None, spec: CodecSpec, channels: int, drop_samples: int, length_samples: int
) -> TakeFinisher:
    performance, rate_hz = cue_performance(event, preset, spec), spec.sample_rate
    if performance is None or preset is None:
        return TakeFinisher(no_modes(), 0.0, rate_hz, channels, drop_samples)
    header, effects = preset.header, None
    if header.chain:
        effects = PresetEffects(header.chain, rate_hz, channels, length_samples)
    modes = performance.modes()
    if event.pitch_dim is not None:
        modes[:, FREQUENCY] *= speed_of(event.pitch_semitones)
    return TakeFinisher(modes, header.low_cut_hz, rate_hz, channels, drop_samples, effects)


def batches_well(codec: Codec) -> bool:
    """Return whether one call for many cues is cheaper than many calls.

    It is not for the identity codec, which costs nothing, nor for a model that computes every row by itself.
    """
    return isinstance(codec, BatchableCodec)


def short_frames(event: Event, preset: Preset | None, spec: CodecSpec, rate_hz: int | None = None) -> int | None:
    """Return the number of frames to decode for a short hit, or None for a cue that is streamed by itself.

    Args:
        event: the cue.
        preset: its preset, or None.
        spec: of the codec.
        rate_hz: sample rate of the cue's length; by default, the codec's.

    Returns:
        At most ``SHORT_FRAMES``, or None.
    """
    if event.source is not None or preset is None or preset.header.kind != "hit":
        return None
    frames, _ = decode_extent(event, preset, spec, rate_hz)
    if spec.layout == "vector":
        return frames if frames == 1 else None
    return frames if max(frames, spec.frames(event.length_samples)) <= SHORT_FRAMES else None


def batch_mates(frames: int, others: Iterable[tuple[int, Event]]) -> list[Event]:
    """Choose the cues to decode together with a cue of ``frames`` frames: those nearest in length.

    Args:
        frames: of the cue that is due.
        others: coming cues and their numbers of frames.
    """
    mates: list[Event] = []
    longest = frames
    for size, event in sorted(others, key=lambda other: abs(other[0] - frames)):
        longest = max(longest, size)
        if (len(mates) + 2) * longest > BATCH_FRAMES:
            break
        mates.append(event)
    return mates


def decode_batch(
    events: list[Event],
    presets: list[Preset],
    codec: Codec,
    chunk_frames: int,
    watch: Stopwatch,
    rate_hz: int | None = None,
) -> list[np.ndarray]:
    """Decode short hits together. Each one is equal to what :func:`decode_cue` yields for it alone.

    Args:
        events: hits; see :func:`short_frames`.
        presets: a preset for each event.
        codec: model of all presets.
        chunk_frames: latent frames decoded at a time, of every cue.
        watch: counts the codec's seconds.
        rate_hz: sample rate of the audio and of the events' lengths; by default, the codec's.

    Returns:
        For each event ``[1, length_samples]`` or less.
    """
    hop = codec.spec.hop_samples
    extents = [decode_extent(event, preset, codec.spec, rate_hz) for event, preset in zip(events, presets, strict=True)]
    longest = max(frames for frames, _ in extents)
    latents = np.zeros((len(events), longest, codec.spec.latent_dim), np.float32)
    for row, event, preset, (frames, _) in zip(latents, events, presets, extents, strict=True):
        row[:frames] = next(in_chunks(cue_latents(event, preset, codec, frames), frames, frames, codec))[0]
    began, decoder = perf_counter(), codec.decoder(len(events), [event.seed for event in events])
    starts = range(0, longest, chunk_frames)
    audio = [decoder.push(latents[:, at : at + chunk_frames]) for at in starts]
    watch.codec_s += perf_counter() - began

    def cue_audio(row: int, event: Event, preset: Preset) -> np.ndarray:
        frames, drop = extents[row]
        pieces = [piece[row : row + 1, : max(0, frames - at) * hop] for at, piece in zip(starts, audio, strict=True)]
        decoded = (piece for piece in pieces if piece.size)
        finished = finish_cue(event, preset, decoded, drop, codec.spec, rate_hz)
        return np.concatenate(list(finished), axis=1)[:, : event.length_samples]

    return [cue_audio(row, event, preset) for row, (event, preset) in enumerate(zip(events, presets, strict=True))]
