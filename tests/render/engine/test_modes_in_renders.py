"""Modes in renders: with the gain, pan and pitch of their take, equal bits in any blocks, live and in the plug-in."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.modes.resonator_bank import ResonatorBank
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.performance.draw import Draw
from presets.performance.performance import Performance
from presets.preset import RingControls
from presets.store import save_preset
from render.instrument.take_pool import TakeId, TakePool
from render.plan.choose_draws import take_seed
from tests.render.struck_keys import HOP, RATE, SEED, on, silence

LENGTH = 60_000
ROWS = np.array(
    [
        [100, 700, 0.8, 0.2, 0.5, 0],
        [100, 1_900, 0.4, 0.1, -1.0, 0],
        [9_000, 2_500, 0.4, 0.1, 0.0, 6_000],
        [1_024, 3_000, 0, 0.05, 0.0, 2_048],
    ],
    np.float32,
)


def ringing(name="bell", rows=ROWS, **fields):
    """Return a click of half full scale that rings."""
    piece = np.zeros(LENGTH, np.float32)
    piece[100] = 0.5
    own = {"variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0, "program": None}
    return replace(encode_pieces(PcmCodec(), name, [piece], "hit", **{**own, **fields}), modes=[rows])


@pytest.fixture
def bells(tmp_path):
    save_preset(ringing(), tmp_path / "bells")
    save_preset(ringing("cut", low_cut_hz=25.0), tmp_path / "bells")
    save_preset(ringing("high", rows=ROWS * [1, 1.06, 1, 1, 1, 1]), tmp_path / "bells")
    return tmp_path / "bells"


def performed(preset, seed):
    return Performance(preset, Draw(seed), PcmCodec().spec)


def cue(start, preset="bell", **own):
    return {"id": f"{preset}{start}", "start": f"{start}smp", "stem": "PROPS", "preset": preset, **own}


def take_of(bank, seed, preset="bell"):
    """Return the audio of a cue with a seed, without gain and pan."""
    own = Bank(bank)[preset]
    sound = np.zeros(own.header.takes[0].length_samples)
    sound[48] = 0.5
    return sound + ResonatorBank(performed(own, seed).modes(), RATE).samples(0, sound.size)


def test_a_cue_rings_at_its_level_and_place(bells, write_sheet, render_sheet):
    sheet = write_sheet([cue(5_000, gain_db=-6, pan=-1, seed=7)])
    stem = render_sheet(sheet, bank=str(bells), bits=32)[0]["PROPS"]
    wanted = 10 ** (-6 / 20) * take_of(bells, 7)
    np.testing.assert_allclose(stem[5_000 : 5_000 + wanted.size, 0], wanted, atol=1e-7)
    assert not stem[:, 1].any()


@pytest.mark.parametrize("settings", [{"chunk_frames": 4}, {"chunk_frames": 1, "jobs": 2}], ids=str)
def test_in_any_blocks_the_same_bits(settings, bells, write_sheet, render_sheet):
    rows = [cue(701), cue(5_000, "cut"), cue(5_003, "high", pitch_semitones=-4), cue(30_000, pitch_semitones=7)]
    sheet = write_sheet([*rows, {**cue(9_000), "stem": "FEET"}])
    whole, _ = render_sheet(sheet, bank=str(bells), bits=32, out="whole")
    other, _ = render_sheet(sheet, bank=str(bells), bits=32, out="other", **settings)
    for name, audio in whole.items():
        np.testing.assert_array_equal(other[name], audio)
    assert np.abs(whole["PROPS"]).max() > 0.3


def test_varispeed_moves_frequency_and_decay(bells, write_sheet, render_sheet):
    sheet = write_sheet([cue(0, pitch_semitones=12)])
    stem = render_sheet(sheet, bank=str(bells), bits=32)[0]["PROPS"][:, 0]
    power = np.abs(np.fft.rfft(stem[1_000:25_000] * np.hanning(24_000)))
    assert power.argmax() * 2 == pytest.approx(1_400, abs=4)
    levels = [np.abs(stem[at : at + 480]).max() for at in (8_000, 8_000 + 9_600)]
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(-60 * 0.2 / 0.4, abs=2)


def test_the_cache_gives_the_same_bits_and_other_controls_another_sound(bells, write_sheet, render_sheet):
    sheet = write_sheet([cue(0), cue(20_000)])
    first, _ = render_sheet(sheet, bank=str(bells), bits=32, out="one")
    again, _ = render_sheet(sheet, bank=str(bells), bits=32, out="two")
    np.testing.assert_array_equal(first["PROPS"], again["PROPS"])
    save_preset(ringing(ring=RingControls(damping=4.0)), bells)
    damped, _ = render_sheet(sheet, bank=str(bells), bits=32, out="three")
    assert np.square(damped["PROPS"][5_000:20_000]).sum() < 0.2 * np.square(first["PROPS"][5_000:20_000]).sum()


def test_a_take_struck_live_rings_as_a_cue_does(bells):
    preset, takes = Bank(bells)["bell"], TakePool([PcmCodec()], 0)
    sound = takes.take(preset, TakeId("strike 0"))
    rows = performed(preset, take_seed(0, "strike 0", 1)).modes()
    wanted = ResonatorBank(rows, RATE).samples(0, sound.size)
    wanted[48] += 0.5
    np.testing.assert_allclose(sound, wanted, atol=1e-7)


@pytest.mark.parametrize("hops", [1, 3])
def test_a_note_of_the_plugin_rings_as_the_take(bells, keys, plugin_values, played, hops):
    bank, at = Bank(bells), 333
    for number, name in enumerate(bank.names, 1):
        sound = TakePool([PcmCodec()], SEED).take(bank[name], TakeId("strike 0"))
        out = played(keys(PcmCodec(), bank), silence(130), plugin_values(preset=number), [(at, on())])[0]
        np.testing.assert_array_equal(out[at : at + sound.size], sound)


def test_a_note_between_two_presets_rings_between_them(bells, keys, plugin_values, played):
    bank = Bank(bells)
    values = plugin_values(preset=bank.names.index("bell") + 1, preset_b=bank.names.index("high") + 1, morph=0.5)
    out = played(keys(PcmCodec(), bank), silence(60), values, [(0, on())])[0]
    power = np.abs(np.fft.rfft(out[2_000:26_000] * np.hanning(24_000)))
    assert power.argmax() * 2 == pytest.approx(700 * np.sqrt(1.06), abs=3)
    assert HOP == 512


def test_a_long_fade_belongs_to_the_takes_own_end(tmp_path, write_sheet, render_sheet):
    """A cue that ends earlier has the preset's fade."""
    tone = np.full(20_000, 0.25, np.float32)
    own = {"variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 480, "program": None}
    preset = encode_pieces(PcmCodec(), "tail", [tone], "hit", **own)
    takes = [msgspec.structs.replace(preset.header.takes[0], fade_out_samples=8_000)]
    preset = replace(preset, header=msgspec.structs.replace(preset.header, takes=takes))
    assert (performed(preset, 0).fade_in_samples, performed(preset, 0).fade_out_samples) == (0, 8_000)
    save_preset(preset, tmp_path / "bank")
    rows = [cue(0, "tail", pan=-1), cue(40_000, "tail", pan=-1, duration="10000smp")]
    stem = render_sheet(write_sheet(rows), bank=str(tmp_path / "bank"), bits=32)[0]["PROPS"][:, 0]
    assert stem[16_000] == pytest.approx(0.125, abs=1e-3)
    assert stem[40_000 + 9_400] == pytest.approx(0.25)
    assert stem[40_000 + 9_760] == pytest.approx(0.125, abs=2e-3)
