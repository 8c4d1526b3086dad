"""The phase-aware models as a :class:`~plugin_backend.models.family.VectorFamily`: trained on clips of fixed length."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_backend.models.mclt_vae.checkpoint_header import read_spec, read_training
from plugin_backend.models.mclt_vae.config import CONFIGURATIONS

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from plugin_backend.codecs.base import Codec, CodecSpec
    from plugin_backend.models.family import ClipBatch, Computation
    from plugin_backend.models.mclt_vae.model import MclVae

WARM_UP = 0.2
"""The share of a training over which the weight of the KL divergence rises from 0."""


class MclVaeFamily:
    """Reads, trains and writes phase-aware models. Clips are cut anywhere: a long sound is many of them."""

    configurations = tuple(CONFIGURATIONS)
    aligned = pitched = False

    def computation(self) -> Computation | None:
        return None

    def read_spec(self, path: Path) -> CodecSpec:
        return read_spec(path)

    def read_training(self, path: Path) -> dict:
        return read_training(path)

    def load_codec(self, path: Path) -> Codec:
        from plugin_backend.models.mclt_vae.codec import MclVaeCodec

        return MclVaeCodec(path)

    def clip_format(self, configuration: str) -> tuple[int, int]:
        config = CONFIGURATIONS[configuration]
        return config.sample_rate, config.clip_samples

    def new_vector_model(self, configuration: str) -> MclVae:
        from plugin_backend.models.mclt_vae.model import MclVae

        return MclVae(CONFIGURATIONS[configuration])

    def load_model(self, path: Path) -> MclVae:
        from plugin_backend.models.mclt_vae import checkpoint

        return checkpoint.load(path)

    def save_model(self, model: MclVae, path: Path, training: dict) -> None:
        from plugin_backend.models.mclt_vae import checkpoint

        checkpoint.save(model, path, training)

    def measure(self, model: MclVae, batches: list[ClipBatch]) -> dict[str, Any]:
        return {}  # levels pass beside the network, and the range of dB stands in the configuration

    def loss_terms(
        self, model: MclVae, batch: ClipBatch, generator: Generator | None, progress: float
    ) -> dict[str, Tensor]:
        import torch

        noise = None
        if generator is not None:
            noise = torch.randn(len(batch.audio), model.config.network_dim, generator=generator).to(batch.audio.device)
        losses = model.losses(batch.audio, noise)
        beta = model.config.beta * min(1.0, progress / WARM_UP)
        total = losses.error + beta * losses.kl_divergence
        return {"loss": total, "error": losses.error, "kl": losses.kl_divergence}


FAMILY = MclVaeFamily()
