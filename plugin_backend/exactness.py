"""Test whether a model returns the same bits in any blocks and batches, and measure the time of one hop.

Reports also name what the sounds were computed with.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from plugin_backend.codecs.base import Codec

FRAMES, ROWS, TIMED = 24, 3, 60
BLOCKS = (1, 2, 3, 7)
"""Block lengths in frames that are tested."""


@dataclass(frozen=True)
class ComputeInfo:
    """The software and the processor that computed the sounds of our models.

    Stems whose other inputs are equal can differ only by these.

    Attributes:
        processor: its name, its features, and the environment variables that leave some unused.
        torch: PyTorch's version; "" if it computed nothing.
        products: the implementation of matrix products.
        exact: whether sums are the same in any blocks, batches and jobs.
    """

    processor: str
    torch: str
    products: str
    exact: bool

    def __str__(self) -> str:
        exact = "exact" if self.exact else "NOT exact: blocks and batches differ by float noise"
        torch = f"PyTorch {self.torch}, " if self.torch else ""
        return f"{torch}{self.products} ({exact}), on {self.processor}"


def compute_info_for(models: Iterable[str]) -> ComputeInfo | None:
    """Return what this process computes the named models with; ``None`` if that is known of none of them.

    Raises:
        CheckpointError: there is no model of a name.
    """
    from plugin_backend.models.registry import family_of

    families = {id(family): family for name in models if (family := family_of(name)) is not None}
    found = [computation for family in families.values() if (computation := family.computation()) is not None]
    if not found:
        return None
    from plugin_backend.cpu_info import cpu_info, processor_name

    if any(each.by_torch for each in found):
        processor, torch = str(cpu_info()), version("torch")
    else:
        processor, torch = processor_name(), ""
    products = ", ".join(sorted({each.products for each in found}))
    return ComputeInfo(processor, torch, products, all(each.exact for each in found))


@dataclass(frozen=True)
class Exactness:
    """Measurements of a model on this machine.

    Attributes:
        latents_db, sound_db: largest difference between a whole sound and the same sound in blocks or batches, relative
            to the largest value, of latents and of samples. ``None`` if every bit is equal.
        hop_ms: median processor time to encode and decode one hop of a stream, in ms.
        audio_ms: duration of a hop in ms.
    """

    latents_db: float | None
    sound_db: float | None
    hop_ms: float
    audio_ms: float

    @property
    def exact(self) -> bool:
        """Whether every bit was equal."""
        return self.latents_db is None and self.sound_db is None


def measure_exactness(codec: Codec) -> Exactness:
    """Encode and decode noise whole, in blocks and in batches, and compare the results. It takes about a second."""
    spec = codec.spec
    noise = np.random.default_rng(0).standard_normal((ROWS, FRAMES * spec.hop_samples))
    audio = (0.1 * noise * np.exp(-np.arange(noise.shape[1]) / 9_000)).astype(np.float32)
    latents, seeds = codec.encode(audio), list(range(ROWS))
    sound = codec.decoder(ROWS, seeds).push(latents)
    latent_differences = [codec.encode(audio[row : row + 1])[0] - latents[row] for row in range(ROWS)]
    sound_differences = [
        codec.decoder(1, seeds[row : row + 1]).push(latents[row : row + 1])[0] - sound[row] for row in range(ROWS)
    ]
    for frames in BLOCKS:
        encoder, decoder, hop = codec.encoder(ROWS), codec.decoder(ROWS, seeds), spec.hop_samples
        for at in range(0, FRAMES, frames):
            here = slice(at, min(at + frames, FRAMES))
            samples = slice(here.start * hop, here.stop * hop)
            latent_differences.append(encoder.means(audio[:, samples]) - latents[:, here])
            sound_differences.append(decoder.push(latents[:, here]) - sound[:, samples])
    differences = _largest_db(latent_differences, latents), _largest_db(sound_differences, sound)
    return Exactness(*differences, _hop_ms(codec), 1000 * hop / spec.sample_rate)


def _largest_db(differences: list[np.ndarray], truth: np.ndarray) -> float | None:
    largest = max(float(np.abs(one).max()) for one in differences)
    return round(20 * float(np.log10(largest / np.abs(truth).max())), 1) if largest else None


def _hop_ms(codec: Codec) -> float:
    encoder, decoder = codec.encoder(), codec.decoder()
    hop, times_s = np.full((1, codec.spec.hop_samples), 0.01, np.float32), []
    for _ in range(TIMED):
        start_s = time.thread_time()
        decoder.push(encoder.means(hop))
        times_s.append(time.thread_time() - start_s)
    return round(1000 * float(np.median(times_s)), 2)
