"""Join the sounds of a model that describes a whole sound by one vector: long sounds are overlapping clips.

Clip *k* of a long sound begins ``k * stride`` samples after the first; ``stride`` is the clip's length less the
overlap. In the overlap the earlier clip falls as a cosine and the later one rises as a sine, so their powers add up to
1: two clips of such a model have phases of their own, and add up as two noises do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from plugin_backend.codecs.base import CodecSpec

OVERLAP_PARTS = 4
"""Neighbouring clips overlap by this part of their length: a quarter."""


GRID = 2.0**20
"""Gains are rounded to this part of 1, so that a sine that differs in its last bit elsewhere gives the same gain."""


def overlap_samples(spec: CodecSpec) -> int:
    """Return by how many samples neighbouring clips of a long sound overlap."""
    return spec.hop_samples // OVERLAP_PARTS


def stride_samples(spec: CodecSpec) -> int:
    """Return by how many samples each clip of a long sound begins later than the one before it."""
    return spec.hop_samples - overlap_samples(spec)


@cache
def _rise(samples: int) -> np.ndarray:
    rise = np.sin(np.pi / 2 * (np.arange(samples) + 0.5) / samples)
    return (np.round(rise * GRID) / GRID).astype(np.float32)


def join_clips(clips: Iterator[np.ndarray], spec: CodecSpec) -> Iterator[np.ndarray]:
    """Join decoded clips by cross-fades of equal power. Only two clips are held at a time.

    Args:
        clips: ``[channels, hop_samples]`` each.
        spec: of the model.

    Yields:
        Audio ``[channels, n]``: :func:`stride_samples` for each clip, and then the rest of the last one.
    """
    overlap, stride = overlap_samples(spec), stride_samples(spec)
    rise = _rise(overlap)
    clip = next(clips, None)
    while clip is not None:
        yield clip[:, :stride]
        following = next(clips, None)
        if following is None:
            yield clip[:, stride:]
            return
        joined = clip[:, stride:] * rise[::-1] + following[:, :overlap] * rise
        clip = np.concatenate([joined, following[:, overlap:]], axis=1)


def cut_into_clips(blocks: Iterator[np.ndarray], spec: CodecSpec) -> Iterator[np.ndarray]:
    """Cut a sound into the overlapping clips that :func:`join_clips` joins again.

    Args:
        blocks: ``[samples]`` of any length.
        spec: of the model.

    Yields:
        ``[hop_samples]``; silence follows the end of the sound in the last clip. No samples give no clips.
    """
    waiting, stride, first = np.zeros(0, np.float32), stride_samples(spec), True
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        while waiting.size >= spec.hop_samples:
            yield waiting[: spec.hop_samples]
            waiting, first = waiting[stride:], False
    if waiting.size > (0 if first else overlap_samples(spec)):
        yield np.pad(waiting, (0, spec.hop_samples - waiting.size))


def decode_sounds(
    latents: Iterator[np.ndarray], samples: int, decode: Callable[[np.ndarray], np.ndarray], spec: CodecSpec
) -> Iterator[np.ndarray]:
    """Decode vectors one by one and join their sounds. The samples do not depend on how many are wanted.

    Args:
        latents: pieces ``[channels, n, dims]``, at least one.
        samples: how many samples are needed at least.
        decode: decodes ``[channels, 1, dims]`` to ``[channels, hop_samples]``.
        spec: of the model.

    Yields:
        Audio ``[channels, n]``; silence follows the last sound.
    """
    vectors = (piece[:, at : at + 1] for piece in latents for at in range(piece.shape[1]))
    channels = 1
    for audio in join_clips(map(decode, vectors), spec):
        yield audio
        channels, samples = len(audio), samples - audio.shape[1]
        if samples <= 0:
            return
    while samples > 0:
        yield np.zeros((channels, min(samples, spec.hop_samples)), np.float32)
        samples -= spec.hop_samples
