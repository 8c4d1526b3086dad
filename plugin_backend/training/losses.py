"""What training minimises: a proper score of spectra and envelopes, and the latents' divergence.

A decoder with a noise source makes another sound at each draw. Compared with one recording, the best single draw would
be too quiet and too smooth. So two draws *a* and *b* are compared with the recording *x* and with each other:
``d(a, x) + d(b, x) − d(a, b)``, the energy distance of spectra (Gritsenko et al., "A Spectral Energy Distance for
Parallel Speech Synthesis", NeurIPS 2020). It is least where draws are spread as recordings are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.dsp.mel import mel_spaced_frequencies, triangular_filters
from plugin_backend.models.band_split import BANDS, SEGMENT, split_bands
from plugin_backend.models.waveform_vae.band_levels import REACH

MEL_BANDS = {4096: 200, 2048: 160, 1024: 112, 512: 72, 256: 40, 128: 20, 64: 12}
"""Bands by STFT size; the widest windows part the bass, the narrowest the attacks."""

LOG_FLOOR = 1.5e-4
"""Of a band's magnitude, times √size: a higher one would let a noise source hiss under dark sounds."""

RELATIVE_FLOOR = 0.05
"""Of a whole sound's norm, times √size: quieter sounds count less."""

ENVELOPE_WINDOW_SAMPLES, ENVELOPE_FLOOR = 96, 1e-3

QUIETEST_LEVEL = -9.0
"""Of a band, in nepers (−78 dBFS): below it a level may be what it wants."""


@dataclass(frozen=True)
class SoundFeatures:
    """How a sound is seen: mel magnitudes by STFT size, ``[batch, frames, bands]``; 2 ms envelopes, of bands too."""

    spectra: dict[int, Tensor]
    envelopes: list[Tensor]


class SpectralScore(nn.Module):
    """The energy distance of spectra and of envelopes, of sounds ``[batch, samples]``.

    A band's value is the root of its mean power; spectra are compared by relative L2 of magnitudes over the whole sound
    and by L2 over the bands of a frame's logarithms, envelopes by relative L2 and by L1 of logarithms. All of these are
    of negative type, so that the score is proper. Nothing is left out above a recording's own band edge: what a dull
    recording lacks, a noise source would fill with hiss.
    """

    def __init__(self, sample_rate: int):
        super().__init__()
        for size, bands in MEL_BANDS.items():
            corners_hz = mel_spaced_frequencies(0.0, sample_rate / 2, bands + 2)
            filters = triangular_filters(corners_hz, size, sample_rate, sample_rate / size)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            self.register_buffer(f"mean_{size}", _floats(filters / filters.sum(1, keepdims=True)).T, persistent=False)
            self.register_buffer(f"bins_{size}", _floats((filters > 0).sum(1)).sqrt(), persistent=False)

    def views(self, sound: Tensor, sizes: Sequence[int] = tuple(MEL_BANDS)) -> SoundFeatures:
        """What is compared of ``[batch, samples]``."""
        spectra = {}
        for size in sizes:
            frames = sound.unfold(1, size, size // 4) * getattr(self, f"window_{size}")
            bins = torch.fft.rfft(frames)
            power = bins.real.square() + bins.imag.square()
            spectra[size] = torch.sqrt(power @ getattr(self, f"mean_{size}") + 1e-10)
        size = ENVELOPE_WINDOW_SAMPLES
        peaks = nn.functional.max_pool1d(sound.abs()[:, None], size, size // 2)[:, 0]
        bands = torch.cat([sound[:, None, SEGMENT:-SEGMENT], split_bands(sound)], dim=1)
        powers = torch.sqrt(nn.functional.avg_pool1d(bands.square(), size, size // 4) + 1e-8)
        return SoundFeatures(spectra, [peaks, *powers.unbind(1)])

    def forward(self, first: SoundFeatures, second: SoundFeatures, truth: SoundFeatures) -> tuple[Tensor, Tensor]:
        """Scores of spectra and of envelopes, scalars, of two draws."""
        to_truth = self.distance(first, truth, truth), self.distance(second, truth, truth)
        apart = self.distance(first, second, truth)
        spectral, envelope = (a + b - c for a, b, c in zip(*to_truth, apart, strict=True))
        return spectral, envelope

    def distance(self, first: SoundFeatures, second: SoundFeatures, truth: SoundFeatures) -> tuple[Tensor, Tensor]:
        """How far spectra and envelopes of two sounds are apart, relative to the norm of ``truth``."""
        spectral = envelope = truth.envelopes[0].new_zeros(())
        for size, of_truth in truth.spectra.items():
            a, b, weight = first.spectra[size], second.spectra[size], getattr(self, f"bins_{size}")
            norm = (of_truth * weight).flatten(1).norm(dim=1) + RELATIVE_FLOOR * size**0.5
            floor = LOG_FLOOR * size**0.5
            logs = torch.log(a + floor) - torch.log(b + floor)
            spectral = spectral + (((a - b) * weight).flatten(1).norm(dim=1) / norm).mean()
            spectral = spectral + (logs.square().mean(2) + 1e-8).sqrt().mean()
        for a, b, of_truth in zip(first.envelopes, second.envelopes, truth.envelopes, strict=True):
            envelope = envelope + ((a - b).norm(dim=1) / (of_truth.norm(dim=1) + 0.05)).mean()
            envelope = envelope + (torch.log(a + ENVELOPE_FLOOR) - torch.log(b + ENVELOPE_FLOOR)).abs().mean()
        return spectral / len(truth.spectra), 2 * envelope / len(truth.envelopes)


def _floats(numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(numbers).float()


def band_level_loss(head: nn.Module, frames: Tensor, audio: Tensor, latency: int) -> Tensor:
    """How far the levels that a decoder states are from the sound's, in nepers, a mean; 0 where it states none.

    The score hears a level only as far as it is trusted; this teaches it before.

    Args:
        head: of the decoder.
        frames: what its last layer gave.
        audio: what was encoded, ``[batch, samples]``.
        latency: of the decoder, in samples.
    """
    if getattr(head, "levels", None) is None:
        return audio.new_zeros(())
    stated = head.parts(frames)["levels"].reshape(len(audio), -1, BANDS)
    margin = REACH + SEGMENT
    true = head.levels.measured(
        split_bands(nn.functional.pad(audio, (margin, margin)))
    )  # from the moment at sample 0 on
    late = latency // SEGMENT - 1  # what is stated first is the second moment's
    heard = (of.clamp(min=QUIETEST_LEVEL) for of in (true[:, : stated.shape[1] - late], stated[:, late:]))
    return (next(heard) - next(heard)).abs().mean()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL from the posterior to a unit normal, summed over dimensions, averaged over frames (nats)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
