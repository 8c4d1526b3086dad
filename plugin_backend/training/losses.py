"""The reconstruction loss: a proper score of spectra and envelopes.

A decoder with a noise source makes another sound at each draw. If each draw were compared with one recording, the best
draw would be too quiet and too smooth. So two draws *a* and *b* are compared with the recording *x* and with each
other: ``d(a, x) + d(b, x) − d(a, b)``, the energy distance of spectra (Gritsenko et al., "A Spectral Energy Distance
for Parallel Speech Synthesis", NeurIPS 2020). It is smallest if the draws vary as the recordings do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from plugin_backend.dsp.mel import mel_spaced_frequencies, triangular_filters
from plugin_backend.models.band_split import SEGMENT, split_bands

MEL_BANDS = {4096: 200, 2048: 160, 1024: 112, 512: 72, 256: 40, 128: 20, 64: 12}
"""Mel bands by STFT size. The longest windows separate the bass, the shortest the attacks."""

LOG_FLOOR = 1.5e-4
"""Floor of a band's magnitude, times √size. With a higher floor a noise source could hiss under dark sounds."""

RELATIVE_FLOOR = 0.05
"""Floor of a whole sound's norm, times √size. Quieter sounds count less."""

ENVELOPE_WINDOW_SAMPLES, ENVELOPE_FLOOR = 96, 1e-3


@dataclass(frozen=True)
class SoundFeatures:
    """What is compared of a sound.

    Attributes:
        spectra: mel magnitudes by STFT size, ``[batch, frames, bands]`` each.
        envelopes: 2 ms envelopes of the sound and of three bands, ``[batch, windows]`` each.
    """

    spectra: dict[int, Tensor]
    envelopes: list[Tensor]


class SpectralScore(nn.Module):
    """The energy distance of spectra and of envelopes, for sounds ``[batch, samples]``.

    A band's value is the root of its mean power. Spectra are compared by the relative L2 norm of magnitudes over the
    whole sound, and by the L2 norm over the log magnitudes of a frame. Envelopes are compared by the relative L2 norm
    and by the L1 norm of logarithms. All of these are of negative type, so the score is proper. Bands above a
    recording's bandwidth count too: otherwise a noise source would fill the missing part of a dull recording with
    hiss.
    """

    def __init__(self, sample_rate: int):
        super().__init__()
        for size, bands in MEL_BANDS.items():
            corners_hz = mel_spaced_frequencies(0.0, sample_rate / 2, bands + 2)
            filters = triangular_filters(corners_hz, size, sample_rate, sample_rate / size)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            self.register_buffer(f"mean_{size}", _floats(filters / filters.sum(1, keepdims=True)).T, persistent=False)
            self.register_buffer(f"bins_{size}", _floats((filters > 0).sum(1)).sqrt(), persistent=False)

    def features(self, sound: Tensor, sizes: Sequence[int] = tuple(MEL_BANDS)) -> SoundFeatures:
        """Return the features of ``[batch, samples]``, with spectra of these STFT sizes."""
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
        """Return the scores of spectra and of envelopes of two draws, two scalars.

        Args:
            first: features of one draw.
            second: features of the other draw.
            truth: features of the recording.
        """
        to_truth = self.distance(first, truth, truth), self.distance(second, truth, truth)
        between = self.distance(first, second, truth)
        spectral, envelope = (a + b - c for a, b, c in zip(*to_truth, between, strict=True))
        return spectral, envelope

    def distance(self, first: SoundFeatures, second: SoundFeatures, truth: SoundFeatures) -> tuple[Tensor, Tensor]:
        """Return the distances of spectra and of envelopes of two sounds, relative to the norm of ``truth``.

        Args:
            first: features of one sound.
            second: features of the other sound.
            truth: features of the recording.
        """
        spectral = envelope = truth.envelopes[0].new_zeros(())
        for size, reference in truth.spectra.items():
            a, b, weight = first.spectra[size], second.spectra[size], getattr(self, f"bins_{size}")
            norm = (reference * weight).flatten(1).norm(dim=1) + RELATIVE_FLOOR * size**0.5
            floor = LOG_FLOOR * size**0.5
            logs = torch.log(a + floor) - torch.log(b + floor)
            spectral = spectral + (((a - b) * weight).flatten(1).norm(dim=1) / norm).mean()
            spectral = spectral + (logs.square().mean(2) + 1e-8).sqrt().mean()
        for a, b, reference in zip(first.envelopes, second.envelopes, truth.envelopes, strict=True):
            envelope = envelope + ((a - b).norm(dim=1) / (reference.norm(dim=1) + 0.05)).mean()
            envelope = envelope + (torch.log(a + ENVELOPE_FLOOR) - torch.log(b + ENVELOPE_FLOOR)).abs().mean()
        return spectral / len(truth.spectra), 2 * envelope / len(truth.envelopes)


def _floats(numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(numbers).float()
