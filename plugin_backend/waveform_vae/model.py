"""Feature extractor, backbones and heads, composed into the waveform VAE."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plugin_backend.waveform_vae.config import STEADY_FRAMES, WaveformVAEConfig
from plugin_backend.waveform_vae.layers import Backbone, with_past

LOG_VARIANCE_RANGE = (-12.0, 4.0)


class LogSpectrum(nn.Module):
    """Causal log-magnitude STFT frames: ``[batch, samples]`` → ``[batch, samples / hop, window / 2 + 1]``.

    Frame *j* sees the ``window`` samples that end with hop *j*. About zero mean, unit spread on Foley.
    """

    FLOOR, MEAN, SPREAD = 1e-4, -5.0, 2.5

    def __init__(self, window: int, hop: int):
        super().__init__()
        self.window_samples, self.hop = window, hop
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    def forward(self, audio: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        bins, past = self.logarithms(audio, past)
        return (bins - self.MEAN) / self.SPREAD, past

    def logarithms(self, audio: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """The same before centring and scaling."""
        joined, past = with_past(audio, past, self.window_samples - self.hop)
        frames = joined.unfold(1, self.window_samples, self.hop) * self.window
        magnitude = torch.fft.rfft(frames.float()).abs()
        return torch.log(magnitude + self.FLOOR), past


class Encoder(nn.Module):
    """``[batch, samples]`` → posterior means and log variances, each ``[batch, frames, latent_dim]``."""

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.stack = config.hop // config.encoder_hop
        self.spectrum = LogSpectrum(config.encoder_window, config.encoder_hop)
        bins = config.encoder_window // 2 + 1
        self.embed = nn.Linear(bins * self.stack, config.encoder_width)
        self.backbone = Backbone(config.encoder_width, config.encoder_blocks, config.kernel, config.expansion)
        self.posterior = nn.Linear(config.encoder_width, 2 * config.latent_dim)

    def forward(self, audio: Tensor, past: tuple | None = None) -> tuple[Tensor, Tensor, tuple]:
        samples_past, blocks_past = past or (None, None)
        bins, samples_past = self.spectrum(audio, samples_past)
        x = self.embed(bins.reshape(bins.shape[0], -1, self.stack * bins.shape[2]))
        x, blocks_past = self.backbone(x, blocks_past)
        mean, log_variance = self.posterior(x).float().chunk(2, dim=-1)
        return mean, log_variance.clamp(*LOG_VARIANCE_RANGE), (samples_past, blocks_past)


class InverseSTFTHead(nn.Module):
    """Frames of features → overlapping windows of sound (Vocos, Siuzdak 2023).

    ``[batch, frames, width]`` → ``[batch, frames * hop]``; each frame starts at its own hop, so the
    output is late by ``window - hop`` samples. ``past`` is the last ``window / hop - 1`` windows and the last
    ``STEADY_FRAMES - 1`` offsets.

    From each frame's offset the mean of the last ``STEADY_FRAMES`` is taken: no loss of magnitudes hears the sign of
    an offset, and a decoder would hold a speaker out of its middle as long as a sound lasts. What moves faster stays.
    """

    LOUDEST_LOG = 7.0

    def __init__(self, width: int, window: int, hop: int):
        super().__init__()
        self.window_samples, self.hop = window, hop
        self.out = nn.Linear(width, window + 2)
        self.register_buffer("window", torch.hann_window(window) / (window / hop / 2), persistent=False)

    def forward(self, x: Tensor, past: tuple | None) -> tuple[Tensor, tuple]:
        return self.overlapped(self.out(x), past)

    def overlapped(self, spectra: Tensor, past: tuple | None) -> tuple[Tensor, tuple]:
        """Log magnitudes and phases ``[batch, frames, window + 2]`` as overlapping windows of sound."""
        windows_past, offsets_past = past or (None, None)
        log_magnitude, phase = spectra.float().chunk(2, dim=-1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=self.LOUDEST_LOG)), phase)
        spectrum, offsets_past = self.unsteadied(spectrum, offsets_past)
        frames = torch.fft.irfft(spectrum, n=self.window_samples) * self.window
        overlaps = self.window_samples // self.hop
        joined, windows_past = with_past(frames, windows_past, overlaps - 1)
        batch, count, _ = frames.shape
        steps, window = joined.shape[1], self.window_samples
        shape, strides = (batch, count, overlaps, self.hop), (steps * window, window, window - self.hop, 1)
        pieces = joined.as_strided(shape, strides, window - self.hop)  # [batch, hops, windows that reach it, hop]
        return pieces.sum(2).flatten(1), (windows_past, offsets_past)

    def unsteadied(self, spectrum: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Complex half spectra ``[batch, frames, bins]`` without what of their offsets is steady.

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
        self.head = InverseSTFTHead(config.decoder_width, config.decoder_window, config.decoder_hop)

    def forward(self, latents: Tensor, past: tuple | None = None) -> tuple[Tensor, tuple]:
        blocks_past, frames_past = past or (None, None)
        x = self.embed(latents)
        x = x.reshape(x.shape[0], -1, x.shape[2] // self.stack)
        x, blocks_past = self.backbone(x, blocks_past)
        audio, frames_past = self.head(x, frames_past)
        return audio, (blocks_past, frames_past)


class WaveformVAE(nn.Module):
    """The whole model, with the latent compaction that orders its dimensions.

    ``rotation`` ``[dim, dim]`` (orthogonal) and ``centre`` ``[dim]`` map raw latents to compacted
    ones: ``compact = (raw - centre) @ rotation``; dimension 0 varies most over the training sounds.
    """

    def __init__(self, config: WaveformVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.register_buffer("rotation", torch.eye(config.latent_dim))
        self.register_buffer("centre", torch.zeros(config.latent_dim))

    def compact(self, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Raw posterior → compacted means and deviations (the rotated covariance's diagonal)."""
        variance = torch.exp(log_variance) @ self.rotation.square()
        return (mean - self.centre) @ self.rotation, variance.sqrt()

    def expand(self, compacted: Tensor) -> Tensor:
        """Compacted latents → raw ones; the exact inverse of :meth:`compact` on means."""
        return compacted @ self.rotation.T + self.centre
