"""Run a codec on a host's blocks: any number of samples in, the same number out, late by a constant."""

from __future__ import annotations

from math import gcd

import numpy as np

from plugin_backend.codecs.base import Codec


class BlockStream:
    """Encodes and decodes one mono sound in blocks of any length. The result equals that of the whole sound.

    Codecs work in whole hops; a host's blocks usually do not. After *T* input samples, ``T - T % hop`` have passed the
    codec, so *T* samples can always be returned if the first ``hop - 1`` are silence. If every block is a multiple of
    *m* samples, ``T % hop`` is at most ``hop - gcd(hop, m)``, and that much silence is enough. Blocks of whole hops
    need none.

    Attributes:
        latency_samples: output sample *i* is sample ``i - latency_samples`` of the sound. Before it the output is
            silence, and what the codec makes of the silence before the sound. The value is the codec's latency plus
            ``hop - gcd(hop, multiple_samples)``. To get the end of the sound, push that many zeros.

    Examples:
        >>> from plugin_backend.codecs.pcm import PcmCodec
        >>> stream = BlockStream(PcmCodec())
        >>> stream.latency_samples, stream.push(np.zeros(100, np.float32)).shape
        (511, (100,))
    """

    def __init__(self, codec: Codec, multiple_samples: int = 1):
        """Start a sound.

        Args:
            codec: its ``layout`` must be ``"frames"``.
            multiple_samples: every block's length is a multiple of this; 1 allows any.

        Raises:
            ValueError: ``multiple_samples`` is less than 1, or the codec has no frames to stream.
        """
        if multiple_samples < 1:
            raise ValueError(f"multiple_samples is {multiple_samples}; at least 1 is allowed")
        if codec.spec.layout != "frames":
            raise ValueError(f"{codec.spec.name}: a codec of layout '{codec.spec.layout}' cannot be streamed")
        self._hop, self._multiple = codec.spec.hop_samples, multiple_samples
        self._encoder, self._decoder = codec.encoder(), codec.decoder()
        padding = self._hop - gcd(self._hop, multiple_samples)
        self.latency_samples = codec.spec.latency_samples + padding
        self._waiting, self._ready = np.zeros(0, np.float32), np.zeros(padding, np.float32)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Encode and decode ``[n]`` samples. Return ``[n]`` float32, late by ``latency_samples``.

        Raises:
            ValueError: *n* is not a multiple of ``multiple_samples``.
        """
        count = len(block)
        if count % self._multiple:
            raise ValueError(f"a block of {count} samples; only multiples of {self._multiple} are allowed here")
        waiting = np.concatenate([self._waiting, np.asarray(block, np.float32)])
        whole = len(waiting) - len(waiting) % self._hop
        ready, self._waiting = self._ready, waiting[whole:]
        if whole:
            means = self._encoder.means(waiting[None, :whole])
            ready = np.concatenate([ready, self._decoder.push(means)[0]])
        self._ready = ready[count:]
        return ready[:count]
