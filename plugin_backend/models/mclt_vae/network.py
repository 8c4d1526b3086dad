"""The two halves of the network, with real or with complex numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from plugin_backend.models.mclt_vae.config import MclVaeConfig, sizes_of


def dtype_of(config: MclVaeConfig) -> torch.dtype:
    """Return the type of the network's numbers."""
    return torch.complex64 if config.content == "complex" else torch.float32


def activate(x: Tensor) -> Tensor:
    """Return the ReLU; of complex numbers that of real and imaginary part (complex ReLU)."""
    return torch.view_as_complex(torch.view_as_real(x).relu()) if x.is_complex() else x.relu()


class Encoder(nn.Module):
    """Convolutions over bins and frames, and a linear layer to the parameters of the latent's distribution."""

    def __init__(self, config: MclVaeConfig):
        super().__init__()
        dtype, before = dtype_of(config), config.image[0]
        self.convolutions = nn.ModuleList()
        for channels, kernel, *strides in config.layers:
            pad = kernel // 2 if config.padded else 0
            self.convolutions.append(nn.Conv2d(before, channels, kernel, tuple(strides), pad, dtype=dtype))
            before = channels
        outputs = config.latent * (3 if config.content == "complex" else 2)
        self.head = nn.Linear(before * math.prod(sizes_of(config)[-1]), outputs, dtype=dtype)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[batch, 2 or 3 × latent]`` of images ``[batch, channels, height, width]``."""
        for convolution in self.convolutions:
            images = activate(convolution(images))
        return self.head(images.flatten(1))


class Decoder(nn.Module):
    """The encoder in reverse."""

    def __init__(self, config: MclVaeConfig):
        super().__init__()
        self.config, dtype, sizes = config, dtype_of(config), sizes_of(config)
        self.shape = (config.layers[-1][0], *sizes[-1])
        widths = [config.latent, *[config.hidden] * bool(config.hidden), math.prod(self.shape)]
        self.linears = nn.ModuleList(
            nn.Linear(before, after, dtype=dtype) for before, after in zip(widths[:-1], widths[1:], strict=True)
        )
        self.convolutions = nn.ModuleList()
        channels = [config.image[0], *(layer[0] for layer in config.layers)]
        for index in reversed(range(len(config.layers))):
            _, kernel, *strides = config.layers[index]
            pad = kernel // 2 if config.padded else 0
            extra = [
                wanted - ((size - 1) * stride - 2 * pad + kernel)
                for wanted, size, stride in zip(sizes[index], sizes[index + 1], strides, strict=True)
            ]
            self.convolutions.append(
                nn.ConvTranspose2d(
                    channels[index + 1], channels[index], kernel, tuple(strides), pad, tuple(extra), dtype=dtype
                )
            )
        self.offset = nn.Parameter(torch.zeros(1, *config.image[:2], 1, dtype=dtype))

    def forward(self, latents: Tensor) -> Tensor:
        """Return images ``[batch, channels, height, width]`` of ``[batch, latent]``."""
        for linear in self.linears:
            latents = activate(linear(latents))
        images = latents.unflatten(1, self.shape)
        for convolution in self.convolutions[:-1]:
            images = activate(convolution(images))
        images = self.convolutions[-1](images) + self.offset
        return images.tanh() if self.config.bounded else images


def initialise(module: nn.Module, generator: torch.Generator | None = None) -> None:
    """Give all weights normal numbers of variance 2 / inputs (He et al. 2015), half in each part of a complex one.

    Args:
        module: the network; offsets stay zero, biases become zero.
        generator: of the numbers; the default one if ``None``.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            weight = layer.weight
            inputs = weight.shape[1] * math.prod(weight.shape[2:])
            if isinstance(layer, nn.ConvTranspose2d):
                inputs = weight.shape[0] * math.prod(weight.shape[2:]) / math.prod(layer.stride)
            with torch.no_grad():
                shape = torch.view_as_real(weight).shape if weight.is_complex() else weight.shape
                numbers = torch.randn(shape, generator=generator) * math.sqrt(2 / inputs)
                weight.copy_(torch.view_as_complex(numbers / math.sqrt(2)) if weight.is_complex() else numbers)
                layer.bias.zero_()
