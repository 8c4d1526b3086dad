"""Where the engine in C computes, nothing imports PyTorch; and the engine's weights are the model's."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models.registry import checkpoint_path
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae.c_engine_tables import input_means, read_weights, weight_shapes
from plugin_backend.models.waveform_vae.checkpoint_header import read_config
from plugin_backend.models.waveform_vae.codec import WaveformCodec
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE
from tests.plugin_backend.models.waveform_vae.test_c_engine import CONFIGS, model_of

needs_engine = pytest.mark.skipif(engine.instruction_set() is None, reason="the engine in C was not built")

WORK = """
import sys
import numpy as np
from plugin_backend.models.batched_codec import batched
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.stream_state import restore_stream_state, save_stream_state

codec = load_codec("foley")
sound = np.random.default_rng(0).standard_normal((2, 8 * codec.spec.hop_samples)).astype(np.float32)
latents, _ = codec.posterior(sound)
batched(codec).decode(latents, [1, 2], [0.5, -0.5])
first, second = codec.decoder(), codec.decoder()
first.push(latents[:1, :4])
restore_stream_state(second, save_stream_state(first, codec.spec))
assert np.array_equal(first.push(latents[:1, 4:]), second.push(latents[:1, 4:]))
"""
SHEET = "id,start,stem,preset\nA,00:00:00:00,FEET,step-gravel\nB,00:00:01:00,AMB,cloth-move\n"
COMMAND = "from studio.cli import main; import sys; sys.argv[1:] = {}; main()"
RENDER = COMMAND.format(["render", "cues.csv", "--fps", "25", "--out", "out"])
NO_TORCH = "raise RuntimeError('torch was imported')\n"


@needs_engine
@pytest.mark.parametrize("code", [WORK, RENDER], ids=["model", "render"])
def test_torch_is_not_imported_by_any_process(tmp_path, code):
    (tmp_path / "torch.py").write_text(NO_TORCH)
    (tmp_path / "cues.csv").write_text(SHEET)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert code is WORK or len(list((tmp_path / "out").glob("*.wav"))) == 3


@pytest.mark.parametrize("name", CONFIGS)
def test_shapes_and_means_are_those_of_the_network(name):
    model = model_of(**CONFIGS[name])
    expected = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    assert weight_shapes(model.config) == expected
    assert torch.equal(torch.from_numpy(input_means(model.config)), model.encoder.centre)


@needs_engine
def test_weights_that_do_not_fit_are_refused(tmp_path):
    path, config = tmp_path / "wrong.safetensors", read_config(checkpoint_path("foley"))
    weights = {
        key: tensor.contiguous() for key, tensor in WaveformVAE(WaveformVAEConfig.noise_first()).state_dict().items()
    }
    path.with_suffix(".json").write_text(
        json.dumps({"family": "waveform-vae", "version": 1, "config": {**vars(config)}, "training": {}})
    )
    for change in ({"rotation": weights["rotation"][:3].contiguous()}, {"more": torch.zeros(1)}):
        save_file(weights | change, path)
        with pytest.raises(CheckpointError, match="the weights do not fit wrong.json"):
            WaveformCodec(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        read_weights(path, config)
