"""The spectral VAE as a :class:`~plugin_backend.models.family.VectorFamily`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_backend.models.spectral_vae.checkpoint_header import read_spec, read_training
from plugin_backend.models.spectral_vae.config import CONFIGURATIONS, SpectralVAEConfig

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from plugin_backend.codecs.base import Codec, CodecSpec
    from plugin_backend.models.family import ClipBatch, Computation


class SpectralVAEFamily:
    """Reads, trains and writes spectral VAEs."""

    configurations = CONFIGURATIONS
    aligned = pitched = True

    def computation(self) -> Computation | None:
        return None

    def read_spec(self, path: Path) -> CodecSpec:
        return read_spec(path)

    def read_training(self, path: Path) -> dict:
        return read_training(path)

    def load_codec(self, path: Path) -> Codec:
        from plugin_backend.models.spectral_vae.codec import SpectralCodec

        return SpectralCodec(path)

    def clip_format(self, configuration: str) -> tuple[int, int]:
        config = SpectralVAEConfig.named(configuration)
        return config.sample_rate, config.hop

    def new_vector_model(self, configuration: str) -> nn.Module:
        from plugin_backend.models.spectral_vae.checkpoint import build

        return build(SpectralVAEConfig.named(configuration))

    def load_model(self, path: Path) -> nn.Module:
        from plugin_backend.models.spectral_vae import checkpoint

        return checkpoint.load(path)

    def save_model(self, model: nn.Module, path: Path, training: dict) -> None:
        from plugin_backend.models.spectral_vae import checkpoint

        checkpoint.save(model, path, training)

    def measure(self, model: nn.Module, batches: list[ClipBatch]) -> dict[str, Any]:
        from plugin_backend.models.spectral_vae.measure_range import measure_range

        return measure_range(model, batches)

    def loss_terms(
        self, model: nn.Module, batch: ClipBatch, generator: Generator | None, progress: float
    ) -> dict[str, Tensor]:
        from plugin_backend.models.spectral_vae.losses import comb_losses, image_losses

        losses = comb_losses if model.config.decoder == "comb" else image_losses
        return losses(model, batch, generator, progress)


FAMILY = SpectralVAEFamily()
