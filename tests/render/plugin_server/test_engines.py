"""The plug-in's effect: to the bit the transfer node and the stages after it, by number or by session."""

import gc
import threading
import time
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.parameters import KINDS
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.dsp.dc_offset import dc_filter_for
from plugin_backend.effects import make_stage
from plugin_backend.errors import PluginError, PresetError
from plugin_backend.models.batched_codec import batched, run_batched
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.lookup import target_of
from presets.store import save_preset
from render.apply.applier import Applier
from render.engine.inserts import make_insert
from render.plugin_server.engine_factory import RATES_HZ, engine_latency, make_engine
from render.plugin_server.preset_slots import PresetPool
from render.project.effect_schema import Transfer

RATE, HOP = 48_000, 512
SOUND = (np.random.default_rng(3).standard_normal((2, 60 * HOP)) * 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def bank():
    return Bank(FACTORY_BANK)


@pytest.fixture
def effect():
    """Makes an effect; each is closed."""
    made = []

    def make(codec, bank, channels=1, rate_hz=RATE):
        made.append(make_engine("effect", codec, PresetPool(bank), rate_hz, channels, hop_of(rate_hz), 0))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def number(bank: Bank, name: str) -> int:
    return bank.names.index(name) + 1


def as_float32(value: float) -> float:
    """As a host hands it over."""
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
def test_the_effect_is_the_node_and_its_stages_to_the_bit(foley, bank, effect, plugin_values, played, channels):
    sound, turned = SOUND[:channels], 20 * HOP
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
    begun = plugin_values(**first, **own, **presets)
    later = plugin_values(**first | {"mix": 0.5, "morph": 0.6}, **own | {"gain_db": 2, "latent2_bias": -0.5}, **presets)
    engine = effect(foley, bank, channels)
    heard = played(engine, sound, lambda at: later if at >= turned else begun)

    node = TransferNode(foley, channels, multiple_samples=HOP)
    for name, slot in (("cloth-leather", "a"), ("cloth-page", "b")):
        node.select(target_of(bank[name], foley), slot)
    for name, value in first.items():
        node.set(name, as_float32(value))
    for latent, name, value in ((2, "bias", 0.5), (3, "scale", 1.5), (4, "on", 0)):
        node.set_latent(latent, name, value)
    lfo = make_stage("lfo", {"depth": as_float32(0.4), "rate_hz": 7}, RATE, channels)
    gain = make_stage("gain", {"gain_db": -3}, RATE, channels)
    moved = through([node], sound[:, :turned])
    for name, value in (("mix", 0.5), ("morph", 0.6), ("2:bias", -0.5)):
        node.set(name, as_float32(value))
    moved = np.concatenate([moved, through([node], sound[:, turned:])], axis=1)
    there = turned + node.latency_samples  # what became of the sample where it was turned
    before = through([lfo, gain], moved[:, :there])
    gain.set("gain_db", 2)
    np.testing.assert_array_equal(heard, np.concatenate([before, through([lfo, gain], moved[:, there:])], axis=1))
    assert np.abs(heard).max() > 0.05
    assert engine.problems == []

    engine.reset()
    np.testing.assert_array_equal(played(engine, sound, lambda at: later if at >= turned else begun), heard)


@pytest.mark.parametrize("rate_hz", [48_000, 96_000])
@pytest.mark.parametrize("turned_to", [{"gain_db": -12.0}, {"mix": 0.0}], ids=["gain", "mix"])
def test_levels_act_on_what_became_of_the_sample_they_were_turned_at(
    tiny_models, bank, effect, plugin_values, played, rate_hz, turned_to
):
    """Not as much earlier as the codec is late: nothing before it differs, and its first hop does."""
    codec, hop = load_codec(str(tiny_models[1])), hop_of(rate_hz)
    engine, plain = effect(codec, bank, rate_hz=rate_hz), plugin_values(follow=1.0)
    sound = (np.random.default_rng(3).standard_normal((1, 24 * hop)) * 0.1).astype(np.float32)
    steady, turned = played(engine, sound, plain), 10 * hop
    engine.reset()
    heard = played(engine, sound, lambda at: plugin_values(**turned_to) if at >= turned else plain)
    differs = np.flatnonzero((heard != steady)[0])
    assert engine.latency_samples >= codec.spec.latency_samples > 0
    assert turned + engine.latency_samples <= differs[0] < turned + engine.latency_samples + hop


def test_it_is_what_apply_and_the_graphs_insert_make(foley, bank, effect, plugin_values, played, tmp_path):
    sound = SOUND[:1]
    row = plugin_values(preset=number(bank, "cloth-leather"), mix=0.75, blend=0.5, latent2_bias=0.5)
    engine = effect(foley, bank)
    late = engine.latency_samples
    heard = played(engine, np.pad(sound, ((0, 0), (0, 2 * HOP))), row)[:, late : late + sound.shape[1]]
    file = str(bank.file_of("cloth-leather"))  # as a settled chain names it
    table = Transfer(preset=file, mix=0.75, blend=0.5, latents=["2:bias=0.5"], model="foley")
    insert = make_insert(table, RATE, 1, HOP, lambda name: foley)
    np.testing.assert_array_equal(
        through([insert], np.pad(sound, ((0, 0), (0, 2 * HOP))))[:, late:][:, : 60 * HOP], heard
    )
    source = tmp_path / "dry.wav"
    soundfile.write(source, sound.T, RATE, "FLOAT")
    how = Settings("transfer", {"mix": 0.75, "blend": 0.5}, {2: {"bias": 0.5}}, running=True, bits=32)
    done = Applier(foley, bank["cloth-leather"], how).apply(source, tmp_path / "wet.wav")
    np.testing.assert_array_equal(soundfile.read(done.path, dtype="float32")[0], heard[0])


def test_without_a_preset_the_input_goes_through_the_codec_unmoved(foley, bank, effect, plugin_values, played):
    heard = played(effect(foley, bank), SOUND[:1], plugin_values(morph=1))
    np.testing.assert_array_equal(heard, through([TransferNode(foley, 1, multiple_samples=HOP)], SOUND[:1]))
    sweep = np.sin(np.cumsum(np.geomspace(0.003, 2, 40 * HOP))).astype(np.float32)[None]
    np.testing.assert_array_equal(played(effect(PcmCodec(), bank), sweep, plugin_values()), sweep)


def test_a_preset_chosen_later_fades_in_and_none_fades_out(foley, bank, effect, plugin_values, played):
    chosen = plugin_values(preset=number(bank, "cloth-leather"), preset_b=number(bank, "cloth-page"), morph=0.5)
    none = plugin_values(morph=0.5)
    sound = np.tile(SOUND[:1], 2)
    heard = played(effect(foley, bank), sound, lambda at: chosen if 10 * HOP <= at < 30 * HOP else none)
    dry = played(effect(foley, bank), sound, none)
    np.testing.assert_array_equal(heard[:, : 10 * HOP], dry[:, : 10 * HOP])
    away = np.abs(heard - dry).reshape(120, HOP).max(axis=1)
    assert away[11] < 0.5 * away[16:30].max()
    assert away[16:30].max() > 0.5 * np.abs(dry).max()
    assert not away[118:].any()  # all that remembers has forgotten


def test_a_session_is_number_nought_until_another_is_chosen(foley, bank, effect, plugin_values, played):
    engine, by_number = effect(foley, bank), effect(foley, bank)
    engine.session("a", bank["cloth-leather"])
    wanted = played(by_number, SOUND[:1], plugin_values(preset=number(bank, "cloth-leather")))
    np.testing.assert_array_equal(played(engine, SOUND[:1], plugin_values()), wanted)
    engine.session("a", None)
    engine.reset()
    by_number.reset()
    none = played(by_number, SOUND[:1], plugin_values())
    np.testing.assert_array_equal(played(engine, SOUND[:1], plugin_values()), none)
    with pytest.raises(PresetError, match="was made with model 'pcm'"):
        engine.session("b", encode_pieces(PcmCodec(), "x", [SOUND[0, :4096]], "hit"))


def test_what_cannot_be_loaded_is_told_and_none(impulse_bank, foley, effect, plugin_values, played):
    engine = effect(foley, Bank(impulse_bank))
    heard = played(engine, SOUND[:1, : 8 * HOP], plugin_values(preset=1, preset_b=200))
    np.testing.assert_array_equal(heard, through([TransferNode(foley, 1, multiple_samples=HOP)], SOUND[:1, : 8 * HOP]))
    assert len(engine.problems) == 2
    assert "preset 'burst' was made with model 'pcm'" in engine.problems[0]
    assert "no preset number 200" in engine.problems[1]


@pytest.mark.parametrize("count, chosen_at", [(2, 0), (8, 1), (20, 0), (20, 1)])
def test_effects_that_choose_presets_at_one_sample_do_not_wait_for_one_another(
    tiny_models, bank, tmp_path, effect, plugin_values, count, chosen_at
):
    """Offline, in one call, as the server has it; the presets ring, so that making them asks the model."""
    codec = load_codec(str(tiny_models[0]))
    for name in "abcd":
        struck = encode_pieces(codec, name, [SOUND[0, :4096]], "hit")
        save_preset(replace(struck, modes=[bank["bell"].modes_of(0)[:3]]), tmp_path)
    own, together, row = Bank(tmp_path), batched(codec), plugin_values()
    rows, shelf = [plugin_values(preset=1 + n // 2 % 4) for n in range(count)], PresetPool(own)
    engines = [make_engine("effect", together, shelf, RATE, 1, HOP, 0) for _ in range(count)]
    heard = []

    def run():
        for at in range(chosen_at + 3):
            now = rows if at >= chosen_at else [row] * count
            hop = SOUND[:1, at * HOP :][:, :HOP]
            tasks = [partial(one.push, hop, values, [], True) for one, values in zip(engines, now, strict=True)]
            heard.append(run_batched(tasks))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "they wait for one another"
    for engine in engines:
        engine.close()
        assert engine.problems == []
    alone = effect(codec, own)
    for at, answers in enumerate(heard):
        wanted = alone.push(SOUND[:1, at * HOP :][:, :HOP], rows[-1] if at >= chosen_at else row, [], True)
        np.testing.assert_array_equal(answers[-1], wanted)
        np.testing.assert_array_equal(answers[-2], wanted)


def test_in_real_time_a_preset_comes_when_it_is_ready(foley, bank, effect, plugin_values, played):
    engine, row = effect(foley, bank), plugin_values(preset=number(bank, "cloth-leather"), latent0_bias=0.2)
    none = played(effect(foley, bank), SOUND[:1], plugin_values(latent0_bias=0.2))
    first = engine.push(SOUND[:1, :HOP], row, [], False)
    np.testing.assert_array_equal(first, none[:, :HOP])
    while not engine._chosen.ready("a", number(bank, "cloth-leather")):
        time.sleep(0.01)
    engine.reset()
    wanted = played(effect(foley, bank), SOUND[:1], row)
    np.testing.assert_array_equal(played(engine, SOUND[:1], row, wait=False), wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate_hz", [RATE, 96_000])
def test_of_a_closed_engine_nothing_is_left_for_the_garbage_collector(kind, rate_hz, foley, bank, plugin_values):
    """Which may come hours later, and while a hop is computed."""
    engine = make_engine(kind, foley, PresetPool(bank), rate_hz, 2, hop_of(rate_hz), 0)
    row, hop = (
        plugin_values(preset=number(bank, "cloth-leather"), preset_b=1),
        np.zeros((2, hop_of(rate_hz)), np.float32),
    )
    gc.disable()
    try:
        for _ in range(3):
            engine.push(hop, row, [(0, b"\x90\x3c\x64")], True)
        engine.close()
        left = [weakref.ref(one) for one in (engine, getattr(engine, "_inner", engine))]
        del engine
        assert [one() for one in left] == [None, None]
    finally:
        gc.enable()


def test_what_many_instances_want_is_made_once(foley, bank):
    shelf, count, threads = PresetPool(bank), [], []
    for _ in range(4):
        make = lambda preset: count.append(preset.name) or object()  # noqa: E731
        threads.append(threading.Thread(target=shelf.made, args=(bank["cloth-page"], "f", make)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == ["cloth-page"]


def test_values_no_host_should_send_do_no_harm(foley, bank, effect, plugin_values):
    engine, rng = effect(foley, bank, 2), np.random.default_rng(0)
    for round_ in range(30):
        row = plugin_values()
        row[:59] = rng.choice([np.nan, np.inf, -np.inf, 1e30, -1e30, 0, 1, 8, -8], row[:59].size)
        sound = rng.choice([np.nan, np.inf, -np.inf, 1e38, 0, 1e-40, 0.5], (2, HOP)).astype(np.float32)
        out = engine.push(sound, row, [], round_ < 3)
        assert out.dtype == np.float32 and out.shape == (2, HOP)
        assert np.isfinite(out).all()
    engine.reset()
    calm = engine.push(np.zeros((2, HOP), np.float32), plugin_values(), [], True)
    np.testing.assert_array_equal(calm, effect(foley, bank, 2).push(calm * 0, plugin_values(), [], True))


class Breaks(PcmCodec):
    """Its third frame is no sound."""

    def decoder(self, batch=1, seeds=None, sides=None):
        inner, made = super().decoder(batch), []

        class Decoder(type(inner)):
            def push(self, latents):
                made.append(len(made))
                return super().push(latents) * np.float32(np.nan if len(made) == 4 else 1)

        return Decoder()


def test_a_model_that_makes_no_sound_is_silenced_told_and_begun_anew(bank, effect, plugin_values, played):
    engine = effect(Breaks(), bank)
    engine.reset()
    heard = played(engine, SOUND[:1, : 7 * HOP], plugin_values())
    np.testing.assert_array_equal(heard[:, 3 * HOP : 4 * HOP], 0)
    np.testing.assert_array_equal(heard[:, : 3 * HOP], SOUND[:1, : 3 * HOP])
    np.testing.assert_array_equal(heard[:, 4 * HOP :], SOUND[:1, 4 * HOP : 7 * HOP])
    assert "no sound" in engine.problems[0]


def test_automation_at_hops_never_clicks(bank, effect, plugin_values, played):
    """Through the identity codec everything that glides is level or mixture."""
    tone = (0.25 * np.sin(2 * np.pi * np.arange(80 * HOP) / 200)).astype(np.float32)[None]
    rows = [plugin_values(mix=k % 2, gain_db=(-12, 6)[k % 2], lfo_depth=k % 3 / 2, lfo_rate_hz=2) for k in range(8)]
    for rate in (RATE, 96_000):
        heard = played(effect(PcmCodec(), bank, rate_hz=rate), tone, lambda at: rows[at // 6_144 % 8])[0]
        assert np.abs(np.diff(heard, 2)).max() < 3e-3  # of the tone itself, twice as loud: 5e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_latency_is_known_before_there_is_a_model(kind, rate_hz, foley, bank, tiny_models):
    for codec in (foley, PcmCodec(), *(load_codec(str(path)) for path in tiny_models)):
        engine = make_engine(kind, codec, PresetPool(bank), rate_hz, 1, hop_of(rate_hz), 0)
        assert engine.latency_samples == engine_latency(kind, codec.spec, rate_hz)
        engine.close()


def test_rates_and_hops_that_cannot_be_are_refused(bank):
    with pytest.raises(PluginError, match="22050 Hz; 44100, 48000"):
        engine_latency("effect", PcmCodec.spec, 22_050)
    with pytest.raises(PluginError, match="at 96000 Hz they have 1024"):
        make_engine("effect", PcmCodec(), PresetPool(bank), 96_000, 1, 512, 0)


def test_a_bank_whose_programs_clash_is_told(tmp_path, impulse_bank):
    for name in ("one", "two"):
        save_preset(encode_pieces(PcmCodec(), name, [np.full(4096, 0.1, np.float32)], "hit", program=5), tmp_path)
    engine = make_engine("instrument", PcmCodec(), PresetPool(Bank(tmp_path)), RATE, 1, HOP, 0)
    assert "both claim program 5" in engine.problems[0]
    engine.close()


def test_without_a_preset_the_effect_is_the_codec(foley, bank, effect, plugin_values, played):
    """Not the input: that is the dry sound, and what bypass lets through."""
    engine, sound = effect(foley, bank), SOUND[:1, : 20 * HOP]
    ahead = np.pad(sound, ((0, 0), (0, 2 * HOP)))
    heard = played(engine, ahead, plugin_values(preset=0, mix=1, follow=0))
    heard = heard[:, engine.latency_samples :][:, : sound.shape[1]]
    codec = foley.decode(foley.encode(dc_filter_for(foley, 1).push(ahead)))[:, : sound.shape[1]]
    np.testing.assert_allclose(heard, codec, atol=1e-4)
    assert np.sqrt(np.square(heard - sound).mean()) > 0.5 * np.sqrt(np.square(sound).mean())
