"""Engines of the plug-in: several at once, background loading, invalid values, latency, refusals."""

import gc
import threading
import time
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.parameters import KINDS
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.errors import PluginError
from plugin_backend.models.batched_codec import batched, run_batched
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.plugin_server.engine_factory import RATES_HZ, engine_latency, make_engine, make_sound_engine
from render.plugin_server.preset_slots import PresetPool

RATE, HOP = 48_000, 512
SOUND = (np.random.default_rng(3).standard_normal((2, 60 * HOP)) * 0.1).astype(np.float32)


def number(bank: Bank, name: str) -> int:
    return bank.names.index(name) + 1


@pytest.mark.parametrize("count, chosen_at", [(2, 0), (8, 1), (20, 0), (20, 1)])
def test_effects_that_select_presets_together_do_not_deadlock(
    tiny_models, bank, tmp_path, effect, plugin_values, count, chosen_at
):
    """Offline, in one call, as the server does it. The presets ring, so computing their targets needs the model."""
    codec = load_codec(str(tiny_models[0]))
    for name in "abcd":
        strikes = encode_pieces(codec, name, [SOUND[0, :4096]], "hit")
        save_preset(replace(strikes, modes=[bank["bell"].modes_of(0)[:3]]), tmp_path)
    own, together, row = Bank(tmp_path), batched(codec), plugin_values()
    rows, pool = [plugin_values(preset=1 + n // 2 % 4) for n in range(count)], PresetPool(own)
    engines = [make_sound_engine("effect", together, pool, RATE, 1, HOP, 0) for _ in range(count)]
    output = []

    def run():
        for at in range(chosen_at + 3):
            now = rows if at >= chosen_at else [row] * count
            hop = SOUND[:1, at * HOP :][:, :HOP]
            tasks = [partial(one.push, hop, values, [], True) for one, values in zip(engines, now, strict=True)]
            output.append(run_batched(tasks))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "they wait for each other"
    for engine in engines:
        engine.close()
        assert engine.problems == []
    alone = effect(codec, own)
    for at, results in enumerate(output):
        expected = alone.push(SOUND[:1, at * HOP :][:, :HOP], rows[-1] if at >= chosen_at else row, [], True)
        np.testing.assert_array_equal(results[-1], expected)
        np.testing.assert_array_equal(results[-2], expected)


def test_in_real_time_preset_plays_when_ready(foley, bank, effect, plugin_values, played):
    engine, row = effect(foley, bank), plugin_values(preset=number(bank, "cloth-leather"), latent0_bias=0.2)
    none = played(effect(foley, bank), SOUND[:1], plugin_values(latent0_bias=0.2))
    first = engine.push(SOUND[:1, :HOP], row, [], False)
    np.testing.assert_array_equal(first, none[:, :HOP])
    while not engine._slots.ready("a", number(bank, "cloth-leather")):
        time.sleep(0.01)
    engine.reset()
    expected = played(effect(foley, bank), SOUND[:1], row)
    np.testing.assert_array_equal(played(engine, SOUND[:1], row, wait=False), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate_hz", [RATE, 96_000])
def test_closed_engine_needs_no_garbage_collection(kind, rate_hz, foley, bank, plugin_values):
    """A collection may come hours later, and while a hop is computed."""
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


def test_shared_result_is_computed_once(foley, bank):
    pool, count, threads = PresetPool(bank), [], []
    for _ in range(4):
        make = lambda preset: count.append(preset.name) or object()  # noqa: E731
        threads.append(threading.Thread(target=pool.computed, args=(bank["cloth-page"], "f", make)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == ["cloth-page"]


def test_invalid_values_do_no_harm(foley, bank, effect, plugin_values):
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
    """A codec whose third frame is not finite."""

    def decoder(self, batch=1, seeds=None, sides=None):
        inner, made = super().decoder(batch), []

        class Decoder(type(inner)):
            def push(self, latents):
                made.append(len(made))
                return super().push(latents) * np.float32(np.nan if len(made) == 4 else 1)

        return Decoder()


def test_hops_that_are_not_finite_are_silenced_and_reported(bank, effect, plugin_values, played):
    engine = effect(Breaks(), bank)
    engine.reset()
    output = played(engine, SOUND[:1, : 7 * HOP], plugin_values())
    np.testing.assert_array_equal(output[:, 3 * HOP : 4 * HOP], 0)
    np.testing.assert_array_equal(output[:, : 3 * HOP], SOUND[:1, : 3 * HOP])
    np.testing.assert_array_equal(output[:, 4 * HOP :], SOUND[:1, 4 * HOP : 7 * HOP])
    assert "not finite" in engine.problems[0]


def test_automation_never_clicks(bank, effect, plugin_values, played):
    """With the identity codec only level and mix glide."""
    tone = (0.25 * np.sin(2 * np.pi * np.arange(80 * HOP) / 200)).astype(np.float32)[None]
    rows = [plugin_values(mix=k % 2, gain_db=(-12, 6)[k % 2], lfo_depth=k % 3 / 2, lfo_rate_hz=2) for k in range(8)]
    for rate in (RATE, 96_000):
        output = played(effect(PcmCodec(), bank, rate_hz=rate), tone, lambda at: rows[at // 6_144 % 8])[0]
        assert np.abs(np.diff(output, 2)).max() < 3e-3  # the tone itself, twice as loud, has 5e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_latency_is_known_without_a_model(kind, rate_hz, foley, bank, tiny_models):
    for codec in (foley, PcmCodec(), *(load_codec(str(path)) for path in tiny_models)):
        engine = make_engine(kind, codec, PresetPool(bank), rate_hz, 1, hop_of(rate_hz), 0)
        assert engine.latency_samples == engine_latency(kind, codec.spec, rate_hz)
        engine.close()


def test_wrong_rates_and_hops_are_refused(bank):
    with pytest.raises(PluginError, match="22050 Hz; 44100, 48000"):
        engine_latency("effect", PcmCodec.spec, 22_050)
    with pytest.raises(PluginError, match="at 96000 Hz they have 1024"):
        make_engine("effect", PcmCodec(), PresetPool(bank), 96_000, 1, 512, 0)


def test_clashing_programs_are_reported(tmp_path, impulse_bank):
    for name in ("one", "two"):
        save_preset(encode_pieces(PcmCodec(), name, [np.full(4096, 0.1, np.float32)], "hit", program=5), tmp_path)
    engine = make_engine("instrument", PcmCodec(), PresetPool(Bank(tmp_path)), RATE, 1, HOP, 0)
    assert "both claim program 5" in engine.problems[0]
    engine.close()
