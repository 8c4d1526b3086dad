"""A stand-in for RAVE exports, in the forms of its versions 1 and 2."""

from pathlib import Path

import torch
from torch import Tensor, nn

RATIO, ENCODER_LATE, DECODER_LATE = 256, 30, 75
LATE = ENCODER_LATE + DECODER_LATE


class RaveLike(nn.Module):
    """Reshapes ``RATIO`` samples into as many latents and back, with state like RAVE's cached convolutions.

    Noise is added to latents and sound, as in a variational RAVE, if it is not 0.
    """

    def __init__(self, noise: float = 0.0, remembering: bool = True, channels: int = 1, sr: int = 48_000):
        super().__init__()
        self.noise, self.ratio, self.remembering = noise, RATIO, remembering
        self._keep_rate(sr)
        self.register_buffer("encode_params", torch.tensor([channels, 1, RATIO, RATIO]))
        self.register_buffer("decode_params", torch.tensor([RATIO, RATIO, 1, 1]))
        self.register_buffer("pad_in", torch.zeros(1, 1, ENCODER_LATE))
        self.register_buffer("pad_out", torch.zeros(1, 1, DECODER_LATE))

    def _keep_rate(self, sr: int) -> None:
        self.sr = sr

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.pad_in, x], dim=2)
        if self.remembering:
            self.pad_in.copy_(joined[:, :, x.shape[2] :])
        z = joined[:, :, : x.shape[2]].reshape(1, -1, self.ratio).transpose(1, 2)
        return z + self.noise * torch.randn_like(z) if self.noise > 0.0 else z

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        x = z.transpose(1, 2).reshape(1, 1, -1)
        joined = torch.cat([self.pad_out, x], dim=2)
        if self.remembering:
            self.pad_out.copy_(joined[:, :, x.shape[2] :])
        y = joined[:, :, : x.shape[2]]
        return y + self.noise * torch.randn_like(y) if self.noise > 0.0 else y


class RaveOneLike(RaveLike):
    """The form of version 1: the rate is a buffer, a tensor of no dimension or of one."""

    rate_shape: tuple[int, ...] = ()

    def _keep_rate(self, sr: int) -> None:
        self.register_buffer("sampling_rate", torch.full(self.rate_shape, sr))
        self.register_buffer("max_batch_size", torch.tensor(8))


def saved(module: nn.Module, path: Path) -> Path:
    """Save the module as a TorchScript file and return its path."""
    torch.jit.script(module.eval()).save(path)
    return path
