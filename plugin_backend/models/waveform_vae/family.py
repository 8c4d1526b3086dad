"""The waveform VAE as a :class:`~plugin_backend.models.family.TrainableFamily`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_backend.models.family import Computation
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae.checkpoint_header import read_spec, read_training
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig

if TYPE_CHECKING:
    from torch import Tensor

    from plugin_backend.codecs.base import Codec, CodecSpec
    from plugin_backend.models.family import DecodedTwice, RandomDraws
    from plugin_backend.models.waveform_vae.model import WaveformVAE


class WaveformVAEFamily:
    """Reads, trains and writes waveform VAEs."""

    sample_rate = WaveformVAEConfig.sample_rate

    def computation(self) -> Computation:
        if (chosen := engine.instruction_set()) is not None:
            remark = f"the engine in C ({chosen}): the same bits on every processor"
            return Computation(engine.PRODUCTS, True, remark, by_torch=False)
        from plugin_backend.models.waveform_vae.matrix_products import computation

        return computation()

    def read_spec(self, path: Path) -> CodecSpec:
        return read_spec(path)

    def read_training(self, path: Path) -> dict:
        return read_training(path)

    def load_codec(self, path: Path) -> Codec:
        from plugin_backend.models.waveform_vae.codec import WaveformCodec

        return WaveformCodec(path)

    def new_model(self) -> WaveformVAE:
        from plugin_backend.models.waveform_vae.model import WaveformVAE

        return WaveformVAE(WaveformVAEConfig.noise_first())

    def load_model(self, path: Path) -> WaveformVAE:
        from plugin_backend.models.waveform_vae import checkpoint

        return checkpoint.load(path)

    def save_model(self, model: WaveformVAE, path: Path, training: dict) -> None:
        from plugin_backend.models.waveform_vae import checkpoint

        checkpoint.save(model, path, training)

    def decode_twice(
        self,
        model: WaveformVAE,
        audio: Tensor,
        draws: RandomDraws,
        frozen: bool,
        precision: AbstractContextManager,
    ) -> DecodedTwice:
        from plugin_backend.models.waveform_vae.decode_twice import decode_twice

        return decode_twice(model, audio, draws, frozen, precision)

    def calibrate(self, model: WaveformVAE, batches: list[Tensor]) -> dict[str, Any]:
        from plugin_backend.models.waveform_vae.gain_calibration import calibrate_gain
        from plugin_backend.models.waveform_vae.latent_pca import fit_latent_pca

        return {"raised_db": round(calibrate_gain(model, batches), 3)} | fit_latent_pca(model, batches)


FAMILY = WaveformVAEFamily()
