"""The critics of a finished run, kept beside its model so that a later run goes on with them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from plugin_backend.errors import CheckpointError
from plugin_backend.output_files import write_atomically

SIZES = (2048, 512, 128)
"""STFT sizes of the three judges: pitch and rooms, bodies, attacks."""

COMPRESSION = 0.3
"""The power magnitudes are raised to, so that tails count beside attacks."""

LAYERS = (
    # channels out, kernel (frames, bins), stride (frames, bins)
    (32, (3, 8), (1, 4)),
    (32, (3, 8), (1, 4)),
    (64, (3, 4), (1, 2)),
    (64, (3, 3), (1, 1)),
)
SLOPE = 0.1


class STFTDiscriminator(nn.Module):
    """A 2-D convolutional critic of one complex STFT, in the manner of EnCodec's (Défossez et al. 2022)."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        channels, layers = 2, []
        for out, kernel, stride in LAYERS:
            padding = tuple(length // 2 for length in kernel)
            layers.append(weight_norm(nn.Conv2d(channels, out, kernel, stride, padding)))
            channels = out
        self.layers = nn.ModuleList(layers)
        self.verdict = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def image(self, audio: Tensor) -> Tensor:
        """``[batch, samples]`` → ``[batch, 2, frames, bins]``: real and imaginary, magnitudes compressed."""
        spectrum = torch.stft(audio, self.size, self.size // 4, window=self.window, return_complex=True)
        parts = torch.view_as_real(spectrum)
        power = parts.square().sum(-1, keepdim=True) + 1e-7
        return (parts * power ** ((COMPRESSION - 1) / 2)).permute(0, 3, 2, 1)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Features after each layer; the last entry is the map of verdicts (high: a recording)."""
        x, features = self.image(audio), []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return [*features, self.verdict(x)]


class Discriminators(nn.Module):
    """One critic per STFT size."""

    def __init__(self):
        super().__init__()
        self.judges = nn.ModuleList(STFTDiscriminator(size) for size in SIZES)

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        return [judge(audio) for judge in self.judges]


def discriminator_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Hinge loss of the critics (Lim & Ye 2017), averaged over them."""
    parts = [
        torch.relu(1 - truth[-1]).mean() + torch.relu(1 + guess[-1]).mean()
        for truth, guess in zip(real, fake, strict=True)
    ]
    return torch.stack(parts).mean()


def decoder_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """What the decoder minimises: the critics' doubt, and the distance of their features (scaled to truth's size)."""
    doubt = torch.stack([-guess[-1].mean() for guess in fake]).mean()
    matches = [
        (a - b).abs().mean() / (b.abs().mean() + 1e-5)
        for truth, guess in zip(real, fake, strict=True)
        for a, b in zip(guess[:-1], truth[:-1], strict=True)
    ]
    return doubt, torch.stack(matches).mean()


def discriminators_path(model: Path) -> Path:
    """Where the critics of ``model`` (``NAME.safetensors``) are kept: ``NAME.critics`` beside it."""
    return model.with_suffix(".critics")


def save_discriminators(judges: Discriminators, path: Path) -> None:
    """Write them as safetensors."""
    with write_atomically(path) as whole:
        tensors = {name: value.detach().cpu().contiguous() for name, value in judges.state_dict().items()}
        whole.write_bytes(serialised(tensors))


def load_discriminators(judges: Discriminators, path: Path) -> bool:
    """Fill ``judges`` from ``path``; False, and nothing done, where there are none.

    Raises:
        CheckpointError: the file is damaged, or holds other critics than this edition's.
    """
    if not path.exists():
        return False
    try:
        judges.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as problem:
        told = str(problem).splitlines()[0]
        raise CheckpointError(
            f"{path}: not critics this edition knows ({told}); remove it to begin with new ones"
        ) from problem
    return True
