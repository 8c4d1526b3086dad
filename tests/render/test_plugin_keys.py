"""The plug-in's instrument: notes at their samples, held and let go, moved while they sound, decoded together."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from plugin_backend.codec import CodecSpec, DecoderStream
from plugin_backend.codecs import load_codec
from plugin_backend.errors import PresetError
from plugin_backend.pcm_codec import PcmCodec
from plugin_backend.plugin.parameters import INDEX
from plugin_backend.waveform_vae.products import rows_apart
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.live.takes import Takes
from render.live.voices import FADE_SAMPLES, MOST_VOICES
from render.plugin.engines import make_engine
from render.plugin.shelf import Shelf

RATE, HOP, SEED = 48_000, 512, 7


@pytest.fixture
def keys():
    """Makes an instrument; each is closed."""
    made = []

    def make(codec, bank, channels=1):
        made.append(make_engine("instrument", codec, Shelf(bank), RATE, channels, HOP, SEED))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def silence(hops: int, channels: int = 1) -> np.ndarray:
    return np.zeros((channels, hops * HOP), np.float32)


def number(bank: Bank, name: str) -> int:
    return bank.names.index(name) + 1


def on(key: int = 60, velocity: int = 127, channel: int = 0) -> bytes:
    return bytes([0x90 + channel, key, velocity])


def off(key: int = 60, channel: int = 0) -> bytes:
    return bytes([0x80 + channel, key, 64])


def control(what: int, value: int = 0, channel: int = 0) -> bytes:
    return bytes([0xB0 + channel, what, value])


def distance_db(one: np.ndarray, other: np.ndarray) -> float:
    return 20 * np.log10(max(np.abs(one - other).max(), 1e-12))


def same(one: np.ndarray, other: np.ndarray) -> None:
    """To the bit where rows do not hear one another, else to −120 dBFS."""
    if rows_apart():
        np.testing.assert_array_equal(one, other)
    assert distance_db(one, other) < -120


def test_a_note_begins_at_its_sample_and_is_heard_squared(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    struck = [(0, 127), (3_001, 64), (3_002, 32), (5_119, 1), (5_120, 100)]
    events = [(at, on(60, velocity)) for at, velocity in struck]
    out = played(keys(PcmCodec(), bank, 2), silence(20, 2), plugin_values(preset=number(bank, "click")), events)
    assert np.flatnonzero(out[0]).tolist() == [at for at, _ in struck]
    np.testing.assert_allclose(out[0, [at for at, _ in struck]], [0.5 * (v / 127) ** 2 for _, v in struck], rtol=1e-6)
    np.testing.assert_array_equal(out[0], out[1])


@pytest.mark.parametrize("name", ["water-drop", "cloth-page", "step-gravel"])
def test_a_hit_is_the_take_that_live_playing_strikes(foley, factory, keys, plugin_values, played, name):
    preset, velocity, at = factory[name], 90, 777
    takes = Takes([foley], SEED)
    wanted = [takes.take(preset, f"strike {strike}") * (velocity / 127) ** 2 for strike in (0, 1)]
    hops = (at + sum(map(len, wanted))) // HOP + 2
    events = [(at, on(60, velocity)), (at + 1, off(60)), (at + len(wanted[0]), on(61, velocity))]
    engine = keys(foley, factory)
    row = plugin_values(preset=number(factory, name))
    out = played(engine, silence(hops), row, events)[0]
    assert not out[:at].any()
    both = np.concatenate(wanted)
    assert distance_db(out[at : at + len(both)], both) < -130
    assert not out[at + len(both) :].any()
    assert np.abs(both).max() > 0.01
    engine.reset()
    np.testing.assert_array_equal(played(engine, silence(hops), row, events)[0], out)


def test_a_texture_sounds_until_let_go_or_the_pedal_is_up(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    row, engine = plugin_values(preset=number(bank, "hum")), keys(PcmCodec(), bank)

    def heard_until(*events) -> int:
        engine.reset()
        out = played(engine, silence(60), row, [(1_000, on()), *events])[0]
        assert not out[:1_000].any()
        return int(np.flatnonzero(out)[-1])

    def ends(at: int) -> range:
        return range(at + FADE_SAMPLES // 2, at + FADE_SAMPLES + 1)

    assert heard_until() == 60 * HOP - 1
    assert heard_until((9_001, off())) in ends(9_001)
    assert heard_until((9_001, on(60, 0))) in ends(9_001)
    assert heard_until((9_001, off(61)), (9_002, off(60, 3))) == 60 * HOP - 1
    assert heard_until((500, control(64, 127)), (9_001, off()), (15_000, control(64))) in ends(15_000)
    assert heard_until((9_001, control(64, 127)), (12_000, off()), (15_000, control(121))) in ends(15_000)
    assert heard_until((500, control(64, 127)), (15_000, control(64))) == 60 * HOP - 1
    assert heard_until((9_001, control(123))) in ends(9_001)
    assert heard_until((500, control(64, 127)), (9_001, control(120))) in ends(9_001)
    ignored = control(120, 0, 5), control(7), b"\xb0", b"\xe0\x00\x00", b"\x80\x3c"
    assert heard_until(*((9_001 + at, message) for at, message in enumerate(ignored))) == 60 * HOP - 1
    assert engine.problems == []


def test_all_sound_off_ends_hits_too_and_all_notes_off_does_not(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    row, engine = plugin_values(preset=number(bank, "tone")), keys(PcmCodec(), bank)
    out = played(engine, silence(60), row, [(0, on()), (5_000, control(123)), (20_000, control(120))])[0]
    assert np.flatnonzero(out)[-1] in range(20_000 + FADE_SAMPLES // 2, 20_001 + FADE_SAMPLES)


@pytest.fixture
def programs(tmp_path):
    """A bank of constants: ``a`` is 0.1 (program 9), ``b`` 0.2 (program 4), ``c`` 0.3 (none)."""
    for name, level, program in (("a", 0.1, 9), ("b", 0.2, 4), ("c", 0.3, None)):
        audio = np.full(4 * HOP, level, np.float32)
        own = {"program": program, "variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
        save_preset(encode_pieces(PcmCodec(), name, [audio], "hit", **own), tmp_path)
    return Bank(tmp_path)


def test_a_program_change_chooses_until_the_parameter_does(programs, keys, plugin_values, played):
    events = [(at, on()) for at in range(0, 40 * HOP, 5 * HOP)]
    events += [(6 * HOP, bytes([0xC0, 4])), (11 * HOP, bytes([0xC0, 77])), (16 * HOP, bytes([0xC5, 9]))]
    engine = keys(PcmCodec(), programs)
    out = played(engine, silence(40), lambda at: plugin_values(preset=3 if at < 22 * HOP else 2), sorted(events))[0]
    np.testing.assert_allclose(out[100 :: 5 * HOP], [0.3, 0.3, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2], rtol=1e-6)
    assert engine.problems == ["program 77: the bank has no such preset"]
    engine.problems.clear()  # it was told
    engine.push(silence(1), plugin_values(), [(0, b"\xc0\x4d"), (1, b"\xc0\x4e")], False)
    assert engine.problems == ["program 78: the bank has no such preset"]


def test_the_seed_chooses_takes_from_the_next_strike_on(keys, plugin_values, played, tmp_path):
    """A preset of constants: the first sample tells the take."""
    pieces = [np.full(2 * HOP, level, np.float32) for level in np.linspace(0.1, 0.8, 8)]
    own = {"program": None, "variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
    save_preset(encode_pieces(PcmCodec(), "levels", pieces, "hit", **own), tmp_path)
    bank, at = Bank(tmp_path), range(100, 40 * HOP, 4 * HOP)
    wanted = {}
    for seed in (0, 471_123):
        takes = Takes([PcmCodec()], SEED + seed)
        wanted[seed] = [takes.take(bank["levels"], f"strike {strike}")[0] for strike in range(len(at))]
    assert wanted[0] != wanted[471_123]
    for turned in (0, 18 * HOP, 99 * HOP):
        row = lambda first, turned=turned: plugin_values(preset=1, seed=471_123 if first >= turned else 0)  # noqa: E731
        heard = played(keys(PcmCodec(), bank), silence(40), row, [(sample, on()) for sample in at])[0]
        own = [wanted[471_123 if sample >= turned else 0][strike] for strike, sample in enumerate(at)]
        np.testing.assert_allclose(heard[list(at)], own, rtol=1e-6)


def test_without_a_preset_nothing_is_heard_and_a_session_is_number_nought(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    assert not played(engine, silence(4), plugin_values(), [(0, on())]).any()
    engine.session("a", programs["b"])
    engine.reset()
    out = played(engine, silence(4), plugin_values(gain_db=-6), [(0, on())])
    np.testing.assert_allclose(out[0, : 4 * HOP], 0.2 * 10 ** (-6 / 20), rtol=1e-5)
    assert engine.problems == []


def test_a_preset_heard_from_years_after_its_latents_is_refused(programs, keys, plugin_values):
    """Its notes would first decode all that is before."""
    header = programs["a"].header
    late = msgspec.structs.replace(header, takes=[msgspec.structs.replace(header.takes[0], skip_samples=10**15)])
    engine = keys(PcmCodec(), programs)
    with pytest.raises(PresetError, match="preset 'a': take 0 is heard from sample 1000000000000000 on, and has 2048:"):
        engine.session("a", replace(programs["a"], header=late))
    assert not engine.push(silence(1), plugin_values(), [(0, on())], True).any()


def test_sliders_move_what_already_sounds(programs, keys, plugin_values, played):
    """Latents of the identity codec are samples: frame by frame their values are known."""
    engine = keys(PcmCodec(), programs)

    def row(at: int):
        moved = {"latent3_bias": 0.25, "latent4_scale": -2.0, "latent5_on": 0.0} if at >= 2 * HOP else {}
        return plugin_values(preset=1, **moved)

    out = played(engine, silence(4), row, [(0, on())])[0].reshape(4, HOP)
    wanted = np.full((4, HOP), 0.1)
    wanted[2:, 3], wanted[2:, 4], wanted[2:, 5] = 0.35, -0.2, 0.0
    np.testing.assert_allclose(out, wanted, atol=1e-7)


def test_smoothing_is_a_one_pole_of_each_notes_latents(programs, keys, plugin_values, played):
    engine, smooth_ms = keys(PcmCodec(), programs), 20.0
    events = [(0, on()), (HOP, on(61))]
    out = played(
        engine, silence(4), lambda at: plugin_values(preset=1, smooth_ms=smooth_ms, latent0_bias=at >= 2 * HOP), events
    )
    keep = np.exp(-1000 * HOP / RATE / smooth_ms)
    step = 1 - keep ** np.arange(1, 3)
    np.testing.assert_allclose(out[0, ::HOP], [0.1, 0.2, 0.2 + 2 * step[0], 0.2 + 2 * step[1]], rtol=1e-5)


def test_morph_leads_a_sounding_note_to_the_seconds_take(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    half = played(engine, silence(4), plugin_values(preset=1, preset_b=3, morph=0.5), [(0, on())])[0]
    np.testing.assert_allclose(half, 0.2, rtol=1e-6)
    engine.reset()
    rows = [plugin_values(preset=1, preset_b=3, morph=morph) for morph in (0, 1)]
    moved = played(engine, silence(4), lambda at: rows[at >= HOP], [(0, on())])[0, ::HOP]
    np.testing.assert_allclose(moved, [0.1, 0.14, 0.18, 0.22], rtol=1e-6)  # of five hops' way


def test_at_the_morphs_end_a_hit_is_the_seconds_own_take(foley, factory, keys, plugin_values, played):
    names, at = ("water-drop", "step-gravel"), 1_000
    row = plugin_values(preset=number(factory, names[0]), preset_b=number(factory, names[1]), morph=1)
    engine = keys(foley, factory)
    out = played(engine, silence(60), row, [(at, on())])[0]
    first, second = (Takes([foley], SEED).take(factory[name], "strike 0") for name in names)
    assert distance_db(out[at : at + len(second)], second) < -130
    assert not out[:at].any()
    engine.reset()
    row[INDEX["morph"]] = 0
    out = played(engine, silence(60), row, [(at, on())])[0]
    assert distance_db(out[at : at + len(first)], first) < -130


def test_a_voice_among_others_is_the_voice_alone(foley, factory, keys, plugin_values, played):
    """The others are struck at a velocity that nobody hears."""
    row = plugin_values(preset=number(factory, "amb-rain"), latent1_bias=0.4, smooth_ms=15)
    alone = played(keys(foley, factory, 2), silence(40, 2), row, [(700, on(60)), (15_000, off(60))])
    engine = keys(foley, factory, 2)
    velocity_of_nothing = [(701 + 333 * index, on(61 + index, 1)) for index in range(20)]
    later = [(3_000 + 777 * index, off(61 + index)) for index in range(20)]
    events = sorted([(700, on(60)), (15_000, off(60)), *velocity_of_nothing, *later])
    start = engine._keyboard.start

    def muted(note):
        note._gain = np.float32(note._gain > 0.5)
        start(note)

    engine._keyboard.start = muted
    same(played(engine, silence(40, 2), row, events), alone)
    assert np.abs(alone).max() > 0.01


def test_codecs_of_other_hops_and_hits_of_other_lengths_too(tiny_models, keys, plugin_values, played, tmp_path):
    codec = load_codec(str(tiny_models[0]))
    rng = np.random.default_rng(0)
    for name, length in (("long", 30_000), ("short", 5_000), ("tiny", 700)):
        audio = (rng.standard_normal(length) * 0.2).astype(np.float32)
        save_preset(encode_pieces(codec, name, [audio], "hit"), tmp_path)
    bank = Bank(tmp_path)
    takes, out = Takes([codec], SEED), np.zeros(80 * HOP)
    engine, events, wanted = keys(codec, bank), [], np.zeros(80 * HOP)
    for index, name in enumerate(("long", "short", "tiny")):
        at = 511 + 1_025 * index
        events.append((at, bytes([0x90, 60, 127])))
        take = takes.take(bank[name], "strike 0")
        wanted[at : at + len(take)] += take
    rows = {0: "long", 2: "short", 5: "tiny"}
    row = lambda at: plugin_values(preset=number(bank, rows[max(hop for hop in rows if hop <= at // HOP)]))  # noqa: E731
    out = played(engine, silence(80), row, events)[0]
    assert distance_db(out, wanted) < -125


def test_of_too_many_notes_the_oldest_fades(programs, keys, plugin_values, played, impulse_bank):
    bank = Bank(impulse_bank)
    engine = keys(PcmCodec(), bank)
    events = [(at, on(at % 120)) for at in range(MOST_VOICES + 5)]
    played(engine, silence(3), plugin_values(preset=number(bank, "hum")), events)
    assert len(engine._keyboard.notes) == MOST_VOICES


class Coarse(PcmCodec):
    """Of longer frames; what its streams remember cannot be reached, and they must be fed in order."""

    spec = CodecSpec("coarse", "coarse", RATE, 1_200, 1_200, 0)

    def decoder(self, batch=1):
        class Decoder(DecoderStream):
            def __init__(self):
                self.count = 0

            def push(self, latents):
                assert len(latents) == batch
                self.count += latents.shape[1]
                return np.asarray(latents, np.float32).reshape(batch, -1) + np.float32(1000 * (self.count == 0))

        return Decoder()


def test_a_codec_of_odd_hops_whose_memory_is_its_own_plays_too(keys, plugin_values, played, tmp_path):
    codec, rng = Coarse(), np.random.default_rng(1)
    noise = (rng.standard_normal(12_345) * 0.1).astype(np.float32)
    plain = {"variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
    save_preset(encode_pieces(codec, "noise", [noise], "hit", **plain), tmp_path)
    save_preset(encode_pieces(codec, "wide", [np.tile(noise, 40)], "texture", **plain, stereo=True), tmp_path)
    bank = Bank(tmp_path)
    take = Takes([codec], SEED).take(bank["noise"], "strike 0")
    wanted, at = np.zeros(40 * HOP), [0, 511, 3_333]
    for begin in at:
        wanted[begin : begin + len(take)] += take
    out = played(keys(codec, bank), silence(40), plugin_values(preset=1), [(begin, on()) for begin in at])
    np.testing.assert_allclose(out[0], wanted, atol=1e-6)
    wide = played(keys(codec, bank, 2), silence(40, 2), plugin_values(preset=2), [(100, on())])
    assert np.abs(wide).max() < 10 and np.abs(wide[0] - wide[1]).max() > 0.01


def test_frames_longer_than_hops_are_decoded_together_all_the_same(keys, plugin_values, played, tmp_path):
    """Every second hop decodes a frame, of some notes in this and of others in the next."""
    import torch

    from plugin_backend.waveform_vae import checkpoint
    from plugin_backend.waveform_vae.config import WaveformVAEConfig
    from plugin_backend.waveform_vae.model import WaveformVAE

    torch.manual_seed(1)
    widths = {"encoder_width": 16, "encoder_blocks": 1, "decoder_width": 16, "decoder_blocks": 2}
    checkpoint.save(WaveformVAE(WaveformVAEConfig(hop=1_024, latent_dim=4, **widths)), tmp_path / "m.safetensors", {})
    codec, rng = load_codec(str(tmp_path / "m.safetensors")), np.random.default_rng(1)
    for name, length in (("long", 30_000), ("short", 9_000)):
        audio = (rng.standard_normal(length) * 0.2).astype(np.float32)
        save_preset(encode_pieces(codec, name, [audio], "hit"), tmp_path / "bank")
    bank, takes, wanted = Bank(tmp_path / "bank"), Takes([codec], SEED), np.zeros(90 * HOP)
    at = [0, 300, 700, 1_024, 1_300, 2_500]
    for strike, begin in enumerate(at):
        take = takes.take(bank["long" if strike < 3 else "short"], f"strike {strike % 3}")
        wanted[begin : begin + len(take)] += take
    rows = [plugin_values(preset=number(bank, name)) for name in ("long", "short")]
    events = [(begin, on(60 + strike)) for strike, begin in enumerate(at)]
    out = played(keys(codec, bank), silence(90), lambda first: rows[first >= 1_024], events)[0]
    assert distance_db(out, wanted) < -120


def test_a_frame_that_is_no_sound_is_silenced_and_told(programs, keys, plugin_values, played):
    engine = keys(PcmCodec(), programs)
    engine._rows = None
    engine.reset()
    push = engine._rows.push
    engine._rows.push = lambda owners, latents: push(owners, latents) * np.float32(np.nan)
    assert not played(engine, silence(1), plugin_values(preset=1), [(0, on())]).any()
    assert "no sound" in engine.problems[0]
    out = played(engine, silence(1), plugin_values(preset=1), [(0, on())])
    np.testing.assert_allclose(out, 0.1, rtol=1e-6)
