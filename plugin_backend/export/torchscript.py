"""The codec as a plain TorchScript module: whole sounds, and streams whose past the caller keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from plugin_backend.models.family import ExportableCodec


class TorchScriptCodec(nn.Module):
    """Sound is ``[batch, 1, samples]``, latents are ``[batch, latent_size, frames]``.

    Attributes:
        sampling_rate: in Hz, a whole number.
        ratio: samples in a latent frame.
        latent_size: latent dimensions.
        latency_samples: by which a decoded stream is late.
    """

    if TYPE_CHECKING:
        silence: Tensor

    def __init__(self, codec: ExportableCodec):
        super().__init__()
        spec = codec.spec
        self.sampling_rate, self.ratio, self.latent_size = spec.sample_rate, spec.hop_samples, spec.latent_dim
        self.latency_samples, self.latency_frames = spec.latency_samples, spec.latency_frames
        self.encoder, self.decoder = codec.scriptable_parts(by_matrix=False)
        self.register_buffer("silence", torch.from_numpy(codec.silence(1).copy()))

    @torch.jit.export
    def encoder_past(self, batch: int) -> Tensor:
        """Return the past of :meth:`encode_stream` at the start of a sound."""
        return torch.zeros(batch, self.encoder.remembered, device=self.silence.device)

    @torch.jit.export
    def decoder_past(self, batch: int) -> Tensor:
        """Return the past of :meth:`decode_stream` at the start of a sound."""
        return torch.zeros(batch, self.decoder.remembered, device=self.silence.device)

    @torch.jit.export
    def encode_stream(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode a multiple of ``ratio`` samples; return means, deviations and the past for the next block."""
        means, deviations, past = self.encoder(x[:, 0], past)
        return means.transpose(1, 2), deviations.transpose(1, 2), past

    @torch.jit.export
    def decode_stream(self, z: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Decode latents; return the sound, late by ``latency_samples``, and the past for the next block."""
        audio, past = self.decoder(z.transpose(1, 2), past)
        return audio[:, None], past

    @torch.jit.export
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and deviations of whole sounds of any length. The end is padded with silence."""
        missing = (self.ratio - x.shape[2] % self.ratio) % self.ratio
        padded = nn.functional.pad(x, [0, missing])
        means, deviations, _ = self.encode_stream(padded, self.encoder_past(x.shape[0]))
        return means, deviations

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Return the means of whole sounds."""
        return self.posterior(x)[0]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Return whole sounds, aligned to the sample with what was encoded."""
        tail = self.silence.transpose(1, 2).expand(z.shape[0], -1, self.latency_frames)
        audio, _ = self.decode_stream(torch.cat([z, tail], dim=2), self.decoder_past(z.shape[0]))
        return audio[:, :, self.latency_samples : self.latency_samples + z.shape[2] * self.ratio]

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode; return as many samples as came in."""
        return self.decode(self.encode(x))[:, :, : x.shape[2]]
