"""Measure a codec's cost on this machine: processor time as a share of the sound's length."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from plugin_backend.codecs.base import Codec

TIMED_RUNS, BLOCK_FRAMES = 3, 1

TIMED_SAMPLES, FEWEST_FRAMES = 204_800, 4
"""Length of the sound that is timed: 400 frames of `foley`, and never fewer than ``FEWEST_FRAMES``."""


def cpu_share(work: Callable[[], object], audio_s: float) -> float:
    """Return the CPU time of ``work`` as a share of the sound's length: median of three runs after a warm-up."""
    work()
    spent = []
    for _ in range(TIMED_RUNS):
        began = time.thread_time()
        work()
        spent.append((time.thread_time() - began) / audio_s)
    return round(statistics.median(spent), 5)


def score_cost(codec: Codec) -> dict[str, float]:
    """Return CPU time / sound time on this thread, for whole sounds and for a decoder stream frame by frame."""
    spec = codec.spec
    samples = max(FEWEST_FRAMES, TIMED_SAMPLES // spec.hop_samples) * spec.hop_samples
    audio = np.random.default_rng(0).normal(0, 0.1, (1, samples)).astype(np.float32)
    latents, audio_s = codec.encode(audio), audio.size / spec.sample_rate

    def stream() -> None:
        decoder = codec.decoder()
        for frame in range(0, latents.shape[1], BLOCK_FRAMES):
            decoder.push(latents[:, frame : frame + BLOCK_FRAMES])

    return {
        "encode": cpu_share(lambda: codec.encode(audio), audio_s),
        "decode": cpu_share(lambda: codec.decode(latents), audio_s),
        "decode_stream": cpu_share(stream, audio_s),
    }
