"""The plug-in's effect: equal to the transfer node and its stages; presets by number or from the session."""

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.dc_offset import dc_filter_for
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.effects.registry import make_stage
from plugin_backend.errors import PresetError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.lookup import target_of
from render.apply.applier import Applier
from render.engine.inserts import make_insert
from render.project.effect_schema import Transfer

RATE, HOP = 48_000, 512
SOUND = (np.random.default_rng(3).standard_normal((2, 60 * HOP)) * 0.1).astype(np.float32)


def number(bank: Bank, name: str) -> int:
    return bank.names.index(name) + 1


def as_float32(value: float) -> float:
    """Round a value as a host passes it."""
    return float(np.float32(value))


def through(stages, sound: np.ndarray) -> np.ndarray:
    out = []
    for at in range(0, sound.shape[1], HOP):
        block = sound[:, at : at + HOP]
        for stage in stages:
            block = stage.push(block)
        out.append(block)
    return np.concatenate(out, axis=1)


@pytest.mark.parametrize("channels", [1, 2])
def test_effect_equals_node_and_stages_to_the_bit(foley, bank, effect, plugin_values, played, channels):
    sound, changed = SOUND[:channels], 20 * HOP
    first = {"mix": 0.8, "morph": 0.3, "strength": 0.9, "blend": 0.4, "follow": 0.7, "smooth_ms": 12.5}
    own = {
        "latent2_bias": 0.5,
        "latent3_scale": 1.5,
        "latent4_on": 0,
        "lfo_depth": 0.4,
        "lfo_rate_hz": 7,
        "gain_db": -3,
    }
    presets = {"preset": number(bank, "cloth-leather"), "preset_b": number(bank, "cloth-page")}
    started = plugin_values(**first, **own, **presets)
    later = plugin_values(**first | {"mix": 0.5, "morph": 0.6}, **own | {"gain_db": 2, "latent2_bias": -0.5}, **presets)
    engine = effect(foley, bank, channels)
    output = played(engine, sound, lambda at: later if at >= changed else started)

    node = TransferNode(foley, channels, multiple_samples=HOP)
    for name, slot in (("cloth-leather", "a"), ("cloth-page", "b")):
        node.select(target_of(bank[name], foley), slot)
    for name, value in first.items():
        node.set(name, as_float32(value))
    for latent, name, value in ((2, "bias", 0.5), (3, "scale", 1.5), (4, "on", 0)):
        node.set_latent(latent, name, value)
    lfo = make_stage("lfo", {"depth": as_float32(0.4), "rate_hz": 7}, RATE, channels)
    gain = make_stage("gain", {"gain_db": -3}, RATE, channels)
    moved = through([node], sound[:, :changed])
    for name, value in (("mix", 0.5), ("morph", 0.6), ("2:bias", -0.5)):
        node.set(name, as_float32(value))
    moved = np.concatenate([moved, through([node], sound[:, changed:])], axis=1)
    there = changed + node.latency_samples  # the output of the sample where the values changed
    before = through([lfo, gain], moved[:, :there])
    gain.set("gain_db", 2)
    np.testing.assert_array_equal(output, np.concatenate([before, through([lfo, gain], moved[:, there:])], axis=1))
    assert np.abs(output).max() > 0.05
    assert engine.problems == []

    engine.reset()
    np.testing.assert_array_equal(played(engine, sound, lambda at: later if at >= changed else started), output)


@pytest.mark.parametrize("rate_hz", [48_000, 96_000])
@pytest.mark.parametrize("turned_to", [{"gain_db": -12.0}, {"mix": 0.0}], ids=["gain", "mix"])
def test_levels_act_on_output_of_their_sample(tiny_models, bank, effect, plugin_values, played, rate_hz, turned_to):
    """They do not act earlier by the codec's latency: nothing before differs, and the first hop does."""
    codec, hop = load_codec(str(tiny_models[1])), hop_of(rate_hz)
    engine, plain = effect(codec, bank, rate_hz=rate_hz), plugin_values(follow=1.0)
    sound = (np.random.default_rng(3).standard_normal((1, 24 * hop)) * 0.1).astype(np.float32)
    steady, changed = played(engine, sound, plain), 10 * hop
    engine.reset()
    output = played(engine, sound, lambda at: plugin_values(**turned_to) if at >= changed else plain)
    differs = np.flatnonzero((output != steady)[0])
    assert engine.latency_samples >= codec.spec.latency_samples > 0
    assert changed + engine.latency_samples <= differs[0] < changed + engine.latency_samples + hop


def test_effect_equals_apply_and_insert(foley, bank, effect, plugin_values, played, tmp_path):
    sound = SOUND[:1]
    row = plugin_values(preset=number(bank, "cloth-leather"), mix=0.75, blend=0.5, latent2_bias=0.5)
    engine = effect(foley, bank)
    late = engine.latency_samples
    output = played(engine, np.pad(sound, ((0, 0), (0, 2 * HOP))), row)[:, late : late + sound.shape[1]]
    file = str(bank.file_of("cloth-leather"))  # as a resolved chain names it
    table = Transfer(preset=file, mix=0.75, blend=0.5, latents=["2:bias=0.5"], model="foley")
    insert = make_insert(table, RATE, 1, HOP, lambda name: foley)
    np.testing.assert_array_equal(
        through([insert], np.pad(sound, ((0, 0), (0, 2 * HOP))))[:, late:][:, : 60 * HOP], output
    )
    source = tmp_path / "dry.wav"
    soundfile.write(source, sound.T, RATE, "FLOAT")
    how = Settings("transfer", {"mix": 0.75, "blend": 0.5}, {2: {"bias": 0.5}}, running=True, bits=32)
    done = Applier(foley, bank["cloth-leather"], how).apply(source, tmp_path / "wet.wav")
    np.testing.assert_array_equal(soundfile.read(done.path, dtype="float32")[0], output[0])


def test_without_preset_latents_stay_unmoved(foley, bank, effect, plugin_values, played):
    output = played(effect(foley, bank), SOUND[:1], plugin_values(morph=1))
    np.testing.assert_array_equal(output, through([TransferNode(foley, 1, multiple_samples=HOP)], SOUND[:1]))
    sweep = np.sin(np.cumsum(np.geomspace(0.003, 2, 40 * HOP))).astype(np.float32)[None]
    np.testing.assert_array_equal(played(effect(PcmCodec(), bank), sweep, plugin_values()), sweep)


def test_preset_fades_in_and_out(foley, bank, effect, plugin_values, played):
    chosen = plugin_values(preset=number(bank, "cloth-leather"), preset_b=number(bank, "cloth-page"), morph=0.5)
    none = plugin_values(morph=0.5)
    sound = np.tile(SOUND[:1], 2)
    output = played(effect(foley, bank), sound, lambda at: chosen if 10 * HOP <= at < 30 * HOP else none)
    dry = played(effect(foley, bank), sound, none)
    np.testing.assert_array_equal(output[:, : 10 * HOP], dry[:, : 10 * HOP])
    away = np.abs(output - dry).reshape(120, HOP).max(axis=1)
    assert away[11] < 0.5 * away[16:30].max()
    assert away[16:30].max() > 0.5 * np.abs(dry).max()
    assert not away[118:].any()  # no state is left of it


def test_session_preset_is_number_0(foley, bank, effect, plugin_values, played):
    engine, by_number = effect(foley, bank), effect(foley, bank)
    engine.load_session_preset("a", bank["cloth-leather"])
    expected = played(by_number, SOUND[:1], plugin_values(preset=number(bank, "cloth-leather")))
    np.testing.assert_array_equal(played(engine, SOUND[:1], plugin_values()), expected)
    engine.load_session_preset("a", None)
    engine.reset()
    by_number.reset()
    none = played(by_number, SOUND[:1], plugin_values())
    np.testing.assert_array_equal(played(engine, SOUND[:1], plugin_values()), none)
    with pytest.raises(PresetError, match="was made with model 'pcm'"):
        engine.load_session_preset("b", encode_pieces(PcmCodec(), "x", [SOUND[0, :4096]], "hit"))


def test_unusable_presets_are_reported_and_ignored(impulse_bank, foley, effect, plugin_values, played):
    engine = effect(foley, Bank(impulse_bank))
    output = played(engine, SOUND[:1, : 8 * HOP], plugin_values(preset=1, preset_b=200))
    np.testing.assert_array_equal(output, through([TransferNode(foley, 1, multiple_samples=HOP)], SOUND[:1, : 8 * HOP]))
    assert len(engine.problems) == 2
    assert "preset 'burst' was made with model 'pcm'" in engine.problems[0]
    assert "no preset number 200" in engine.problems[1]


def test_without_preset_effect_equals_codec(foley, bank, effect, plugin_values, played):
    """It is not the input: the input is the dry sound, and what bypass plays."""
    engine, sound = effect(foley, bank), SOUND[:1, : 20 * HOP]
    ahead = np.pad(sound, ((0, 0), (0, 2 * HOP)))
    output = played(engine, ahead, plugin_values(preset=0, mix=1, follow=0))
    output = output[:, engine.latency_samples :][:, : sound.shape[1]]
    codec = foley.decode(foley.encode(dc_filter_for(foley, 1).push(ahead)))[:, : sound.shape[1]]
    np.testing.assert_allclose(output, codec, atol=1e-4)
    assert np.sqrt(np.square(output - sound).mean()) > 0.5 * np.sqrt(np.square(sound).mean())
