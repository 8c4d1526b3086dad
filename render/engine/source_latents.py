"""Latents of the cues that perform a source: an audio file, encoded while it is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plugin_backend.audio_files import read_mono_blocks
from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.dc_offset import dc_filter_for
from plugin_backend.errors import AudioFileError, CueSheetError
from presets.preset import Preset
from render.engine.clip_joining import cut_into_clips
from render.plan.plan import Event


def source_latents(event: Event, preset: Preset | None, codec: Codec, chunk_frames: int) -> Iterator[np.ndarray]:
    """Encode the cue's source file and apply the preset's scale and bias.

    A model of whole sounds encodes it as overlapping clips.

    Args:
        event: a cue with a source.
        preset: its preset, or None.
        codec: model that encodes.
        chunk_frames: latent frames per piece.

    Yields:
        Latents ``[1, frames, dims]``.

    Raises:
        CueSheetError: the audio is damaged or not finite; names sheet and row.
    """
    hop, encoder, offset = codec.spec.hop_samples, codec.encoder(), dc_filter_for(codec, 1)

    def encode(audio: np.ndarray) -> np.ndarray:
        return encoder.push(np.pad(offset.push(audio[None]), ((0, 0), (0, -audio.size % hop))))[0] * scale + bias

    scale = np.asarray(preset.header.scale or 1 if preset else 1, np.float32)
    bias = np.asarray(preset.header.bias or 0 if preset else 0, np.float32)
    if codec.spec.layout == "vector":
        blocks = (offset.push(block[None])[0] for block in _source_blocks(event, codec.spec.sample_rate))
        for clip in cut_into_clips(blocks, codec.spec):
            yield encoder.push(clip[None])[0] * scale + bias
        return
    waiting = np.zeros(0, np.float32)
    for block in _source_blocks(event, codec.spec.sample_rate):
        waiting = np.concatenate([waiting, block])
        while waiting.size >= chunk_frames * hop:
            yield encode(waiting[: chunk_frames * hop])
            waiting = waiting[chunk_frames * hop :]
    if waiting.size:
        yield encode(waiting)


def _source_blocks(event: Event, rate_hz: int) -> Iterator[np.ndarray]:
    assert event.source is not None
    try:
        yield from read_mono_blocks(event.source, rate_hz)
    except AudioFileError as problem:
        raise CueSheetError(str(problem), file=event.sheet, row=event.row, field="source") from problem
