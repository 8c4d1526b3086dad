"""Whether a model gives the same bits here in any blocks and batches, by trying it; what a hop costs; and with what
sounds are computed here, for reports."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from plugin_backend.codecs.base import Codec

FRAMES, ROWS, TIMED = 24, 3, 60
BLOCKS = (1, 2, 3, 7)
"""Frames a block that are tried."""


@dataclass(frozen=True)
class ComputeInfo:
    """With what our models' sounds were computed. Where nothing else differs, two stems differ by this.

    Attributes:
        processor: its name, features, and the environment variables that leave some unused.
        torch: PyTorch's version.
        products: the way of multiplying.
        exact: whether sums are the same in any blocks, batches and jobs; see :class:`~.waveform_vae.products.Way`.
    """

    cpu_info: str
    torch: str
    products: str
    exact: bool

    def __str__(self) -> str:
        exact = "exact" if self.exact else "NOT exact: blocks and batches differ by float noise"
        return f"PyTorch {self.torch}, {self.products} ({exact}), on {self.processor}"


def compute_info_for(models: Iterable[str]) -> ComputeInfo | None:
    """With what this process computes these models, by their names; ``None`` where none of them is one of ours."""
    from plugin_backend.models.registry import PCM, RAVE_SUFFIX

    return compute_info() if any(name != PCM and not name.endswith(RAVE_SUFFIX) for name in models) else None


def compute_info() -> ComputeInfo:
    """With what this process computes."""
    import torch

    from plugin_backend.cpu_info import cpu_info
    from plugin_backend.models.waveform_vae.matrix_products import best_backend

    chosen = best_backend()
    return ComputeInfo(str(cpu_info()), torch.__version__, chosen.kind.__name__, chosen.counts.always_exact)


@dataclass(frozen=True)
class Exactness:
    """What was measured of a model on this machine.

    Attributes:
        latents_db, sound_db: the largest difference between a sound whole and in blocks or batches, re the largest
            value, of latents and of samples; ``None`` where every bit is the same.
        hop_ms: processor time to encode and decode one hop, as a stream does; the median.
        audio_ms: how long a hop lasts.
    """

    latents_db: float | None
    sound_db: float | None
    hop_ms: float
    audio_ms: float

    @property
    def exact(self) -> bool:
        """Whether nothing differed."""
        return self.latents_db is None and self.sound_db is None


def measure_exactness(codec: Codec) -> Exactness:
    """Encode and decode noise whole, in blocks and in batches, and compare; takes about a second."""
    spec = codec.spec
    noise = np.random.default_rng(0).standard_normal((ROWS, FRAMES * spec.hop_samples))
    audio = (0.1 * noise * np.exp(-np.arange(noise.shape[1]) / 9_000)).astype(np.float32)
    latents, seeds = codec.encode(audio), list(range(ROWS))
    sound = codec.decoder(ROWS, seeds).push(latents)
    other_latents = [codec.encode(audio[row : row + 1])[0] - latents[row] for row in range(ROWS)]
    other_sound = [
        codec.decoder(1, seeds[row : row + 1]).push(latents[row : row + 1])[0] - sound[row] for row in range(ROWS)
    ]
    for frames in BLOCKS:
        encoder, decoder, hop = codec.encoder(ROWS), codec.decoder(ROWS, seeds), spec.hop_samples
        for at in range(0, FRAMES, frames):
            here = slice(at, min(at + frames, FRAMES))
            samples = slice(here.start * hop, here.stop * hop)
            other_latents.append(encoder.means(audio[:, samples]) - latents[:, here])
            other_sound.append(decoder.push(latents[:, here]) - sound[:, samples])
    differences = _largest_db(other_latents, latents), _largest_db(other_sound, sound)
    return Exactness(*differences, _hop_ms(codec), 1000 * hop / spec.sample_rate)


def _largest_db(differences: list[np.ndarray], truth: np.ndarray) -> float | None:
    largest = max(float(np.abs(one).max()) for one in differences)
    return round(20 * float(np.log10(largest / np.abs(truth).max())), 1) if largest else None


def _hop_ms(codec: Codec) -> float:
    encoder, decoder = codec.encoder(), codec.decoder()
    hop, spent = np.full((1, codec.spec.hop_samples), 0.01, np.float32), []
    for _ in range(TIMED):
        began = time.thread_time()
        decoder.push(encoder.means(hop))
        spent.append(time.thread_time() - began)
    return round(1000 * float(np.median(spent)), 2)
