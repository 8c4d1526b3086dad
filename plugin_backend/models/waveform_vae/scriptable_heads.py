"""The output layers of an exported decoder, equal to those of :mod:`plugin_backend.models.waveform_vae`.

The past is float32 only, as hosts keep it. So the noise's position is counted in frames, in two numbers.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae import addressed_noise as noise
from plugin_backend.models.waveform_vae.band_levels import BandLevels
from plugin_backend.models.waveform_vae.config import STEADY_FRAMES
from plugin_backend.models.waveform_vae.high_pass import SECTIONS, high_pass_pole
from plugin_backend.models.waveform_vae.model import InverseSTFTHead
from plugin_backend.models.waveform_vae.noise_head import LOG_GAIN_RANGE, Bands, NoiseHead, Overlap
from plugin_backend.models.waveform_vae.scriptable_stft import Inverse, MatrixInverse, MatrixTransform, Transform

FRAMES_APART = 2**20
"""The position's second number counts these, so that both numbers stay exact in float32."""


class Added(nn.Module):
    """Overlapping windows ``[batch, frames, window]`` → sound. The past is the last windows."""

    def __init__(self, window_samples: int, hop: int):
        super().__init__()
        self.window, self.hop, self.overlaps = window_samples, hop, window_samples // hop
        self.remembered = (self.overlaps - 1) * self.window

    def forward(self, windows: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, count = windows.shape[0], windows.shape[1]
        joined = torch.cat([past.reshape(batch, self.overlaps - 1, self.window), windows], dim=1)
        pieces = joined.reshape(batch, -1, self.overlaps, self.hop)
        audio = pieces[:, :count, self.overlaps - 1]
        for later in range(1, self.overlaps):
            audio = audio + pieces[:, later : later + count, self.overlaps - 1 - later]
        return audio.reshape(batch, -1), joined[:, count:].reshape(batch, self.remembered)


class SpectraHead(nn.Module):
    """An :class:`~plugin_backend.models.waveform_vae.model.InverseSTFTHead`."""

    def __init__(self, head: InverseSTFTHead, by_matrix: bool):
        super().__init__()
        self.inverse = (MatrixInverse if by_matrix else Inverse)(head.window)
        self.added, self.loudest = Added(head.window_samples, head.hop), head.LOUDEST_LOG
        self.steady = STEADY_FRAMES
        self.remembered = self.steady - 1 + self.added.remembered

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        count = x.shape[1]
        log_magnitude, phase = torch.chunk(x, 2, dim=-1)
        magnitude = torch.exp(torch.clamp(log_magnitude, max=self.loudest))
        real, imaginary = magnitude * torch.cos(phase), magnitude * torch.sin(phase)
        offsets = torch.cat([past[:, : self.steady - 1], real[:, :, 0] - real[:, :, 1]], dim=1)
        first = real[:, :, 0]
        for k in range(self.steady):
            first = first - offsets[:, k : k + count] / self.steady
        real = torch.cat([first[:, :, None], real[:, :, 1:]], dim=2)
        audio, after = self.added(self.inverse(real, imaginary), past[:, self.steady - 1 :])
        return audio, torch.cat([offsets[:, count:], after], dim=1)


class White(nn.Module):
    """:func:`plugin_backend.models.waveform_vae.addressed_noise.white_noise` with signed integers and no shifts."""

    def __init__(self, frame_samples: int):
        super().__init__()
        self.frame, self.apart, self.mask = frame_samples, FRAMES_APART, noise.MASK
        self.step, self.first, self.second = noise.STEP, noise.FIRST_FACTOR, noise.SECOND_FACTOR
        self.unit = 1 / noise.UNIT

    def folded(self, x: Tensor, unit: int) -> Tensor:
        """Return ``x ^ (x // unit)``. PyTorch cannot export an exclusive or to ONNX."""
        high = torch.div(x, unit, rounding_mode="floor")
        return x + high - 2 * (x & high)

    def forward(self, seeds: Tensor, frames: Tensor, further: Tensor, count: int) -> Tensor:
        """Return ``[batch, count]`` from frame ``frames + FRAMES_APART * further`` on; all three are whole numbers."""
        seed = seeds.long()[:, None]
        places = torch.arange(count, device=seeds.device)
        at = (further.long() * self.apart + frames.long())[:, None] * self.frame + places
        x = ((at & self.mask) * self.step + seed) & self.mask
        x = (self.folded(x, 65536) * self.first + torch.div(at, self.mask + 1, rounding_mode="floor")) & self.mask
        x = (self.folded(x, 32768) * self.second + seed) & self.mask
        x = self.folded((self.folded(x, 131072) * self.first) & self.mask, 65536)
        pairs = (x & 0x00FF00FF) + (torch.div(x, 256, rounding_mode="floor") & 0x00FF00FF)
        total = (pairs & 0xFFFF) + torch.div(pairs, 65536, rounding_mode="floor")
        return (total.float() - 510.0) * self.unit


class Gains(nn.Module):
    """:class:`~plugin_backend.models.waveform_vae.noise_head.Bands`: log gains of bands → gains of bins."""

    if TYPE_CHECKING:
        below: Tensor
        above: Tensor
        share: Tensor

    def __init__(self, bands: Bands):
        super().__init__()
        below, above = bands.around
        for name, values in (("below", below), ("above", above), ("share", bands.share)):
            self.register_buffer(name, values.clone())
        self.lowest, self.highest = LOG_GAIN_RANGE

    def forward(self, log_gains: Tensor) -> Tensor:
        below, above = log_gains[:, :, self.below], log_gains[:, :, self.above]
        return torch.exp(torch.clamp(below + (above - below) * self.share, self.lowest, self.highest))


class Shaped(nn.Module):
    """Noise in windows of one length: spectra of the noise, times gains, as sound."""

    def __init__(self, overlap: Overlap, bands: Bands, by_matrix: bool):
        super().__init__()
        size, hop = overlap.window_samples, overlap.hop
        transform = MatrixTransform if by_matrix else Transform
        self.transform = transform(overlap.window * overlap.scale, hop, size // 2 + 1)
        self.inverse = (MatrixInverse if by_matrix else Inverse)(overlap.window / 2)
        self.gains, self.added = Gains(bands), Added(size, hop)
        self.size, self.hop, self.remembered = size, hop, self.added.remembered

    def forward(self, log_gains: Tensor, white: Tensor, steady: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """``steady`` is the part without noise, ``[batch, frames, 2, bins]``, or has no frames."""
        frames = log_gains.shape[1]
        real, imaginary = self.transform(white[:, : (frames - 1) * self.hop + self.size])
        if steady.shape[1] > 0:
            real, imaginary = real + steady[:, :, 0], imaginary + steady[:, :, 1]
        gains = self.gains(log_gains)
        audio, past = self.added(self.inverse(gains * real, gains * imaginary), past)
        return audio, past


class OnePole(nn.Module):
    """One section of :class:`~plugin_backend.models.waveform_vae.high_pass.HighPass`, one frame at a time by products.

    Within a frame the output is the product of the input's steps with a triangle of powers of the pole. From frame to
    frame the last output fades. The past is the last input sample and the last output sample.
    """

    if TYPE_CHECKING:
        within: Tensor
        fading: Tensor

    def __init__(self, pole: float, frame_samples: int):
        super().__init__()
        self.frame, self.gain = frame_samples, (1 + pole) / 2
        places = torch.arange(frame_samples)
        lag = (places[:, None] - places[None, :]).double()
        self.register_buffer("within", torch.where(lag >= 0, pole ** lag.clamp(min=0), 0.0).float())
        self.register_buffer("fading", (pole ** (places.double() + 1)).float())
        self.log_pole = math.log(pole) * frame_samples

    def forward(self, sound: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """``[batch, frames * frame]``, ``[batch, 2]`` → the same."""
        batch = sound.shape[0]
        steps = self.gain * (sound - torch.cat([past[:, :1], sound[:, :-1]], dim=1))
        rested = torch.matmul(steps.reshape(batch, -1, self.frame), self.within.T)  # each frame starts from silence
        frames = torch.arange(rested.shape[1], device=sound.device)
        lag = frames[:, None] - frames[None, :] - 1  # frame j's last output weighs exp(log_pole * lag) before frame i
        powers = torch.exp(self.log_pole * torch.clamp(lag, min=0).float()) * (lag >= 0).float()
        before = torch.matmul(powers, rested[:, :, -1:])[:, :, 0]
        before = before + past[:, 1:] * torch.exp(self.log_pole * frames.float())
        passed = (rested + before[:, :, None] * self.fading).reshape(batch, -1)
        return passed, torch.cat([sound[:, -1:], passed[:, -1:]], dim=1)


class NoiseSource(nn.Module):
    """A :class:`~plugin_backend.models.waveform_vae.noise_head.NoiseHead`.

    The past is windows, then ``NUMBERS``: the seed (a whole number below 2^24), the next frame, and how often
    ``FRAMES_APART`` frames have passed; then the past of the band levels, if they are predicted, and of the
    high-passes.
    """

    NUMBERS = 3 + 2 * SECTIONS

    def __init__(self, head: NoiseHead, by_matrix: bool):
        super().__init__()
        pole = high_pass_pole(head.sample_rate)
        self.passes = nn.ModuleList(OnePole(pole, head.long.hop) for _ in range(SECTIONS))
        self.long, self.short = (
            Shaped(overlap, bands, by_matrix)
            for overlap, bands in ((head.long, head.long_bands), (head.short, head.short_bands))
        )
        self.per_frame, self.hop, self.apart = head.per_frame, head.long.hop, FRAMES_APART
        self.white = White(self.hop)
        ends = list(accumulate(head.sizes.values()))
        starts = dict(zip(head.sizes, [0, *ends], strict=False))
        self.until, self.short_end = head.sizes["long"], starts["short"] + head.sizes["short"]
        self.short_bands, self.short_bins = head.sizes["short"] // head.per_frame, head.short.window_samples // 2 + 1
        self.coherent, self.coherent_end = "coherent" in starts, self.short_end + head.sizes.get("coherent", 0)
        self.has_levels, self.levels = head.levels is not None, head.levels or BandLevels()
        self.levels_remembered = self.levels.remembered if self.has_levels else 0
        self.stated_remembered = 2 * self.levels.bands if self.has_levels else 0
        self.remembered = self.long.remembered + self.short.remembered + self.NUMBERS
        self.remembered += self.levels_remembered + self.stated_remembered

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        batch, frames = x.shape[0], x.shape[1]
        ends = [self.long.remembered, self.long.remembered + self.short.remembered]
        seeds, frame, further = past[:, ends[1]], past[:, ends[1] + 1], past[:, ends[1] + 2]
        white = self.white(seeds, frame, further, (frames - 1) * self.hop + self.long.size)
        short = x[:, :, self.until : self.short_end].reshape(batch, frames * self.per_frame, self.short_bands)
        steady = x[:, :0, :0].reshape(batch, 0, 2, self.short_bins)
        if self.coherent:
            steady = x[:, :, self.short_end : self.coherent_end]
            steady = steady.reshape(batch, frames * self.per_frame, 2, self.short_bins)
        tone, long_past = self.long(x[:, :, : self.until], white, steady[:, :0], past[:, : ends[0]])
        attacks, short_past = self.short(short, white, steady, past[:, ends[0] : ends[1]])
        frame = frame + frames
        passed = torch.floor(frame / self.apart)
        kept = [long_past, short_past, torch.stack([seeds, frame - passed * self.apart, further + passed], dim=1)]
        audio, at = tone + attacks, ends[1] + 3
        if self.has_levels:
            stated = x[:, :, self.coherent_end :].reshape(batch, frames, 2, -1, self.levels.bands)
            stated = stated.transpose(2, 3).reshape(batch, -1, 2 * self.levels.bands)
            until = at + self.levels_remembered
            last = past[:, until : until + self.stated_remembered].unsqueeze(1)
            audio, samples_past, last = self.levels(audio, stated, past[:, at:until], last)
            kept.append(samples_past)
            kept.append(last[:, 0])
            at = until + self.stated_remembered
        for one_pole in self.passes:
            audio, after = one_pole(audio, past[:, at : at + 2])
            kept.append(after)
            at += 2
        return audio, torch.cat(kept, dim=1)


def scriptable_head(head: Any, by_matrix: bool = False) -> nn.Module:
    """Return the scriptable copy of a head.

    Args:
        head: an ``InverseSTFTHead`` or a ``NoiseHead``.
        by_matrix: whether the host has no Fourier transform.
    """
    return NoiseSource(head, by_matrix) if isinstance(head, NoiseHead) else SpectraHead(head, by_matrix)
