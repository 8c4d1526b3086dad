"""The waveform VAE, composed of feature extractors, backbones and heads."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from plugin_backend.models.band_split import BANDS, SEGMENT, split_bands
from plugin_backend.models.waveform_vae.band_levels import REACH, BandLevels
from plugin_backend.models.waveform_vae.config import STEADY_FRAMES, WaveformVAEConfig
from plugin_backend.models.waveform_vae.constants import (
    ENERGY_FLOOR,
    ENERGY_MEAN,
    LOG_VARIANCE_RANGE,
    SPECTRUM_FLOOR,
    SPECTRUM_MEAN,
    SPREAD,
    VIEW_MEAN,
)
from plugin_backend.models.waveform_vae.layers import Backbone, with_past
from plugin_backend.models.waveform_vae.noise_head import NoiseHead


class LogSpectrum(nn.Module):
    """Causal log-magnitude STFT frames. Frame *j* covers the ``window`` samples that end with its hop.

    Args:
        window: in samples.
        hop: in samples.
        bins: how many of the lowest to keep; all by default.
        mean: of the logarithms, on Foley.
    """

    window: Tensor
    FLOOR = SPECTRUM_FLOOR

    def __init__(self, window: int, hop: int, bins: int | None = None, mean: float = SPECTRUM_MEAN):
        super().__init__()
        self.window_samples, self.hop, self.mean = window, hop, mean
        self.bins, self.remembered_samples = bins or window // 2 + 1, window - hop
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    def values_in(self, samples: int) -> int:
        """Return how many values describe so many samples (a whole number of hops)."""
        return samples // self.hop * self.bins

    def forward(self, joined: Tensor) -> Tensor:
        """``[batch, remembered_samples + frames * hop]`` → logarithms ``[batch, frames, bins]``."""
        frames = joined.unfold(1, self.window_samples, self.hop) * self.window
        return torch.log(torch.fft.rfft(frames.float())[..., : self.bins].abs() + self.FLOOR)


class LogEnergies(nn.Module):
    """Log RMS of segments of a hop, of the sound and of its first difference. They show when something happens."""

    FLOOR, MEAN = ENERGY_FLOOR, ENERGY_MEAN

    def __init__(self, piece: int, hop: int):
        super().__init__()
        self.piece, self.hop, self.mean, self.remembered_samples = piece, hop, self.MEAN, 1

    def values_in(self, samples: int) -> int:
        """Return how many values describe so many samples (a whole number of hops)."""
        return 2 * samples // self.piece

    def forward(self, joined: Tensor) -> Tensor:
        """``[batch, 1 + frames * hop]`` → logarithms ``[batch, frames, 2 * hop / piece]``."""
        sound = joined[:, 1:]
        pieces = torch.stack([sound, sound - joined[:, :-1]], dim=1)
        energies = pieces.reshape(len(joined), 2, -1, self.hop // self.piece, self.piece).square().mean(-1)
        return 0.5 * torch.log(energies + self.FLOOR).transpose(1, 2).flatten(2)


class InputLevels(nn.Module):
    """The log levels of three bands, as the decoder predicts them; the last is ``LEVELS_LATENCY`` samples ago."""

    def __init__(self, hop: int):
        super().__init__()
        self.mean, self.levels = LogEnergies.MEAN, BandLevels()
        self.remembered = self.remembered_samples = 2 * REACH + SEGMENT
        self.values = self.values_in(hop)

    def values_in(self, samples: int) -> int:
        """Return how many values describe so many samples (a whole number of hops)."""
        return samples // SEGMENT * BANDS

    def forward(self, joined: Tensor) -> Tensor:
        """``[batch, remembered_samples + moments * SEGMENT]`` → logarithms ``[batch, moments, BANDS]``."""
        return self.levels.measured(split_bands(joined))


class Encoder(nn.Module):
    """``[batch, samples]`` → posterior means and log variances, each ``[batch, frames, latent_dim]``."""

    centre: Tensor

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.hop = config.hop
        parts: list[LogSpectrum | LogEnergies | InputLevels]
        parts = [LogSpectrum(config.encoder_window, config.encoder_hop)]
        if config.encoder_view:
            parts.append(LogSpectrum(config.encoder_view, config.hop, config.encoder_view_bins, mean=VIEW_MEAN))
        if config.encoder_energy_samples:
            parts.append(LogEnergies(config.encoder_energy_samples, config.hop))
        if config.band_levels:
            parts.append(InputLevels(config.hop))
        self.parts = nn.ModuleList(parts)
        self._remembered = [part.remembered_samples for part in parts]
        self.remembered_samples = max(self._remembered)
        means = [torch.full((part.values_in(config.hop),), part.mean) for part in parts]
        self.register_buffer("centre", torch.cat(means), persistent=False)
        self.embed = nn.Linear(len(self.centre), config.encoder_width)
        self.backbone = Backbone(config.encoder_width, config.encoder_blocks, config.kernel, config.expansion)
        self.posterior = nn.Linear(config.encoder_width, 2 * config.latent_dim)

    def logarithms(self, audio: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return all values of each hop, ``[batch, frames, values]``, and the samples to remember.

        Args:
            audio: ``[batch, frames * hop]``.
            past: the samples before it, or ``None``.
        """
        joined, past = with_past(audio, past, self.remembered_samples)
        shape = audio.shape[0], audio.shape[1] // self.hop, -1
        views = [
            part(joined[:, self.remembered_samples - remembered :]).reshape(shape)
            for part, remembered in zip(self.parts, self._remembered, strict=True)
        ]
        return torch.cat(views, dim=-1) if len(views) > 1 else views[0], past

    def forward(self, audio: Tensor, past: tuple | None = None) -> tuple[Tensor, Tensor, tuple]:
        samples_past, blocks_past = past or (None, None)
        logarithms, samples_past = self.logarithms(audio, samples_past)
        x = self.embed((logarithms - self.centre) / SPREAD)
        x, blocks_past = self.backbone(x, blocks_past)
        mean, log_variance = self.posterior(x).float().chunk(2, dim=-1)
        return mean, log_variance.clamp(*LOG_VARIANCE_RANGE), (samples_past, blocks_past)


class InverseSTFTHead(nn.Module):
    """Features of frames → overlapping windows of sound (Vocos, Siuzdak 2023).

    ``[batch, frames, width]`` → ``[batch, frames * hop]``. Each frame starts at its own hop, so the output is late by
    ``window - hop`` samples. ``past`` is the last ``window / hop - 1`` windows and the last ``STEADY_FRAMES - 1``
    offsets.

    From each frame's offset (DC) the mean of the last ``STEADY_FRAMES`` is removed. No loss of magnitudes depends on
    the sign of an offset, so a decoder could hold a loudspeaker off centre for the length of a sound. Faster changes
    remain.
    """

    window: Tensor

    LOUDEST_LOG = 7.0

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        window, hop = config.decoder_window, config.decoder_hop
        self.window_samples, self.hop = window, hop
        self.out = nn.Linear(config.decoder_width, window + 2)
        self.register_buffer("window", torch.hann_window(window) / (window / hop / 2), persistent=False)

    def start(self, seeds: Tensor, sides: Tensor) -> tuple:
        """Return the past at a sound's first sample; nothing is drawn here."""
        overlaps = self.window_samples // self.hop
        windows = torch.zeros(len(seeds), overlaps - 1, self.window_samples, device=seeds.device)
        return windows, torch.zeros(len(seeds), STEADY_FRAMES - 1, device=seeds.device)

    def forward(self, x: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        return self.synthesize(self.out(x), past)

    def synthesize(self, spectra: Tensor, past: tuple) -> tuple[Tensor, tuple]:
        """Return the sound of log magnitudes and phases ``[batch, frames, window + 2]``, and the past after it."""
        windows_past, offsets_past = past
        log_magnitude, phase = spectra.float().chunk(2, dim=-1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=self.LOUDEST_LOG)), phase)
        spectrum, offsets_past = self.remove_dc(spectrum, offsets_past)
        frames = torch.fft.irfft(spectrum, n=self.window_samples) * self.window
        overlaps = self.window_samples // self.hop
        joined, windows_past = with_past(frames, windows_past, overlaps - 1)
        batch, count, _ = frames.shape
        steps, window = joined.shape[1], self.window_samples
        shape, strides = (batch, count, overlaps, self.hop), (steps * window, window, window - self.hop, 1)
        pieces = joined.as_strided(shape, strides, window - self.hop)  # [batch, hops, windows that reach it, hop]
        return pieces.sum(2).flatten(1), (windows_past, offsets_past)

    @torch.no_grad()
    def raise_by(self, gain_db: float) -> None:
        """Make the output louder by ``gain_db``."""
        self.out.bias[: self.out.out_features // 2] += gain_db * math.log(10) / 20

    def remove_dc(self, spectrum: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Remove the steady part of the offsets from complex half spectra ``[batch, frames, bins]``.

        A Hann-windowed frame's mean is half the difference between its first two bins' real parts, over its length.
        """
        first, second = spectrum[..., 0].real, spectrum[..., 1].real
        joined, past = with_past(first - second, past, STEADY_FRAMES - 1)
        steady = sum(joined.unfold(1, first.shape[1], 1).unbind(1)) / STEADY_FRAMES
        return torch.cat([(first - steady)[..., None], spectrum[..., 1:]], dim=-1), past


class Decoder(nn.Module):
    """``[batch, frames, latent_dim]`` → ``[batch, frames * hop]``, late by ``config.latency`` samples."""

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.stack = config.hop // config.decoder_hop
        self.embed = nn.Linear(config.latent_dim, config.decoder_width * self.stack)
        self.backbone = Backbone(config.decoder_width, config.decoder_blocks, config.kernel, config.expansion)
        self.head: InverseSTFTHead | NoiseHead = HEADS[config.head](config)

    def start(self, batch: int, seeds: Tensor | None = None, sides: Tensor | None = None) -> tuple:
        """Return the past at a sound's first sample.

        See :meth:`~plugin_backend.models.waveform_vae.noise_head.NoiseHead.start`.
        Args:
            batch: number of rows.
            seeds: ``[batch]`` int64, of the noise; 0 by default.
            sides: ``[batch]``, −1 … 1; 0 by default.
        """
        like = self.embed.weight
        seeds = torch.zeros(batch, dtype=torch.int64, device=like.device) if seeds is None else seeds
        sides = like.new_zeros(batch) if sides is None else sides
        return self.backbone.start(batch), self.head.start(seeds, sides)

    def features(self, latents: Tensor, past: list) -> tuple[Tensor, list]:
        """Return the input of the head, ``[batch, frames * stack, width]``, and the past after it."""
        x = self.embed(latents)
        return self.backbone(x.reshape(x.shape[0], -1, x.shape[2] // self.stack), past)

    def forward(self, latents: Tensor, past: tuple | None = None) -> tuple[Tensor, tuple]:
        blocks_past, head_past = past or self.start(len(latents))
        x, blocks_past = self.features(latents, blocks_past)
        audio, head_past = self.head(x, head_past)
        return audio, (blocks_past, head_past)


HEADS: dict[str, type[InverseSTFTHead] | type[NoiseHead]] = {"spectra": InverseSTFTHead, "noise": NoiseHead}
"""By the configuration's ``head``."""


class WaveformVAE(nn.Module):
    """The whole model, with the rotation that orders its latents.

    ``rotation`` ``[dim, dim]`` (orthogonal) and ``centre`` ``[dim]`` map raw latents to compact ones:
    ``compact = (raw - centre) @ rotation``. Dimension 0 changes the sound most.
    """

    rotation: Tensor
    centre: Tensor

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.register_buffer("rotation", torch.eye(config.latent_dim))
        self.register_buffer("centre", torch.zeros(config.latent_dim))

    def compact(self, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return compact means and deviations (the rotated covariance's diagonal) of a raw posterior."""
        variance = torch.exp(log_variance) @ self.rotation.square()
        return (mean - self.centre) @ self.rotation, variance.sqrt()

    def expand(self, compacted: Tensor) -> Tensor:
        """Return the raw latents of compact ones: the exact inverse of :meth:`compact` on means."""
        return compacted @ self.rotation.T + self.centre
