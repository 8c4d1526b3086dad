"""Level: sounds come back from a trained model as loud as they are."""

import numpy as np
import pytest
import torch

from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.gain_calibration import calibrate_gain
from plugin_backend.models.waveform_vae.model import WaveformVAE
from tests.plugin_backend.training_runs import SETTINGS, quiet_run, sampler


def lacking_db(model, audio):
    """By how many dB the decoder's sound is quieter than ``audio`` ``[batch, samples]``."""
    with torch.no_grad():
        guess = model.decoder(model.encoder(audio)[0])[0][:, model.config.latency :]
    truth = audio[:, : guess.shape[1]]
    return (10 * torch.log10(truth.square().mean(1) / guess.square().mean(1))).numpy()


def test_sounds_come_back_as_loud_as_they_are():
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig())
    audio = torch.from_numpy(sampler().batch(5, 0, 0))
    before = lacking_db(model, audio)
    assert calibrate_gain(model, [audio]) == pytest.approx(np.median(before), abs=1e-3)
    np.testing.assert_allclose(lacking_db(model, audio), before - np.median(before), atol=1e-3)
    assert calibrate_gain(model, [audio]) == pytest.approx(0, abs=1e-3)


def test_silence_says_nothing_of_the_level():
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig())
    audio = torch.from_numpy(sampler().batch(3, 0, 0))
    quiet = torch.cat([torch.zeros(5, audio.shape[1]), audio])
    before = lacking_db(model, audio)
    assert calibrate_gain(model, [quiet]) == pytest.approx(np.median(before), abs=1e-3)
    assert calibrate_gain(model, [torch.zeros_like(audio)]) == 0.0


def test_a_trained_model_is_as_loud_as_what_it_learned(tmp_path):
    out = tmp_path / "m.safetensors"
    record = quiet_run(out, SETTINGS).train()
    crops = [torch.from_numpy(sampler("musical").batch(SETTINGS.batch, SETTINGS.seed, step)) for step in range(24)]
    assert calibrate_gain(checkpoint.load(out), crops) == pytest.approx(0, abs=0.01)
    assert record["raised_db"] != 0
