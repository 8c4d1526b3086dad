import dataclasses

import pytest

from plugin_backend.models.waveform_vae.config import WaveformVAEConfig

SIZES = {"encoder_width": 32, "encoder_blocks": 2, "decoder_width": 48, "decoder_blocks": 2}


@pytest.fixture(autouse=True)
def small_new_models(monkeypatch):
    """New models are narrow and shallow: what is tested does not depend on their size."""
    small = dataclasses.replace(WaveformVAEConfig.noise_first(), **SIZES)
    monkeypatch.setattr(WaveformVAEConfig, "noise_first", classmethod(lambda cls: small))
