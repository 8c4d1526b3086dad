"""The codec for nn~ (Max, Pure Data): methods with their ratios and labels, attributes, and the stream's past inside.

nn~ calls ``get_methods`` and ``get_attributes``. For each method it reads ``NAME_params`` (channels and ratio in,
channels and ratio out) and labels. For each attribute it reads ``NAME_params`` (type codes) and calls ``get_NAME`` and
``set_NAME``. Sound and latents are ``[batch, channels, time]``. See acids-ircam/nn_tilde, ``backend.cpp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from plugin_backend.models.family import ExportableCodec

BOOL, FLOAT = 0, 2
"""nn~'s type codes."""


class NnTildeCodec(nn.Module):
    """``encode``, ``decode`` and ``forward`` of a stream, late by the codec's latency.

    Attributes that nn~ can set: ``variation`` (how far latents vary around the mean, in posterior deviations; 0 is
    exact), ``scale`` and ``bias`` (of all latents before decoding), and ``reset`` (true clears the past). A change of
    the batch size also clears it.
    """

    if TYPE_CHECKING:
        encoder_past: Tensor
        decoder_past: Tensor

    def __init__(self, codec: ExportableCodec):
        super().__init__()
        spec = codec.spec
        self.sr = self.sampling_rate = spec.sample_rate
        self.latent_size = self.full_latent_size = spec.latent_dim
        self.n_channels, self.latency_samples, self.host_rate_hz = 1, spec.latency_samples, spec.sample_rate
        self.encoder, self.decoder = codec.scriptable_parts(by_matrix=False)
        self.register_buffer("encoder_past", torch.zeros(1, self.encoder.remembered))
        self.register_buffer("decoder_past", torch.zeros(1, self.decoder.remembered))
        self._buffers_wanted = torch.jit.Attribute([], list[str])
        self._methods, self._attributes = ["encode", "decode", "forward"], ["variation", "scale", "bias", "reset"]
        sound, latents = ["(signal) sound"], [f"(signal) latent {i + 1}" for i in range(spec.latent_dim)]
        for name, inlets, ratio_in, outlets, ratio_out in (
            ("encode", sound, 1, latents, spec.hop_samples),
            ("decode", latents, spec.hop_samples, sound, 1),
            ("forward", sound, 1, sound, 1),
        ):
            self.register_buffer(f"{name}_params", torch.tensor([len(inlets), ratio_in, len(outlets), ratio_out]))
            setattr(self, f"{name}_input_labels", inlets)
            setattr(self, f"{name}_output_labels", outlets)
        for name, value, code in (
            ("variation", 0.0, FLOAT),
            ("scale", 1.0, FLOAT),
            ("bias", 0.0, FLOAT),
            ("reset", False, BOOL),
        ):
            self.register_buffer(f"{name}_params", torch.tensor([code]))
            setattr(self, name, (value,))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self._methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self._attributes

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return self._buffers_wanted  # type: ignore[return-value]

    @torch.jit.export
    def get_sample_rate(self) -> int:
        return self.sr

    @torch.jit.export
    def set_sample_rate(self, rate_hz: int) -> None:
        self.host_rate_hz = rate_hz  # the host's sample rate is only stored; nothing is resampled

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        if self.encoder_past.shape[0] != x.shape[0]:
            self.encoder_past = torch.zeros(x.shape[0], self.encoder.remembered, device=x.device)
        means, deviations, self.encoder_past = self.encoder(x[:, 0], self.encoder_past)
        if self.variation[0] > 0.0:
            means = means + self.variation[0] * deviations * torch.randn_like(means)
        return means.transpose(1, 2).contiguous()

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        if self.decoder_past.shape[0] != z.shape[0]:
            self.decoder_past = torch.zeros(z.shape[0], self.decoder.remembered, device=z.device)
        latents = z.transpose(1, 2) * self.scale[0] + self.bias[0]
        audio, self.decoder_past = self.decoder(latents, self.decoder_past)
        return audio[:, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def get_variation(self) -> tuple[float]:
        return self.variation

    @torch.jit.export
    def set_variation(self, value: float) -> int:
        self.variation = (value,)
        return 0

    @torch.jit.export
    def get_scale(self) -> tuple[float]:
        return self.scale

    @torch.jit.export
    def set_scale(self, value: float) -> int:
        self.scale = (value,)
        return 0

    @torch.jit.export
    def get_bias(self) -> tuple[float]:
        return self.bias

    @torch.jit.export
    def set_bias(self, value: float) -> int:
        self.bias = (value,)
        return 0

    @torch.jit.export
    def get_reset(self) -> tuple[bool]:
        return self.reset  # type: ignore[return-value]

    @torch.jit.export
    def set_reset(self, value: bool) -> int:
        if value:
            self.encoder_past = torch.zeros_like(self.encoder_past)
            self.decoder_past = torch.zeros_like(self.decoder_past)
        return 0
