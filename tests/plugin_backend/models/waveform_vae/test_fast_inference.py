"""The fast model equals the model, and no block size changes a bit."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae import matrix_products as products
from plugin_backend.models.waveform_vae.fast_inference import FastDecoder, FastEncoder
from plugin_backend.models.waveform_vae.high_pass import apply_high_pass
from plugin_backend.models.waveform_vae.matrix_products import BACKENDS, PlainProduct

SOUND = (np.random.default_rng(4).standard_normal((2, 60 * 512)) * 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def codec():
    return load_codec("foley")


@pytest.fixture(params=BACKENDS, ids=lambda kind: kind.__name__)
def one_way(request, monkeypatch):
    if not request.param.is_available():
        pytest.skip(f"this build of PyTorch has no {request.param.__name__}")
    use_only(request.param, monkeypatch)
    return request.param


def use_only(kind, monkeypatch):
    """Compute with one kind of product only; the engine in C only with its own."""
    monkeypatch.setattr(products, "BACKENDS", (kind,))
    if kind is not products.NativeProduct:
        monkeypatch.setenv(engine.CHOICE, engine.NONE)


def reconstruct(model, sound: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Means, deviations and the sound of the means, by the fast form."""
    with torch.inference_mode():
        mean, deviation, _ = FastEncoder(model)(sound)
        return mean, deviation, FastDecoder(model)(mean)[0]


def relative(guess: torch.Tensor, truth: torch.Tensor) -> float:
    return float((guess - truth).square().mean().sqrt() / truth.square().mean().sqrt())


def test_folding_changes_nothing_but_float_rounding(codec, monkeypatch):
    use_only(PlainProduct, monkeypatch)
    monkeypatch.setattr(products, "rounded", lambda weight: weight.detach())
    model, sound = codec.model, torch.from_numpy(SOUND)
    mean, deviation, audio = reconstruct(model, sound)
    with torch.inference_mode():
        slow_mean, log_variance, _ = model.encoder(sound)
        expected_mean, expected_deviation = model.compact(slow_mean, log_variance)
        expected_audio = apply_high_pass(model.decoder(slow_mean)[0], model.config.sample_rate)
    torch.testing.assert_close(mean, expected_mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(deviation, expected_deviation, atol=1e-4, rtol=1e-3)
    assert (audio - expected_audio).square().mean().sqrt() < 1e-5 * expected_audio.abs().max()


def test_half_precision_of_the_weights_stays_far_below_what_the_codec_itself_changes(codec, monkeypatch):
    halves = reconstruct(codec.model, torch.from_numpy(SOUND))
    monkeypatch.setattr(products, "rounded", lambda weight: weight.detach())
    use_only(PlainProduct, monkeypatch)
    whole = reconstruct(codec.model, torch.from_numpy(SOUND))
    assert relative(halves[0], whole[0]) < 2e-3
    assert 1e-6 < relative(halves[2], whole[2]) < 2e-2


def test_every_way_of_multiplying_is_the_same_model(codec, one_way, monkeypatch):
    expected = reconstruct(codec.model, torch.from_numpy(SOUND))
    use_only(PlainProduct, monkeypatch)
    for got, plain in zip(expected, reconstruct(codec.model, torch.from_numpy(SOUND)), strict=True):
        assert relative(got, plain) < 1e-5


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 14, 15, 33, 64, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_has_its_own_bits_however_many_come_with_it(rows, threads, one_way):
    rng, before = torch.Generator().manual_seed(1), torch.get_num_threads()
    weight, bias, x = (torch.randn(*shape, generator=rng) for shape in ((768, 192), (768,), (1, 200, 192)))
    product = products.Linear(weight, bias, gelu=True)
    torch.set_num_threads(threads)
    try:
        pieces = torch.cat([product(x[:, i : i + rows]) for i in range(0, 200, rows)], 1)
        whole = product(x)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(pieces, whole)


def test_weights_beyond_half_precision_are_brought_into_it_and_ways_still_agree(one_way):
    weight = torch.tensor([[1e6, -1e6, 65504.0, 1e-9]] * 3)
    product = products.Linear(weight, torch.zeros(3))
    assert product.weight[0].tolist() == [65504.0, -65504.0, 65504.0, 0.0]
    torch.testing.assert_close(product(torch.eye(4)[None]), product.weight.T[None])


def test_loading_a_model_prints_no_deprecation_warning():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from plugin_backend.models.registry import load_codec; c = load_codec('foley'); c.silence(1)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 16])
def test_pieces_give_the_bits_of_the_whole(codec, frames, one_way):
    encode, decode = FastEncoder(codec.model), FastDecoder(codec.model)
    sound = torch.from_numpy(SOUND)
    with torch.inference_mode():
        mean, deviation, _ = encode(sound)
        audio, _ = decode(mean)
        output, encoded, past_in, past_out = [], [], None, None
        for start in range(0, 60, frames):
            part, spread, past_in = encode(sound[:, start * 512 : (start + frames) * 512], past_in)
            samples, past_out = decode(part, past_out)
            encoded.append((part, spread))
            output.append(samples)
    pieces = [torch.cat(parts, 1) for parts in (*zip(*encoded, strict=True), output)]
    for piece, whole in zip(pieces, (mean, deviation, audio), strict=True):
        assert torch.equal(piece, whole)


@pytest.mark.parametrize("block", [64, 100, 333, 512, 513, 1000, 4096, 8192])
def test_any_host_block_gives_the_bits_of_the_whole(codec, block):
    sound = np.pad(SOUND[0], (0, -SOUND.shape[1] % block))
    stream = BlockStream(codec)
    late = stream.latency_samples
    fed = np.pad(sound, (0, late + -late % block))
    output = np.concatenate([stream.push(fed[i : i + block]) for i in range(0, fed.size, block)])[late:]
    whole = codec.decode(codec.encode(sound[None]))[0]
    known = SOUND.shape[1] - codec.spec.latency_samples  # the last frames hear what follows the sound
    np.testing.assert_array_equal(output[:known], whole[:known])
