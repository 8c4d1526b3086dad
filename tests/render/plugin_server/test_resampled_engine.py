"""Engines at hosts' rates: aligned to the sample, exact in the passband, with the reported latency."""

import numpy as np
import pytest
import soxr

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.dsp.resample import QUALITY, resampled_timing
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import FACTORY_BANK, Bank
from presets.lookup import target_of
from render.plugin_server.effect_engine import EffectEngine
from render.plugin_server.engine_factory import RATES_HZ, make_sound_engine
from render.plugin_server.instrument_engine import InstrumentEngine
from render.plugin_server.preset_slots import PresetPool
from render.plugin_server.resampled_engine import ResampledEngine

OTHERS = [rate for rate in RATES_HZ if rate != 48_000]


@pytest.fixture
def engine(impulse_bank):
    """Make engines of the identity codec; they are closed after the test."""
    made = []

    def make(kind, rate_hz, channels=1, codec=None, bank=None):
        pool = PresetPool(bank or Bank(impulse_bank))
        made.append(make_sound_engine(kind, codec or PcmCodec(), pool, rate_hz, channels, hop_of(rate_hz), 0))
        return made[-1]

    yield make
    for one in made:
        one.close()


def hops_of(sound: np.ndarray, hop: int, more: int = 0) -> np.ndarray:
    """Pad a sound with silence to whole hops, by at least ``more`` samples."""
    return np.pad(sound, ((0, 0), (0, -(sound.shape[1] + more) % hop + more)))


def error_db(output: np.ndarray, expected: np.ndarray) -> float:
    return 20 * np.log10(max(np.abs(output - expected).max(), 1e-12) / np.abs(expected).max())


def sweep(rate_hz: int, seconds: float = 0.8) -> np.ndarray:
    """Return a sweep of two channels, 30 Hz to 17 kHz, faded at both ends."""
    count = int(seconds * rate_hz)
    phase = 2 * np.pi * np.cumsum(np.geomspace(30, 17_000, count)) / rate_hz
    fade = np.sin(np.pi / 2 * np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (count / 10), 0, 1)) ** 2
    return (0.5 * fade * np.stack([np.sin(phase), np.cos(phase)])).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_effect_is_aligned_and_exact_in_passband(rate_hz, engine, plugin_values, played):
    effect, sound = engine("effect", rate_hz, 2), sweep(rate_hz)
    late = effect.latency_samples
    fed = hops_of(sound, effect.hop_samples, late)
    output = played(effect, fed, plugin_values())
    assert output.shape == fed.shape and output.dtype == np.float32
    assert error_db(output[:, late:][:, : sound.shape[1]], sound) < -80
    impulse = np.zeros((1, 40 * effect.hop_samples), np.float32)
    impulse[0, 4_321] = 0.5
    output = played(engine("effect", rate_hz), impulse, plugin_values())[0]
    assert np.argmax(np.abs(output)) == 4_321 + late
    assert abs(output[4_321 + late - 9] - output[4_321 + late + 9]) < 1e-4  # linear phase: symmetric around its peak


@pytest.mark.parametrize("rate_hz", OTHERS)
def test_dry_is_exact_and_aligned_with_wet(rate_hz, engine, plugin_values, played):
    noise = (np.random.default_rng(0).standard_normal((1, 20_000)) * 0.1).astype(np.float32)
    effect = engine("effect", rate_hz)
    late = effect.latency_samples
    output = played(effect, hops_of(noise, effect.hop_samples, late), plugin_values(mix=0))
    np.testing.assert_array_equal(output[:, late:][:, :20_000], noise)
    assert not output[:, :late].any()
    effect.reset()
    sound = sweep(rate_hz)[:1]
    output = played(effect, hops_of(sound, effect.hop_samples, late), plugin_values(mix=0.5, gain_db=-6))
    assert error_db(output[:, late:][:, : sound.shape[1]], sound * 10 ** (-6 / 20)) < -80


@pytest.mark.parametrize("rate_hz", OTHERS)
def test_note_begins_at_its_event(rate_hz, engine, plugin_values, played, impulse_bank):
    """A 1 kHz tone that starts at zero: its phase gives its position to a fraction of a sample."""
    bank = Bank(impulse_bank)
    keys, at = engine("instrument", rate_hz), 441 * 40 + 147 * (rate_hz // 44_100) * 3
    late, hop = keys.latency_samples, keys.hop_samples
    output = played(
        keys,
        np.zeros((1, 60 * hop), np.float32),
        plugin_values(preset=bank.names.index("tone") + 1),
        [(at, bytes([0x90, 60, 127]))],
    )[0]
    own = (2 * at * 48_000 + rate_hz) // (2 * rate_hz) * rate_hz / 48_000  # the nearest sample of the codec
    assert abs(own - at) <= rate_hz / 96_000
    begin = at + late + rate_hz // 100
    expected = 0.25 * np.sin(2 * np.pi * 1_000 / rate_hz * (np.arange(begin, output.size) - late - own))
    assert error_db(output[begin:], expected) < -80
    assert np.abs(output[: at + late - rate_hz // 200]).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_note_at_every_sample_of_host(rate_hz, engine, plugin_values, played, impulse_bank):
    """Clicks at samples of one hop, from the first to the last, each within half a sample of the codec."""
    keys, row = engine("instrument", rate_hz), plugin_values(preset=Bank(impulse_bank).names.index("click") + 1)
    late, hop = keys.latency_samples, keys.hop_samples
    for at in (0, 1, hop - 1, hop, 3 * hop + 77):
        keys.reset()
        output = played(keys, np.zeros((1, 20 * hop), np.float32), row, [(at, bytes([0x90, 60, 127]))])[0]
        assert abs(int(np.argmax(np.abs(output))) - at - late) <= 1


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_latent_codec_equals_resampling_the_whole(rate_hz, engine, plugin_values, played):
    foley, bank = load_codec("foley"), Bank(FACTORY_BANK)
    sound = sweep(rate_hz, 0.6)[:1]
    node = TransferNode(foley, 1, multiple_samples=512)
    node.select(target_of(bank["cloth-leather"], foley))
    fed = soxr.resample(sound[0], rate_hz, 48_000, quality=QUALITY)
    fed = np.pad(fed, (0, -fed.size % 512 + 2_048))[None]
    moved = np.concatenate([node.push(fed[:, at : at + 512]) for at in range(0, fed.shape[1], 512)], axis=1)
    expected = soxr.resample(moved[0, node.latency_samples :], 48_000, rate_hz, quality=QUALITY)
    effect = engine("effect", rate_hz, 1, foley, bank)
    late, count = effect.latency_samples, sound.shape[1] - rate_hz // 10
    assert (node.latency_samples + effect._timing.delay_samples) * rate_hz % 48_000 == 0
    row = plugin_values(preset=bank.names.index("cloth-leather") + 1)
    output = played(effect, hops_of(sound, effect.hop_samples, late), row)[0, late:]
    assert error_db(output[:count], expected[:count]) < -80


@pytest.mark.parametrize("rate_hz", [44_100, 192_000])
def test_hop_and_reset_change_no_sample(rate_hz, impulse_bank, plugin_values, played):
    pool, sound, strikes = PresetPool(Bank(impulse_bank)), sweep(rate_hz, 0.3)[:1], [(5_000, bytes([0x90, 60, 100]))]
    row = plugin_values(preset=1 + Bank(impulse_bank).names.index("burst"), lfo_depth=0.5, gain_db=-3)
    plain = plugin_values(latent3_bias=0.1)
    for kind in ("effect", "instrument"):
        output = []
        for hop in (hop_of(rate_hz), 512, 1_000, 4_096):
            inner = (
                EffectEngine(PcmCodec(), pool, 1, 512)
                if kind == "effect"
                else InstrumentEngine(PcmCodec(), pool, 1, 512, 0)
            )
            one = ResampledEngine(inner, rate_hz, hop, has_input=kind == "effect")
            fed = hops_of(sound, hop, one.latency_samples)
            first = played(one, fed, plain if kind == "effect" else row, strikes)
            one.reset()
            np.testing.assert_array_equal(played(one, fed, plain if kind == "effect" else row, strikes), first)
            output.append(first[:, one.latency_samples :][:, : sound.shape[1]])
            one.close()
        assert np.abs(output[0]).max() > 0.01
        for other in output[1:]:
            assert np.abs(other - output[0]).max() < 1e-6


def test_parameters_act_at_same_time_as_at_codec_rate(engine, plugin_values, played):
    """A constant through the identity codec: mix, LFO, level and latents, at 48 kHz and at 96 kHz."""
    rows = [
        plugin_values(mix=1, lfo_depth=0.5, lfo_rate_hz=5),
        plugin_values(mix=0.5, gain_db=-12, lfo_depth=0.5, lfo_rate_hz=3),
    ]
    output = []
    for rate_hz in (48_000, 96_000):
        effect, times = engine("effect", rate_hz), rate_hz // 48_000
        fed = np.full((1, 80 * effect.hop_samples), 0.5, np.float32)
        out = played(effect, fed, lambda at, times=times: rows[at >= 20 * 512 * times])
        output.append(out[0, effect.latency_samples :: times])
    settled = slice(500, 70 * 512)
    assert np.abs(output[0][settled]).min() < 0.1
    assert np.abs(output[1][settled] - output[0][settled]).max() < 5e-3


@pytest.mark.parametrize("has_input", [True, False], ids=["effect", "instrument"])
@pytest.mark.parametrize("rate_hz", OTHERS)
@pytest.mark.parametrize("hops", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_resamplers_are_never_later_than_computed(rate_hz, has_input, hops):
    hop = hop_of(rate_hz)
    silence, none = np.zeros(hop, np.float32), np.zeros(512, np.float32)
    up = soxr.ResampleStream(rate_hz, 48_000, 1, quality=QUALITY)
    down = soxr.ResampleStream(48_000, rate_hz, 1, quality=QUALITY)
    own = resampled_timing(rate_hz, 48_000, hop, 512, 0, has_input)
    ready, least, fed, played, most = own.wait_samples, own.wait_samples, 0, 0, 0
    for number in range(1, hops + 1):
        due, before = number * hop * 48_000 // rate_hz, played
        fed = fed + len(up.resample_chunk(silence)) if has_input else due
        while played + 512 <= due - own.lag_samples:
            played += 512
            ready += len(down.resample_chunk(none))
        assert played <= fed
        most, ready = max(most, played - before), ready - hop
        least = min(least, ready)
    assert 0 <= least <= rate_hz // 200  # and hardly more than needed
    assert most == 512 * -(-hop * 48_000 // rate_hz // 512)  # as even as possible
