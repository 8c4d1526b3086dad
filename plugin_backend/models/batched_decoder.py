"""Many decoder streams of one codec, pushed in one call.

The past of a stream is arrays whose first dimension is the row (see :mod:`plugin_backend.transfer.stream_state`). So
rows that began at different times are combined by joining their pasts. With exact products the result of a row does
not depend on the other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from plugin_backend.codecs.base import Codec, DecoderStream, channel_sides
from plugin_backend.codecs.pcm import PcmCodec


class BatchedDecoder:
    """Decoder streams by their owner. An owner has one row per channel, side by side.

    Owners have ``seed`` and ``width``, which decide the decoder's noise, and ``going``, which is false when they need
    no past any more. A codec whose past cannot be read gets one stream per owner.
    """

    def __init__(self, codec: Codec):
        self._codec = codec
        self._stream: Any = codec.decoder()
        self._separate = not hasattr(self._stream, "past") and codec.spec != PcmCodec.spec
        self._streams: dict[Any, DecoderStream] = {}
        self._pasts: list[tuple[list, Any]] = []

    def push(self, owners: list, latents: np.ndarray) -> np.ndarray:
        """Decode one block of several rows.

        Args:
            owners: of each row. All of them are new, or none is.
            latents: ``[rows, frames, dims]``.

        Returns:
            ``[rows, frames * hop_samples]``.
        """
        if self._separate:
            return self._push_separately(owners, latents)
        past = self._take_past(owners)
        if past is None:
            self._stream = self._new(owners)
        else:
            self._stream.past = past
        audio = self._stream.push(latents)
        self._pasts.append((owners, getattr(self._stream, "past", None)))
        return audio

    def _push_separately(self, owners: list, latents: np.ndarray) -> np.ndarray:
        self._streams = {owner: stream for owner, stream in self._streams.items() if owner.going}
        outputs = []
        for owner in dict.fromkeys(owners):
            rows = [row for row, other in enumerate(owners) if other is owner]
            if owner not in self._streams:
                self._streams[owner] = self._new([owner] * len(rows))
            outputs.append(self._streams[owner].push(latents[rows]))
        return np.concatenate(outputs)

    def _new(self, owners: list) -> DecoderStream:
        """Return a stream of these rows at their start. An owner's channels share its seed."""
        counts = Counter(owners)
        sides = [side for owner in dict.fromkeys(owners) for side in channel_sides(counts[owner], owner.width)]
        return self._codec.decoder(len(owners), [owner.seed for owner in owners], sides)

    def _take_past(self, owners: list) -> Any:
        """Take out the past of these rows; other rows stored with them stay stored. ``None`` if all are new."""
        requested = set(owners)
        taken = [stored for stored in self._pasts if not requested.isdisjoint(stored[0])]
        self._pasts = [
            stored
            for stored in self._pasts
            if requested.isdisjoint(stored[0]) and any(owner.going for owner in stored[0])
        ]
        if not taken:
            return None
        joined = [owner for stored, _ in taken for owner in stored]
        past = taken[0][1] if len(taken) == 1 else _map_leaves(_joined, [part for _, part in taken])
        if joined == owners:
            return past
        others = [owner for owner in joined if owner not in requested and owner.going]
        if others:
            self._pasts.append((others, _select(past, _rows_of(others, joined))))
        return _select(past, _rows_of(owners, joined))


def _rows_of(owners: list, joined: list) -> list[int]:
    return [row for owner in dict.fromkeys(owners) for row, other in enumerate(joined) if other is owner]


def _select(past: Any, rows: list[int]) -> Any:
    return _map_leaves(lambda leaves: leaves[0][rows], [past])


def _joined(leaves: Sequence) -> Any:
    return np.concatenate(list(leaves))


def _map_leaves(combine: Callable, pasts: Sequence) -> Any:
    """Combine the arrays at each position of several pasts of the same structure."""
    first = pasts[0]
    if isinstance(first, (tuple, list)):
        return [_map_leaves(combine, parts) for parts in zip(*pasts, strict=True)]
    return None if first is None else combine(pasts)
