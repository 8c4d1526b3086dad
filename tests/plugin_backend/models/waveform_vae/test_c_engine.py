"""The C engine equals PyTorch's model, with the same bits in any blocks and batches and on any processor."""

import numpy as np
import pytest
import torch

from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae import matrix_products as products
from plugin_backend.models.waveform_vae.addressed_noise import white_noise
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.fast_inference import FastDecoder, FastEncoder
from plugin_backend.models.waveform_vae.model import WaveformVAE

pytestmark = pytest.mark.skipif(
    engine.instruction_set() is None, reason="the engine was not built, or is not taken here"
)

ENGINE_DIFFERS_BY_DB = -100
"""Largest difference of latents or samples from PyTorch's, relative to the largest."""

CONFIGS = {
    "levels": {"latent_dim": 8, "encoder_view": 2048, "encoder_view_bins": 40, "encoder_energy_samples": 32},
    "coherent": {"latent_dim": 5, "coherent": True, "encoder_energy_samples": 64},
    "odd widths": {"latent_dim": 3, "encoder_width": 20, "decoder_width": 37, "kernel": 4, "expansion": 3},
    "small": {"hop": 128, "encoder_hop": 128, "decoder_window": 512, "decoder_hop": 128, "encoder_view": 1024},
    "shallow": {"encoder_blocks": 1, "decoder_blocks": 1, "kernel": 1, "encoder_window": 256, "encoder_hop": 64},
}
CONFIGS["levels"] |= {"band_levels": True}
CONFIGS["small"] |= {"encoder_view_bins": 30, "long_bands": 40, "short_bands": 9, "band_levels": True}
CONFIGS["small"] |= {"short_window": 64}


def model_of(**sizes) -> WaveformVAE:
    """An untrained model whose layers all say something."""
    small = {"head": "noise", "encoder_blocks": 2, "decoder_blocks": 2, "encoder_width": 48, "decoder_width": 64}
    torch.manual_seed(3)
    model = WaveformVAE(WaveformVAEConfig(**(small | sizes))).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1 and not name.endswith("gain"):
                weight.add_(0.1 * torch.randn_like(weight))
            elif weight.dim() > 1:
                weight.copy_(torch.randn_like(weight) / weight[0].numel() ** 0.5)
        model.rotation.copy_(torch.linalg.qr(torch.randn(len(model.rotation), len(model.rotation)))[0])
        model.centre.normal_()
    return model


def sound_of(rows: int, samples: int) -> torch.Tensor:
    fade = 0.2 * np.exp(-np.arange(samples) / 6_000).astype(np.float32)
    return torch.from_numpy(white_noise(np.arange(rows), np.zeros(rows, np.int64), samples) * fade)


def leaves(memory):
    return [memory] if isinstance(memory, torch.Tensor) else [one for part in memory for one in leaves(part)]


@torch.inference_mode()
def made_by(encode, decode, rows: int = 2, hops: int = 40, pieces=None, hop: int = 512) -> list[torch.Tensor]:
    """Means, deviations and sound, in pieces of so many hops, and all that is remembered at the end."""
    sound, seeds = sound_of(rows, hops * hop), torch.arange(rows) * (2**61) + 5
    past_in, past_out = None, decode.start(rows, seeds, torch.linspace(0, 0.5, rows))
    found, at = [], 0
    for count in pieces or [hops]:
        mean, deviation, past_in = encode(sound[:, at * hop : (at + count) * hop], past_in)
        audio, past_out = decode(mean, past_out)
        found.append((mean, deviation, audio))
        at += count
    assert at == hops
    return [torch.cat(parts, 1) for parts in zip(*found, strict=True)] + leaves(past_in) + leaves(past_out)


def of(model, monkeypatch, choice: str | None = None):
    """The fast form of a model as it is made where the environment says so."""
    with monkeypatch.context() as patch:
        if choice:
            patch.setenv(engine.CHOICE, choice)
        return FastEncoder(model), FastDecoder(model)


def apart_db(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one.double(), other.double()
    return 20 * float(torch.log10((one - other).abs().max() / other.abs().max() + 1e-12))


def assert_equal(ones, others):
    for one, other in zip(ones, others, strict=True):
        assert torch.equal(one, other)


@pytest.fixture(scope="module", params=CONFIGS)
def model(request):
    return model_of(**CONFIGS[request.param])


def test_the_engine_is_pytorchs_model(model, monkeypatch):
    ours = of(model, monkeypatch)
    theirs = of(model, monkeypatch, engine.NONE)
    assert ours[0]._native and ours[1]._native and not theirs[0]._native and not theirs[1]._native
    hop = model.config.hop
    found = {
        number: apart_db(one, other)
        for number, (one, other) in enumerate(
            zip(made_by(*ours, hop=hop)[:3], made_by(*theirs, hop=hop)[:3], strict=True)
        )
    }
    assert max(found.values()) < ENGINE_DIFFERS_BY_DB, found


def test_a_past_goes_from_one_to_the_other(model, monkeypatch):
    ours, theirs = of(model, monkeypatch), of(model, monkeypatch, engine.NONE)
    hop, sound = model.config.hop, sound_of(1, 20 * model.config.hop)
    with torch.inference_mode():
        expected, _, _ = ours[0](sound)
        _, _, past = theirs[0](sound[:, : 9 * hop])
        assert apart_db(ours[0](sound[:, 9 * hop :], past)[0], expected[:, 9:]) < ENGINE_DIFFERS_BY_DB
        output, _ = ours[1](expected)
        _, past = ours[1](expected[:, :9])
        assert apart_db(theirs[1](expected[:, 9:], past)[0], output[:, 9 * hop :]) < ENGINE_DIFFERS_BY_DB


@pytest.mark.parametrize("path", [*engine.instruction_sets()][:-1])
def test_every_kind_of_processor_makes_the_same_bits(model, path, monkeypatch):
    hop = model.config.hop
    fastest = of(model, monkeypatch)
    other = of(model, monkeypatch, path)
    assert_equal(made_by(*other, hops=12, hop=hop), made_by(*fastest, hops=12, hop=hop))


def test_any_pieces_make_the_same_bits(model, monkeypatch):
    fast, hop = of(model, monkeypatch), model.config.hop
    whole = made_by(*fast, hop=hop)
    for pieces in ([1] * 40, [2] * 20, [16, 16, 8], [1, 3, 7, 29], [33, 7]):
        assert_equal(made_by(*fast, pieces=pieces, hop=hop), whole)


@pytest.mark.parametrize("rows", [1, 3, 8, 16, 40])
def test_a_row_of_any_batch_is_the_row_alone(model, rows, monkeypatch):
    encode, decode = of(model, monkeypatch)
    hop = model.config.hop
    sound, seeds, sides = sound_of(rows, 5 * hop), torch.arange(rows) + 7, torch.linspace(-1, 1, rows)
    with torch.inference_mode():
        means, deviations, remembered = encode(sound)
        output, after = decode(means, decode.start(rows, seeds, sides))
        for row in {0, rows // 2, rows - 1}:
            own = slice(row, row + 1)
            mean, deviation, past = encode(sound[own])
            alone, past_out = decode(mean, decode.start(1, seeds[own], sides[own]))
            assert_equal((mean, deviation, alone), (means[own], deviations[own], output[own]))
            assert_equal(leaves(past) + leaves(past_out), [one[own] for one in leaves(remembered) + leaves(after)])


@pytest.mark.parametrize("number", range(6))
def test_random_sizes(number, monkeypatch):
    """Equal to PyTorch's, and to itself in random pieces and by plain C."""
    draw = np.random.default_rng(number)

    def one_of(*values):
        return values[draw.integers(len(values))]

    hop = one_of(128, 256, 512)
    sizes = {
        "hop": hop,
        "latent_dim": int(draw.integers(1, 40)),
        "encoder_hop": (encoder_hop := hop // one_of(1, 2, 4)),
        "encoder_window": encoder_hop * one_of(1, 2, 4),
        "encoder_width": int(draw.integers(4, 90)),
        "decoder_width": int(draw.integers(4, 90)),
        "decoder_hop": (decoder_hop := hop // one_of(1, 2)),
        "decoder_window": 4 * decoder_hop,
        "encoder_blocks": int(draw.integers(1, 4)),
        "decoder_blocks": int(draw.integers(1, 4)),
        "kernel": int(draw.integers(1, 9)),
        "expansion": int(draw.integers(1, 5)),
        "long_bands": int(draw.integers(2, 60)),
        "short_bands": int(draw.integers(2, 20)),
        "short_window": one_of(64, 128, 256),
        "encoder_energy_samples": one_of(0, 8, 32, 64),
        "coherent": one_of(False, True),
        "band_levels": one_of(False, True),
    }
    model = model_of(**sizes)
    ours, theirs = of(model, monkeypatch), of(model, monkeypatch, engine.NONE)
    assert ours[0]._native is not None
    pieces = draw.multinomial(12, [0.2] * 5)
    whole, rows = made_by(*ours, 3, 12, hop=hop), 3
    assert_equal(made_by(*ours, rows, 12, [int(count) for count in pieces if count], hop), whole)
    assert_equal(made_by(*of(model, monkeypatch, "plain"), rows, 12, hop=hop), whole)
    for one, other in zip(whole[:3], made_by(*theirs, rows, 12, hop=hop)[:3], strict=True):
        assert apart_db(one, other) < ENGINE_DIFFERS_BY_DB


def test_what_is_remembered_is_not_changed_by_a_push(monkeypatch):
    encode, decode = of(model_of(**CONFIGS["levels"]), monkeypatch)
    with torch.inference_mode():
        mean, _, past_in = encode(sound_of(2, 1024))
        _, past_out = decode(mean)
        before = [one.clone() for one in leaves(past_in) + leaves(past_out)]
        once = (*encode(sound_of(2, 1024), past_in)[:2], decode(mean, past_out)[0])
        assert_equal(leaves(past_in) + leaves(past_out), before)
        assert_equal((*encode(sound_of(2, 1024), past_in)[:2], decode(mean, past_out)[0]), once)


def test_a_past_of_another_model_and_half_a_hop_are_refused(monkeypatch):
    encode, decode = of(model_of(**CONFIGS["levels"]), monkeypatch)
    other_in, other_out = of(model_of(**CONFIGS["coherent"]), monkeypatch)
    with pytest.raises(ValueError, match="a past of .* expected"):
        encode(sound_of(1, 512), other_in(sound_of(1, 512))[2])
    with pytest.raises(ValueError, match="a past of .* expected"):
        decode(torch.zeros(2, 1, 8), decode.start(1))
    with pytest.raises(ValueError, match="whole number of hops"):
        encode(sound_of(1, 700))
    with pytest.raises(ValueError, match="the model has 8"):
        decode(torch.zeros(1, 1, 5))


@pytest.mark.parametrize("path", [*engine.instruction_sets()])
def test_a_thread_that_flushes_small_numbers_to_zero_gets_the_same_bits(path, monkeypatch):
    """As hosts set it in the threads that call us; it is set again after the call."""
    monkeypatch.setenv(engine.CHOICE, path)
    product, x = products.NativeProduct(torch.eye(8), torch.zeros(8), gelu=False), torch.full((1, 8), 3e-40)
    if not torch.set_flush_denormal(True):
        pytest.skip("PyTorch cannot set it on this processor")
    try:
        made, flushed = product(x), x * torch.ones(8)
    finally:
        torch.set_flush_denormal(False)
    assert torch.equal(made, x) and not flushed.any()


def test_noise_is_the_same_to_the_bit(monkeypatch):
    """Decode with gains of one: what differs by more than rounding is another noise."""
    model = model_of(**CONFIGS["coherent"])
    with torch.no_grad():
        model.decoder.head.out.weight.zero_()
        model.decoder.head.out.bias.zero_()
    ours, theirs = of(model, monkeypatch), of(model, monkeypatch, engine.NONE)
    for seed, start in ((0, 0), (2**63 - 1, 2**32 - 300), (2**40 + 9, 2**62)):
        output = []
        for _, decode in (ours, theirs):
            blocks, (long, short, address, sides), passed = decode.start(1, torch.tensor([seed]), torch.tensor([0.6]))
            past = blocks, (long, short, torch.tensor([[seed, start]]), sides), passed
            output.append(decode(torch.zeros(1, 6, 5), past)[0].detach())
        assert apart_db(*output) < -115


def test_what_the_engine_has_no_code_for_pytorch_computes(monkeypatch):
    for sizes in ({"head": "spectra"}, {"encoder_window": 384}, {"long_bands": 300}):
        encode, decode = of(model_of(**sizes), monkeypatch)
        assert encode._native is None and decode._native is None
        assert_equal(made_by(encode, decode, hops=6, pieces=[1, 2, 3])[:3], made_by(encode, decode, hops=6)[:3])


def test_the_engine_uses_all_scratch_memory_it_requests_and_no_more(monkeypatch):
    """With a fence behind it, which no push of any size may touch."""
    fence, asked = 4096, []

    def room(floats: int) -> int:
        held = np.full(floats + fence, 7.0, np.float32)
        asked.append((held, floats))
        return held.ctypes.data

    monkeypatch.setattr(engine, "scratch", room)
    for sizes in CONFIGS.values():
        encode, decode = of(model_of(**sizes), monkeypatch)
        for rows, hops in ((1, 1), (1, 40), (2, 17), (5, 3), (33, 2)):
            made_by(encode, decode, rows, hops, hop=encode.views.hop)
    assert len(asked) > 40
    for held, floats in asked:
        assert (held[floats:] == 7.0).all() and not (held[:floats] == 7.0).all()
