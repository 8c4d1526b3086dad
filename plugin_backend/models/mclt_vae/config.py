"""The sizes that define a model of the family, and the named configurations of new models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

Content = Literal["2d", "3d", "complex", "magnitude"]
Spectrum = Literal["mclt", "stft"]

Layer = tuple[int, int, int, int]
"""Channels, kernel (the same over bins and frames), stride over bins, stride over frames."""

OWN_LAYERS: tuple[Layer, ...] = ((48, 9, 8, 3), (96, 3, 2, 2), (64, 3, 2, 2))
PUBLISHED_LAYERS: tuple[Layer, ...] = ((512, 5, 2, 2), (256, 3, 2, 2), (128, 3, 2, 2), (64, 2, 2, 2), (32, 1, 1, 1))


@dataclass(frozen=True)
class MclVaeConfig:
    """Sizes of a model.

    A latent frame describes a clip: ``frames`` spectra of ``bins`` complex numbers each, and the level of the clip.
    Clips overlap by ``fade_samples``, over which one is faded into the next.

    Attributes:
        content: what the network sees: magnitude in dB and phase stacked in one image (``2d``), or as two channels
            (``3d``), complex numbers (``complex``), or the magnitude in dB alone (``magnitude``).
        spectrum: the transform, see :mod:`plugin_backend.dsp.mclt`.
        sample_rate: in Hz.
        bins: complex bins of a spectrum, and samples between spectra.
        frames: spectra of a clip.
        fade_samples: samples over which neighbouring clips are faded.
        latent: numbers of the network's latent; complex numbers if ``content`` is ``complex``.
        hidden: numbers between latent and the decoder's convolutions; 0: none.
        layers: the convolutions of the encoder; the decoder has the same in reverse.
        padded: whether a convolution's input is padded by half its kernel.
        bounded: whether a tanh bounds the network's output, as published.
        root: complex numbers are seen with their magnitude to this power.
        lowest_db: magnitude that the network sees as −1, and as silence, relative to a clip of RMS 1.
        highest_db: magnitude that the network sees as 1.
        magnitude_weight: weight of the magnitudes' error.
        phase_weight: weight of the phases' error, weighted by magnitude; 0: plain squares of phases, as published.
        beta: weight of the latents' KL divergence in nats, beside mean errors.
        pseudo_covariance: whether the posterior of complex latents may be elliptical (δ), or is circular.
        iterations: iterations of the fast Griffin-Lim algorithm of ``magnitude``.
    """

    content: Content = "complex"
    spectrum: Spectrum = "mclt"
    sample_rate: int = 48_000
    bins: int = 256
    frames: int = 36
    fade_samples: int = 768
    latent: int = 256
    hidden: int = 0
    layers: tuple[Layer, ...] = OWN_LAYERS
    padded: bool = True
    bounded: bool = False
    root: float = 0.5
    lowest_db: float = -70.0
    highest_db: float = 30.0
    magnitude_weight: float = 2.0
    phase_weight: float = 0.2
    beta: float = 1e-4
    pseudo_covariance: bool = True
    iterations: int = 32

    @property
    def clip_samples(self) -> int:
        """Samples that the network sees of one clip: a hop of margin at each end included."""
        return (self.frames + 1) * self.bins

    @property
    def hop(self) -> int:
        """Samples from a clip to the next."""
        return (self.frames - 1) * self.bins - self.fade_samples

    @property
    def latency(self) -> int:
        """Samples by which a stream's output is late: the fade, and the margin at a clip's end."""
        return self.fade_samples + self.bins

    @property
    def network_dim(self) -> int:
        """Real numbers of the network's latent."""
        return self.latent * (2 if self.content == "complex" else 1)

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent frame: the network's, and the level last."""
        return self.network_dim + 1

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of what the network sees."""
        heights = {"2d": (1, 2 * self.bins), "3d": (2, self.bins)}
        return *heights.get(self.content, (1, self.bins)), self.frames


def sizes_of(config: MclVaeConfig) -> list[tuple[int, int]]:
    """Return height and width before the first and after each convolution of the encoder.

    A number is below 1 if the convolutions do not fit.
    """
    sizes = [config.image[1:]]
    for _, kernel, *strides in config.layers:
        pad = kernel // 2 if config.padded else 0
        height, width = (
            (size + 2 * pad - kernel) // stride + 1 for size, stride in zip(sizes[-1], strides, strict=True)
        )
        sizes.append((height, width))
    return sizes


def _published(config: MclVaeConfig) -> MclVaeConfig:
    """Return the published geometry and losses for the same content and transform (JAES 70(9), 2022)."""
    return replace(
        config,
        sample_rate=44_100,
        bins=512,
        frames=64,
        fade_samples=1024,
        latent=250,
        hidden=128,
        layers=PUBLISHED_LAYERS,
        padded=False,
        bounded=True,
        root=1.0,
        magnitude_weight=0.0 if config.content == "complex" else 1.0,
        phase_weight=0.0,
        beta=1 / (512 * 64),
    )


def _named() -> dict[str, MclVaeConfig]:
    table = {}
    for content in ("complex", "2d", "3d", "magnitude"):
        for spectrum in get_args(Spectrum):
            own = MclVaeConfig(content, spectrum, latent=256, magnitude_weight=6.0)
            if content == "complex":
                own = replace(own, latent=128, magnitude_weight=2.0)
            table[f"{content}-{spectrum}"] = own
    return table | {f"{name}-published": _published(own) for name, own in table.items()}


CONFIGURATIONS = _named()
"""Configurations of new models, by name: content, transform and, for the published sizes, ``published``. The first is
trained by default."""
