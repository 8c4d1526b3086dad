"""Cut recordings for a model that describes a whole sound by one vector: no take is longer than its sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from presets.decoded_takes import LEAD_SAMPLES
from presets.hit_slicing import Slice

FADE_PARTS = 8
"""A sound that is cut fades out over this part of the model's length: an eighth."""

LEAST_PART = 0.5
"""The rest of a texture becomes a take if it fills at least this part of the model's length."""


def whole_sounds(slices: Sequence[Slice], kind: str, spec: CodecSpec) -> list[Slice]:
    """Return what a model encodes: hits with their attack at one place, textures as clips one after another.

    A hit begins :data:`~presets.decoded_takes.LEAD_SAMPLES` before its attack. What was before that is removed, and
    what is missing is silence. What is longer than the model's sounds is cut and fades out.

    Args:
        slices: at the model's sample rate.
        kind: ``hit`` or ``texture``.
        spec: of the model.
    """
    if kind == "hit":
        return [_aligned(each, spec) for each in slices]
    return [clip for each in slices for clip in _clips(each, spec)]


def _aligned(slice: Slice, spec: CodecSpec) -> Slice:
    """Return a hit with its attack at :data:`~presets.decoded_takes.LEAD_SAMPLES`, at most as long as the model's."""
    start = slice.onsets[0] - LEAD_SAMPLES
    audio = np.pad(slice.audio[max(0, start) :], (max(0, -start), 0))[: spec.hop_samples]
    onsets = tuple(onset - start for onset in slice.onsets if onset - start < audio.size)
    fade = spec.hop_samples // FADE_PARTS if _too_long(slice, spec) else slice.fade_samples
    return Slice(audio, onsets, fade)


def _clips(slice: Slice, spec: CodecSpec) -> Iterator[Slice]:
    """Yield a texture as clips of the model's length. Only a texture that is shorter than one has a shorter clip."""
    length = spec.hop_samples
    for start in range(0, slice.audio.size, length):
        audio = slice.audio[start : start + length]
        if not start or audio.size >= LEAST_PART * length:
            yield Slice(np.pad(audio, (0, length - audio.size)) if start else audio, (0,), 0)


def _too_long(slice: Slice, spec: CodecSpec) -> bool:
    return slice.audio.size - (slice.onsets[0] - LEAD_SAMPLES) > spec.hop_samples


def cut_for(slices: Sequence[Slice], kind: str, spec: CodecSpec) -> tuple[str, ...]:
    """Return a remark if hits are longer than the sounds of a model.

    Args:
        slices: as recorded, at the model's sample rate.
        kind: ``hit`` or ``texture``.
        spec: of the model.
    """
    count = sum(_too_long(each, spec) for each in slices) if kind == "hit" and spec.layout == "vector" else 0
    if not count:
        return ()
    longest = f"{spec.hop_samples / spec.sample_rate:.2f} s, the length of a sound of model '{spec.name}'"
    return (f"{count} take{'s' * (count > 1)} longer than {longest}: cut there, with a fade",)
