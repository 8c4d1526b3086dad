"""A preset's own effects are applied wherever it is performed: in renders, hits, live takes and the plug-in's notes."""

import dataclasses

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.effects.registry import make_stage
from plugin_backend.transfer.settings import HITS, Settings
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.preset_effects import PresetEffects
from presets.store import SUFFIX, load_preset, save_preset
from render.apply.applier import Applier
from render.engine.make_plan import make_plan
from render.instrument.take_pool import TakeId, TakePool
from render.plan.cache_key import cue_keys
from render.plan.resolve import read_sheet
from render.project.project import Project

RATE = 48_000
CHAIN = [{"type": "eq", "low_cut_hz": 300.0}, {"type": "adsr", "attack_ms": 5.0, "decay_ms": 20.0, "sustain": 0.25}]
PLAIN = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
SOUND = (np.random.default_rng(0).standard_normal(24_000) * 0.1).astype(np.float32)


def through(sound: np.ndarray, length: int) -> np.ndarray:
    """Apply the effects by hand, one stage after the other."""
    eq = make_stage("eq", {"low_cut_hz": 300}, RATE, len(sound))
    adsr = make_stage("adsr", {"attack_ms": 5, "decay_ms": 20, "sustain": 0.25}, RATE, len(sound))
    adsr.trigger()
    adsr.release(length)
    return adsr.push(eq.push(sound))


@pytest.fixture
def bank(tmp_path):
    """Return a bank of the identity codec: ``noise``, and ``shaped``, which is the same with a chain."""
    for name, chain in (("noise", []), ("shaped", CHAIN)):
        save_preset(encode_pieces(PcmCodec(), name, [SOUND], "hit", chain=chain, **PLAIN), tmp_path / "bank")
    return tmp_path / "bank"


def test_a_render_applies_the_chain_of_a_cues_preset(bank, write_sheet, render_sheet):
    rows = [
        {"id": "a", "start": "1000smp", "stem": "A", "preset": "shaped", "pan": -1},
        {"id": "b", "start": "1000smp", "stem": "B", "preset": "shaped", "duration": "6000smp", "pan": -1},
        {"id": "c", "start": "1000smp", "stem": "C", "preset": "noise", "pan": -1},
    ]
    stems, _ = render_sheet(write_sheet(rows), bits=32, bank=str(bank))
    expected = through(SOUND[None], SOUND.size)[0]
    np.testing.assert_allclose(stems["A"][1_000:25_000, 0], expected, atol=1e-6)
    np.testing.assert_allclose(stems["B"][1_000:7_000, 0], expected[:6_000], atol=1e-6)
    np.testing.assert_array_equal(stems["C"][1_000:25_000, 0], SOUND)


def test_pieces_and_batch_mates_change_nothing(bank, write_sheet, render_sheet):
    sheet = write_sheet([{"id": f"c{n}", "start": f"{n}.5", "stem": "A", "preset": "shaped"} for n in range(3)])
    whole, _ = render_sheet(sheet, bits=32, bank=str(bank), out="whole")
    pieces, _ = render_sheet(sheet, bits=32, bank=str(bank), out="pieces", chunk_frames=1)
    np.testing.assert_allclose(pieces["A"], whole["A"], atol=1e-6)


def test_the_cache_and_versions_know_a_chain(bank, write_sheet):
    project = Project(bank=str(bank), model="pcm")
    sheet = write_sheet([{"id": name, "start": "0.0", "stem": "A", "preset": name} for name in ("noise", "shaped")])
    recipes = cue_keys(make_plan(project, read_sheet(sheet, project)))
    assert recipes["noise"].preset != recipes["shaped"].preset


def test_hits_and_live_takes_use_the_chain(bank, tmp_path):
    expected = through(SOUND[None], SOUND.size)[0]
    preset = Bank(bank)["shaped"]
    np.testing.assert_allclose(TakePool([PcmCodec()], 0).take(preset, TakeId("0")), expected, atol=1e-6)
    clap = np.zeros(2 * RATE, np.float32)
    clap[20_000:20_100] = 0.5
    soundfile.write(tmp_path / "clap.wav", clap, RATE, "FLOAT")
    Applier(PcmCodec(), preset, Settings(mode=HITS, bits=32)).apply(tmp_path / "clap.wav", tmp_path / "out.wav")
    output = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    np.testing.assert_allclose(output[20_000:44_000], expected, atol=1e-6)


def test_a_note_of_the_plugin_uses_the_chain_and_a_morph_uses_both(bank, keys, plugin_values, played):
    from tests.render.struck_keys import HOP, number, on, silence

    both = Bank(bank)
    expected = through(SOUND[None], SOUND.size)[0]

    def note(**values) -> np.ndarray:
        at = 3 * HOP + 17
        output = played(keys(PcmCodec(), both), silence(60), plugin_values(**values), [(at, on())])
        return output[0, at:][: SOUND.size]

    shaped, noise = number(both, "shaped"), number(both, "noise")
    np.testing.assert_allclose(note(preset=shaped), expected, atol=1e-6)
    np.testing.assert_allclose(note(preset=noise), SOUND, atol=1e-6)
    halfway = note(preset=noise, preset_b=shaped, morph=0.25)
    np.testing.assert_allclose(halfway, SOUND + 0.25 * (expected - SOUND), atol=1e-5)


def test_a_texture_is_held_and_a_released_hit_falls_silent():
    sound = np.full((2, 48_000), 0.5, np.float32)
    held = PresetEffects([{"type": "adsr", "sustain": 0.5}], RATE, 2, None).push(sound)
    np.testing.assert_allclose(held[:, 30_000:], 0.25, atol=1e-3)
    ended = PresetEffects([{"type": "adsr", "sustain": 0.5, "release_ms": 100.0}], RATE, 2, 24_000).push(sound)
    assert np.abs(ended[:, 24_000 + 4_800 :]).max() < 1e-6
    assert np.abs(ended[:, 23_000:24_000]).min() > 0.2


def test_a_chain_that_does_nothing_leaves_every_bit(bank):
    sound = SOUND[None]
    np.testing.assert_array_equal(PresetEffects([], RATE, 1, 100).push(sound), sound)
    np.testing.assert_array_equal(PresetEffects([{"type": "eq"}], RATE, 1, 100).push(sound), sound)


def test_transfer_does_not_use_the_chain(bank, tmp_path):
    """In a transfer the preset is not performed."""
    plain, shaped = (load_preset(bank / f"{name}{SUFFIX}") for name in ("noise", "shaped"))
    soundfile.write(tmp_path / "in.wav", SOUND, RATE, "FLOAT")
    output = []
    for preset in (plain, shaped):
        named = dataclasses.replace(preset, header=msgspec.structs.replace(preset.header, name="same"))
        Applier(PcmCodec(), named, Settings(bits=32)).apply(tmp_path / "in.wav", tmp_path / "out.wav")
        output.append(soundfile.read(tmp_path / "out.wav", dtype="float32")[0])
    np.testing.assert_array_equal(*output)
