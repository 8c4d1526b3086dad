"""Many decoder streams of one codec, pushed in one call.

A stream's memory is tensors whose first dimension is the row (see :mod:`plugin_backend.transfer.stream_state`), so rows
that began at other times are put together by joining memories. With packed products no row hears how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from plugin_backend.codecs.base import Codec, DecoderStream, channel_sides
from plugin_backend.codecs.pcm import PcmCodec


class BatchedDecoder:
    """Streams by their owner, who is in as many adjacent rows as it has channels.

    Owners have ``seed`` and ``width``, which the decoder's noise follows from, and ``going``, false once they need no
    memory any more. A codec whose memory cannot be reached has a stream for each.
    """

    def __init__(self, codec: Codec):
        self._codec, self._stream = codec, codec.decoder()
        self._apart = not hasattr(self._stream, "past") and codec.spec != PcmCodec.spec
        self._streams: dict[object, DecoderStream] = {}
        self._held: list[tuple[list, object]] = []

    def push(self, owners: list, latents: np.ndarray) -> np.ndarray:
        """Decode ``[rows, frames, dims]``, ``owners[row]`` being whose it is; all of them new, or none.

        Returns:
            ``[rows, frames * hop_samples]``.
        """
        if self._apart:
            return self._pushed_apart(owners, latents)
        past = self._taken(owners)
        if past is None:
            self._stream = self._new(owners)
        else:
            self._stream.past = past
        audio = self._stream.push(latents)
        self._held.append((owners, getattr(self._stream, "past", None)))
        return audio

    def _pushed_apart(self, owners: list, latents: np.ndarray) -> np.ndarray:
        self._streams = {owner: stream for owner, stream in self._streams.items() if owner.going}
        pieces = []
        for owner in dict.fromkeys(owners):
            rows = [row for row, own in enumerate(owners) if own is owner]
            if owner not in self._streams:
                self._streams[owner] = self._new([owner] * len(rows))
            pieces.append(self._streams[owner].push(latents[rows]))
        return np.concatenate(pieces)

    def _new(self, owners: list) -> DecoderStream:
        """A stream of these rows at their start: an owner's channels share its seed."""
        counts = Counter(owners)
        sides = [side for owner in dict.fromkeys(owners) for side in channel_sides(counts[owner], owner.width)]
        return self._codec.decoder(len(owners), [owner.seed for owner in owners], sides)

    def _taken(self, owners: list):
        """The memory of these rows; what else was held with them is held further."""
        wanted = set(owners)
        found = [held for held in self._held if not wanted.isdisjoint(held[0])]
        self._held = [held for held in self._held if wanted.isdisjoint(held[0]) and any(own.going for own in held[0])]
        if not found:
            return None
        joined = [owner for held, _ in found for owner in held]
        past = found[0][1] if len(found) == 1 else _mapped(_joined, [own for _, own in found])
        if joined == owners:
            return past
        others = [owner for owner in joined if owner not in wanted and owner.going]
        if others:
            self._held.append((others, _picked(past, _places(others, joined))))
        return _picked(past, _places(owners, joined))


def _places(owners: list, joined: list) -> list[int]:
    return [row for owner in dict.fromkeys(owners) for row, own in enumerate(joined) if own is owner]


def _picked(past, rows: list[int]):
    return _mapped(lambda leaves: leaves[0][rows], [past])


def _joined(leaves: Sequence):
    import torch

    return torch.cat(list(leaves))


def _mapped(make: Callable, pasts: Sequence):
    """What ``make`` makes of the tensors at each place of several memories alike."""
    first = pasts[0]
    if isinstance(first, (tuple, list)):
        return [_mapped(make, parts) for parts in zip(*pasts, strict=True)]
    return None if first is None else make(pasts)
