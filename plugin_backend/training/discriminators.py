"""The discriminators: their networks, their losses, and the file that keeps them beside a model.

They are saved with the model so that a later run can continue with trained discriminators.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from plugin_backend.errors import CheckpointError
from plugin_backend.output_files import write_atomically

SIZES = (2048, 512, 128)
"""STFT sizes of the three discriminators: pitch and rooms, bodies, attacks."""

COMPRESSION = 0.3
"""Exponent of the magnitudes. Below 1, quiet tails count beside loud attacks."""

LAYERS = (
    # channels out, kernel (frames, bins), stride (frames, bins)
    (32, (3, 8), (1, 4)),
    (32, (3, 8), (1, 4)),
    (64, (3, 4), (1, 2)),
    (64, (3, 3), (1, 1)),
)
SLOPE = 0.1


class STFTDiscriminator(nn.Module):
    """A 2-D convolutional discriminator of one complex STFT, as in EnCodec (Défossez et al. 2022)."""

    window: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        channels, layers = 2, []
        for out, kernel, stride in LAYERS:
            padding = (kernel[0] // 2, kernel[1] // 2)
            layers.append(weight_norm(nn.Conv2d(channels, out, kernel, stride, padding)))
            channels = out
        self.layers = nn.ModuleList(layers)
        self.verdict = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def image(self, audio: Tensor) -> Tensor:
        """Return ``[batch, 2, frames, bins]`` of ``[batch, samples]``: real and imaginary, magnitudes compressed."""
        spectrum = torch.stft(audio, self.size, self.size // 4, window=self.window, return_complex=True)
        parts = torch.view_as_real(spectrum)
        power = parts.square().sum(-1, keepdim=True) + 1e-7
        return (parts * power ** ((COMPRESSION - 1) / 2)).permute(0, 3, 2, 1)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Return the features after each layer. The last entry is the map of scores (high: a recording)."""
        x, features = self.image(audio), []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return [*features, self.verdict(x)]


class Discriminators(nn.Module):
    """One discriminator per STFT size. The weights are stored as ``judges.…``, so that older files can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.ModuleList(STFTDiscriminator(size) for size in SIZES)

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        return [discriminator(audio) for discriminator in self.judges]


def discriminator_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Return the hinge loss of the discriminators (Lim & Ye 2017), averaged over them."""
    losses = [
        torch.relu(1 - truth[-1]).mean() + torch.relu(1 + decoded[-1]).mean()
        for truth, decoded in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def decoder_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the decoder's adversarial loss and its feature-matching loss (relative to the recording's features)."""
    adversarial = torch.stack([-decoded[-1].mean() for decoded in fake]).mean()
    distances = [
        (a - b).abs().mean() / (b.abs().mean() + 1e-5)
        for truth, decoded in zip(real, fake, strict=True)
        for a, b in zip(decoded[:-1], truth[:-1], strict=True)
    ]
    return adversarial, torch.stack(distances).mean()


def discriminators_path(model: Path) -> Path:
    """Return the path of the discriminators of ``model`` (``NAME.safetensors``): ``NAME.critics`` beside it."""
    return model.with_suffix(".critics")


def save_discriminators(discriminators: Discriminators, path: Path) -> None:
    """Write the discriminators as safetensors."""
    with write_atomically(path) as temporary:
        tensors = {name: value.detach().cpu().contiguous() for name, value in discriminators.state_dict().items()}
        temporary.write_bytes(serialise(tensors))


def load_discriminators(discriminators: Discriminators, path: Path) -> bool:
    """Load the weights at ``path`` into ``discriminators``; return False, changing nothing, if there is no file.

    Raises:
        CheckpointError: the file is damaged, or holds discriminators of another structure.
    """
    if not path.exists():
        return False
    try:
        discriminators.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as problem:
        reason = str(problem).splitlines()[0]
        raise CheckpointError(
            f"{path}: not discriminators that this version can read ({reason}); remove it to start with new ones"
        ) from problem
    return True
