"""The model in PyTorch as functions of arrays, as the engine in C has them."""

from __future__ import annotations

import numpy as np
import torch

from plugin_backend.models.waveform_vae.fast_inference import FastDecoder, FastEncoder, to_arrays, to_tensors
from plugin_backend.models.waveform_vae.model import WaveformVAE


class ArrayEncoder:
    """Computes the same as :class:`~plugin_backend.models.waveform_vae.c_engine_tables.NativeEncoder`."""

    def __init__(self, model: WaveformVAE):
        self._encoder = FastEncoder(model)

    @torch.inference_mode()
    def __call__(
        self, audio: np.ndarray, past: tuple | None, deviations: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None, tuple]:
        return to_arrays(self._encoder(torch.from_numpy(np.ascontiguousarray(audio)), to_tensors(past), deviations))


class ArrayDecoder:
    """Computes the same as :class:`~plugin_backend.models.waveform_vae.c_engine_tables.NativeDecoder`."""

    def __init__(self, model: WaveformVAE):
        self._decoder = FastDecoder(model)

    def start(self, batch: int, seeds: np.ndarray | None = None, sides: np.ndarray | None = None) -> tuple:
        """Return the past at a sound's first sample; see the engine's."""
        return to_arrays(self._decoder.start(batch, to_tensors(seeds), to_tensors(sides)))

    @torch.inference_mode()
    def __call__(self, latents: np.ndarray, past: tuple | None) -> tuple[np.ndarray, tuple]:
        return to_arrays(self._decoder(torch.from_numpy(np.ascontiguousarray(latents)), to_tensors(past)))
