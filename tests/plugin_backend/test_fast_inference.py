"""The fast form of the model is the model, and no block size changes a bit."""

import numpy as np
import pytest
import torch

from plugin_backend.block_stream import BlockStream
from plugin_backend.codecs import load_codec
from plugin_backend.waveform_vae import inference
from plugin_backend.waveform_vae.inference import FastDecoder, FastEncoder

SOUND = (np.random.default_rng(4).standard_normal((2, 60 * 512)) * 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def codec():
    return load_codec("foley")


def test_folding_and_packing_change_nothing_but_rounding(codec):
    model, sound = codec.model, torch.from_numpy(SOUND)
    with torch.inference_mode():
        mean, log_variance, _ = model.encoder(sound)
        expected_mean, expected_deviation = model.compact(mean, log_variance)
        expected_audio, _ = model.decoder(mean)
        got_mean, got_deviation, _ = FastEncoder(model)(sound)
        got_audio, _ = FastDecoder(model)(expected_mean)
    torch.testing.assert_close(got_mean, expected_mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(got_deviation, expected_deviation, atol=1e-4, rtol=1e-3)
    error = (got_audio - expected_audio).abs()
    assert error.square().mean().sqrt() < 1e-5 * expected_audio.abs().max()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 16])
def test_pieces_give_the_bits_of_the_whole_and_rounding_apart_without_packing(codec, frames, packed, monkeypatch):
    if not packed:
        monkeypatch.setattr(inference, "can_pack", lambda: False)
    elif not inference.can_pack():
        pytest.skip("this build of PyTorch has no packed linear layer")
    encode, decode = FastEncoder(codec.model), FastDecoder(codec.model)
    sound = torch.from_numpy(SOUND)
    with torch.inference_mode():
        mean, deviation, _ = encode(sound)
        audio, _ = decode(mean)
        heard, encoded, past_in, past_out = [], [], None, None
        for start in range(0, 60, frames):
            part, spread, past_in = encode(sound[:, start * 512 : (start + frames) * 512], past_in)
            samples, past_out = decode(part, past_out)
            encoded.append((part, spread))
            heard.append(samples)
    pieces = [torch.cat(parts, 1) for parts in (*zip(*encoded, strict=True), heard)]
    for piece, whole in zip(pieces, (mean, deviation, audio), strict=True):
        assert torch.equal(piece, whole) if packed else (piece - whole).square().mean().sqrt() < 1e-6


@pytest.mark.parametrize("block", [64, 100, 333, 512, 513, 1000, 4096, 8192])
def test_any_host_block_gives_the_bits_of_the_whole(codec, block):
    sound = np.pad(SOUND[0], (0, -SOUND.shape[1] % block))
    stream = BlockStream(codec)
    late = stream.latency_samples
    fed = np.pad(sound, (0, late + -late % block))
    heard = np.concatenate([stream.push(fed[i : i + block]) for i in range(0, fed.size, block)])[late:]
    whole = codec.decode(codec.encode(sound[None]))[0]
    if not inference.can_pack():
        pytest.skip("this build of PyTorch has no packed linear layer")
    known = SOUND.shape[1] - codec.spec.latency_samples  # the last frames hear what follows the sound
    np.testing.assert_array_equal(heard[:known], whole[:known])
