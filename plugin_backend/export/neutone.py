"""The codec as a Neutone FX model. It needs ``neutone_sdk``: the plug-in calls that package's classes."""

from __future__ import annotations

from typing import Dict, List  # noqa: UP035 - TorchScript reads the SDK's own annotations

import torch
from neutone_sdk import ContinuousNeutoneParameter, WaveformToWaveformBase
from torch import Tensor

from plugin_backend.export.nn_tilde import NnTildeCodec

BLOCK_HOPS = (1, 2, 4, 8)
"""Block sizes the plug-in may choose from, in hops of the codec. It queues other sizes up to these."""

NAME_LENGTH, SHORT_LENGTH, LONG_LENGTH = 30, 150, 500
"""Largest number of characters of its texts."""


class NeutoneCodec(WaveformToWaveformBase):
    """A stream through the codec, with controls for variation, scale and bias of the latents."""

    def __init__(self, streaming: NnTildeCodec, ratio: int, metadata: dict[str, str]):
        self.title, self.made_with = metadata["name"][:NAME_LENGTH], metadata["software"]
        self.fine_print = f"Licence: {metadata['licence']}. {metadata['summary']}"[:LONG_LENGTH]
        self.rates, self.blocks = [streaming.sr], [ratio * hops for hops in BLOCK_HOPS]
        super().__init__(streaming)

    def get_model_name(self) -> str:
        return self.title

    def get_model_authors(self) -> List[str]:  # noqa: UP006
        return ["Pisada"]

    def get_model_short_description(self) -> str:
        return "A variational autoencoder for Foley: hear any sound as its latents hear it."

    def get_model_long_description(self) -> str:
        return "Turns sound into a few latents and back. Variation lets them stray; scale and bias move them."

    def get_technical_description(self) -> str:
        return self.fine_print

    def get_tags(self) -> List[str]:  # noqa: UP006
        return ["foley", "vae"]

    def get_model_version(self) -> str:
        return "1.0.0"

    def is_experimental(self) -> bool:
        return False

    def get_neutone_parameters(self) -> list:
        return [
            ContinuousNeutoneParameter("variation", "How far latents stray from their mean", 0.0),
            ContinuousNeutoneParameter("scale", "All latents times 0 to 2; the middle is 1", 0.5),
            ContinuousNeutoneParameter("bias", "All latents plus -3 to 3; the middle is 0", 0.5),
        ]

    @torch.jit.export
    def is_input_mono(self) -> bool:
        return True

    @torch.jit.export
    def is_output_mono(self) -> bool:
        return True

    @torch.jit.export
    def get_native_sample_rates(self) -> List[int]:  # noqa: UP006
        return self.rates

    @torch.jit.export
    def get_native_buffer_sizes(self) -> List[int]:  # noqa: UP006
        return self.blocks

    @torch.jit.export
    def calc_model_delay_samples(self) -> int:
        return self.model.latency_samples

    def reset_model(self) -> bool:
        return self.model.set_reset(True) == 0

    def do_forward_pass(self, x: Tensor, params: Dict[str, Tensor]) -> Tensor:  # noqa: UP006
        self.model.set_variation(float(params["variation"]))
        self.model.set_scale(float(params["scale"]) * 2.0)
        self.model.set_bias((float(params["bias"]) - 0.5) * 6.0)
        return self.model.forward(x[None])[0]
