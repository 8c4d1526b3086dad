"""Save the state of a codec's stream as plain arrays, and restore it.

A stream with a state keeps it in ``past``: arrays in nested tuples or lists, or ``None`` at the start of a sound. The
streams of the identity codec have no state. Other codecs keep their state where it cannot be read (an imported RAVE
export keeps it inside its script), and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from plugin_backend.codecs.base import CodecSpec, DecoderStream, EncoderStream
from plugin_backend.codecs.pcm import PcmCodec


def save_stream_state(stream: EncoderStream | DecoderStream, spec: CodecSpec) -> dict[str, np.ndarray]:
    """Return arrays by their place in the nested state; ``1.0`` is the first of the second.

    Raises:
        ValueError: the state of the codec cannot be read.
    """
    if not hasattr(stream, "past") and spec != PcmCodec.spec:
        raise ValueError(f"{spec.name}: the state of this codec's streams cannot be saved")
    return dict(_leaves(getattr(stream, "past", None), ""))


def _leaves(past: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(past, (tuple, list)):
        for index, item in enumerate(past):
            yield from _leaves(item, f"{path}.{index}" if path else str(index))
    elif past is not None:
        yield path, past.copy()


def restore_stream_state(stream: EncoderStream | DecoderStream, arrays: dict[str, np.ndarray]) -> None:
    """Give a new stream of the same codec a saved state."""
    if not arrays:
        return
    nested: dict = {}
    for path, array in arrays.items():
        *folders, last = map(int, path.split("."))
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = array.copy()
    setattr(stream, "past", _to_lists(nested))  # noqa: B010 (only some codecs' streams have it)


def _to_lists(nested: Any) -> Any:
    if not isinstance(nested, dict):
        return nested
    return [_to_lists(nested[index]) for index in sorted(nested)]
