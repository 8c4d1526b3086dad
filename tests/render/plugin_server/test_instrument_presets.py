"""The plug-in's instrument: selection of presets and takes, controls of sounding notes, and problems."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.parameters import INDEX
from plugin_backend.errors import PresetError
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.instrument.take_pool import TakeId, TakePool
from tests.render.struck_keys import HOP, RATE, SEED, distance_db, number, on, silence


def test_program_change_selects_until_parameter_does(programs, keys, plugin_values, played):
    events = [(at, on()) for at in range(0, 40 * HOP, 5 * HOP)]
    events += [(6 * HOP, bytes([0xC0, 4])), (11 * HOP, bytes([0xC0, 77])), (16 * HOP, bytes([0xC5, 9]))]
    engine = keys(PcmCodec(), programs)
    out = played(engine, silence(40), lambda at: plugin_values(preset=3 if at < 22 * HOP else 2), sorted(events))[0]
    np.testing.assert_allclose(out[100 :: 5 * HOP], [0.3, 0.3, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2], rtol=1e-6)
    assert engine.problems == ["program 77: the bank has no such preset"]
    engine.problems.clear()  # as after it was sent to the host
    engine.push(silence(1), plugin_values(), [(0, b"\xc0\x4d"), (1, b"\xc0\x4e")], False)
    assert engine.problems == ["program 78: the bank has no such preset"]


def test_seed_selects_takes_from_next_strike_on(keys, plugin_values, played, tmp_path):
    """A preset of constants: the first sample identifies the take."""
    pieces = [np.full(2 * HOP, level, np.float32) for level in np.linspace(0.1, 0.8, 8)]
    own = {"program": None, "variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
    save_preset(encode_pieces(PcmCodec(), "levels", pieces, "hit", **own), tmp_path)
    bank, at = Bank(tmp_path), range(100, 40 * HOP, 4 * HOP)
    expected = {}
    for seed in (0, 471_123):
        takes = TakePool([PcmCodec()], SEED + seed)
        expected[seed] = [takes.take(bank["levels"], TakeId(f"strike {strike}"))[0] for strike in range(len(at))]
    assert expected[0] != expected[471_123]
    for changed in (0, 18 * HOP, 99 * HOP):
        row = lambda first, changed=changed: plugin_values(preset=1, seed=471_123 if first >= changed else 0)  # noqa: E731
        output = played(keys(PcmCodec(), bank), silence(40), row, [(sample, on()) for sample in at])[0]
        own = [expected[471_123 if sample >= changed else 0][strike] for strike, sample in enumerate(at)]
        np.testing.assert_allclose(output[list(at)], own, rtol=1e-6)


def test_without_preset_silence_and_session_preset_is_number_0(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    assert not played(engine, silence(4), plugin_values(), [(0, on())]).any()
    engine.load_session_preset("a", programs["b"])
    engine.reset()
    out = played(engine, silence(4), plugin_values(gain_db=-6), [(0, on())])
    np.testing.assert_allclose(out[0, : 4 * HOP], 0.2 * 10 ** (-6 / 20), rtol=1e-5)
    assert engine.problems == []


def test_preset_with_impossible_skip_is_refused(programs, keys, plugin_values):
    """Its notes would first have to decode everything before."""
    header = programs["a"].header
    late = msgspec.structs.replace(header, takes=[msgspec.structs.replace(header.takes[0], skip_samples=10**15)])
    engine = keys(PcmCodec(), programs)
    with pytest.raises(PresetError, match="preset 'a': take 0 skips 1000000000000000 samples of the 2048 it holds"):
        engine.load_session_preset("a", replace(programs["a"], header=late))
    assert not engine.push(silence(1), plugin_values(), [(0, on())], True).any()


def test_controls_change_sounding_notes(programs, keys, plugin_values, played):
    """Latents of the identity codec are samples, so their values are known."""
    engine = keys(PcmCodec(), programs)

    def row(at: int):
        moved = {"latent3_bias": 0.25, "latent4_scale": -2.0, "latent5_on": 0.0} if at >= 2 * HOP else {}
        return plugin_values(preset=1, **moved)

    out = played(engine, silence(4), row, [(0, on())])[0].reshape(4, HOP)
    expected = np.full((4, HOP), 0.1)
    expected[2:, 3], expected[2:, 4], expected[2:, 5] = 0.35, -0.2, 0.0
    np.testing.assert_allclose(out, expected, atol=1e-7)


def test_smoothing_is_a_one_pole_per_note(programs, keys, plugin_values, played):
    engine, smooth_ms = keys(PcmCodec(), programs), 20.0
    events = [(0, on()), (HOP, on(61))]
    out = played(
        engine, silence(4), lambda at: plugin_values(preset=1, smooth_ms=smooth_ms, latent0_bias=at >= 2 * HOP), events
    )
    keep = np.exp(-1000 * HOP / RATE / smooth_ms)
    step = 1 - keep ** np.arange(1, 3)
    np.testing.assert_allclose(out[0, ::HOP], [0.1, 0.2, 0.2 + 2 * step[0], 0.2 + 2 * step[1]], rtol=1e-5)


def test_morph_leads_sounding_note_to_second_take(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    half = played(engine, silence(4), plugin_values(preset=1, preset_b=3, morph=0.5), [(0, on())])[0]
    np.testing.assert_allclose(half, 0.2, rtol=1e-6)
    engine.reset()
    rows = [plugin_values(preset=1, preset_b=3, morph=morph) for morph in (0, 1)]
    moved = played(engine, silence(4), lambda at: rows[at >= HOP], [(0, on())])[0, ::HOP]
    np.testing.assert_allclose(moved, [0.1, 0.14, 0.18, 0.22], rtol=1e-6)  # one of five hops


def test_full_morph_equals_second_take(foley, factory, keys, plugin_values, played):
    names, at = ("water-drop", "step-gravel"), 1_000
    row = plugin_values(preset=number(factory, names[0]), preset_b=number(factory, names[1]), morph=1)
    engine = keys(foley, factory)
    out = played(engine, silence(60), row, [(at, on())])[0]
    first, second = (TakePool([foley], SEED).take(factory[name], TakeId("strike 0")) for name in names)
    assert distance_db(out[at : at + len(second)], second) < -130
    assert not out[:at].any()
    engine.reset()
    row[INDEX["morph"]] = 0
    out = played(engine, silence(60), row, [(at, on())])[0]
    assert distance_db(out[at : at + len(first)], first) < -130


def test_frame_that_is_not_finite_is_silenced_and_reported(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    engine._decoder = None
    engine.reset()
    push = engine._decoder.push
    engine._decoder.push = lambda owners, latents: push(owners, latents) * np.float32(np.nan)
    assert not played(engine, silence(1), plugin_values(preset=1), [(0, on())]).any()
    assert "not finite" in engine.problems[0]
    out = played(engine, silence(1), plugin_values(preset=1), [(0, on())])
    np.testing.assert_allclose(out, 0.1, rtol=1e-6)
