"""What a codec's stream remembers, as plain arrays and back.

A stream that remembers keeps it in ``past``: tensors in nested tuples or lists, or ``None`` at a sound's start. The
identity codec's remember nothing. Any other keeps its memory where we cannot reach it (an imported RAVE export, inside
its script), and is refused.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec, DecoderStream, EncoderStream
from plugin_backend.codecs.pcm import PcmCodec


def save_stream_state(stream: EncoderStream | DecoderStream, spec: CodecSpec) -> dict[str, np.ndarray]:
    """Arrays by where they are: ``1.0`` is the first of the second.

    Raises:
        ValueError: the codec's memory cannot be reached.
    """
    if not hasattr(stream, "past") and spec != PcmCodec.spec:
        raise ValueError(f"{spec.name}: what this codec's streams remember cannot be saved")
    return dict(_leaves(getattr(stream, "past", None), ""))


def _leaves(past, path: str):
    if isinstance(past, (tuple, list)):
        for index, one in enumerate(past):
            yield from _leaves(one, f"{path}.{index}" if path else str(index))
    elif past is not None:
        yield path, past.numpy().copy()


def restore_stream_state(stream: EncoderStream | DecoderStream, arrays: dict[str, np.ndarray]) -> None:
    """Give a fresh stream of the same codec that memory."""
    if not arrays:
        return
    import torch

    nested: dict = {}
    for path, array in arrays.items():
        *folders, last = map(int, path.split("."))
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = torch.from_numpy(array.copy())
    stream.past = _listed(nested)


def _listed(nested):
    if not isinstance(nested, dict):
        return nested
    return [_listed(nested[index]) for index in sorted(nested)]
