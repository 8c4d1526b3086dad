"""Short cues decoded together: one call of the codec for many, ahead of need; each sounds as if decoded alone.

A call costs the same few tenths of a millisecond and one walk through the weights however few frames it
decodes, and a footstep has few. So when a short hit is due, those of the next cues that are about as long
are decoded with it. A row's samples do not depend on its neighbours
(:mod:`plugin_backend.models.waveform_vae.fast_inference`),
nor on the silence after it, for a decoder hears only the past.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.models.rave.card import SUFFIX as RAVE_SUFFIX
from plugin_backend.models.registry import PCM
from presets.preset import Preset
from render.plan.plan import Event

AHEAD_CUES = 64
"""How far ahead we look; as many short sounds wait in memory at most: 16 MiB."""

BATCH_FRAMES = 384
"""Most frames of one call, all rows together; measured: past it the work leaves the processor's caches."""

SHORT_FRAMES = 128
"""The longest cue that is decoded with others: 1.4 s. Longer ones gain nothing."""

WHOLE_CHUNK_FRAMES = 64
"""Decoding in smaller chunks is for those in a hurry, who do not wait for their neighbours."""


def batches_well(codec: str) -> bool:
    """Whether one call for many is cheaper than many calls.

    Nothing is saved with the identity codec, and a RAVE export steps through every row with a model of its own.
    """
    return codec != PCM and not codec.endswith(RAVE_SUFFIX)


def short_frames(event: Event, preset: Preset | None, spec: CodecSpec, rate_hz: int | None = None) -> int | None:
    """Frames to decode for a hit of at most ``SHORT_FRAMES``; ``None`` for what is streamed by itself.

    ``rate_hz`` is what the event's length counts at, else the codec's.
    """
    if event.source is not None or preset is None or preset.header.kind != "hit":
        return None
    frames, _ = decode_extent(event, preset, spec, rate_hz)
    return frames if max(frames, spec.frames(event.length_samples)) <= SHORT_FRAMES else None


def batch_mates(frames: int, others: Iterable[tuple[int, Event]]) -> list[Event]:
    """Of the cues to come with their frames, those to decode together with a cue of ``frames``: nearest in length."""
    chosen, longest = [], frames
    for size, event in sorted(others, key=lambda other: abs(other[0] - frames)):
        longest = max(longest, size)
        if (len(chosen) + 2) * longest > BATCH_FRAMES:
            break
        chosen.append(event)
    return chosen


def decode_batch(
    events: list[Event],
    presets: list[Preset],
    codec: Codec,
    chunk_frames: int,
    watch: Stopwatch,
    rate_hz: int | None = None,
) -> list[np.ndarray]:
    """The whole sounds of short hits, each ``[1, length_samples]`` or less, as :func:`render.engine.cue_decoding.decode_cue`
    gives them.

    Args:
        events: hits; see :func:`short_frames`.
        presets: one for each.
        codec: of all of them.
        chunk_frames: latent frames decoded at a time, of every cue.
        watch: counts the codec's seconds.
        rate_hz: of the sounds and of the events' lengths; else the codec's.
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

    def sound(row: int, event: Event, preset: Preset) -> np.ndarray:
        frames, drop = extents[row]
        own = [piece[row : row + 1, : max(0, frames - at) * hop] for at, piece in zip(starts, audio, strict=True)]
        heard = finish_cue(event, preset, (piece for piece in own if piece.size), drop, codec.spec.sample_rate, rate_hz)
        return np.concatenate(list(heard), axis=1)[:, : event.length_samples]

    return [sound(row, event, preset) for row, (event, preset) in enumerate(zip(events, presets, strict=True))]
