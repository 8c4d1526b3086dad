"""The plug-in's instrument: notes at their samples, held and released, decoded together."""

import numpy as np
import pytest

from plugin_backend.codecs.base import CodecSpec, DecoderStream
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.instrument.held_walk import HeldWalk
from render.instrument.take_pool import TakeId, TakePool, nearest_effort
from render.instrument.voices import FADE_SAMPLES, MOST_VOICES
from tests.render.struck_keys import HOP, RATE, SEED, control, distance_db, number, off, on, same, silence


def test_note_begins_at_its_sample_with_squared_velocity(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    strikes = [(0, 127), (3_001, 64), (3_002, 32), (5_119, 1), (5_120, 100)]
    events = [(at, on(60, velocity)) for at, velocity in strikes]
    out = played(keys(PcmCodec(), bank, 2), silence(20, 2), plugin_values(preset=number(bank, "click")), events)
    assert np.flatnonzero(out[0]).tolist() == [at for at, _ in strikes]
    np.testing.assert_allclose(out[0, [at for at, _ in strikes]], [0.5 * (v / 127) ** 2 for _, v in strikes], rtol=1e-6)
    np.testing.assert_array_equal(out[0], out[1])


@pytest.mark.parametrize("name", ["water-drop", "cloth-page", "step-gravel"])
def test_hit_equals_take_of_live_playing(foley, factory, keys, plugin_values, played, name):
    preset, velocity, at = factory[name], 90, 777
    takes = TakePool([foley], SEED)
    effort = nearest_effort(velocity / 127)
    expected = [takes.take(preset, TakeId(f"strike {strike}", effort)) * (velocity / 127) ** 2 for strike in (0, 1)]
    hops = (at + sum(map(len, expected))) // HOP + 2
    events = [(at, on(60, velocity)), (at + 1, off(60)), (at + len(expected[0]), on(61, velocity))]
    engine = keys(foley, factory)
    row = plugin_values(preset=number(factory, name))
    out = played(engine, silence(hops), row, events)[0]
    assert not out[:at].any()
    both = np.concatenate(expected)
    assert distance_db(out[at : at + len(both)], both) < -130
    assert not out[at + len(both) :].any()
    assert np.abs(both).max() > 0.01
    engine.reset()
    np.testing.assert_array_equal(played(engine, silence(hops), row, events)[0], out)


def test_texture_sounds_until_release_or_pedal_up(impulse_bank, keys, plugin_values, played):
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


def test_all_sound_off_ends_hits_and_all_notes_off_does_not(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    row, engine = plugin_values(preset=number(bank, "tone")), keys(PcmCodec(), bank)
    out = played(engine, silence(60), row, [(0, on()), (5_000, control(123)), (20_000, control(120))])[0]
    assert np.flatnonzero(out)[-1] in range(20_000 + FADE_SAMPLES // 2, 20_001 + FADE_SAMPLES)


def test_other_voices_do_not_change_a_voice(foley, factory, keys, plugin_values, played):
    """The others are struck at an inaudible velocity."""
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


def test_codecs_of_other_hops_and_hits_of_other_lengths(tiny_models, keys, plugin_values, played, tmp_path):
    codec = load_codec(str(tiny_models[0]))
    rng = np.random.default_rng(0)
    for name, length in (("long", 30_000), ("short", 5_000), ("tiny", 700)):
        audio = (rng.standard_normal(length) * 0.2).astype(np.float32)
        save_preset(encode_pieces(codec, name, [audio], "hit"), tmp_path)
    bank = Bank(tmp_path)
    takes, out = TakePool([codec], SEED), np.zeros(80 * HOP)
    engine, events, expected = keys(codec, bank), [], np.zeros(80 * HOP)
    for index, name in enumerate(("long", "short", "tiny")):
        at = 511 + 1_025 * index
        events.append((at, bytes([0x90, 60, 127])))
        take = takes.take(bank[name], TakeId("strike 0"))
        expected[at : at + len(take)] += take
    rows = {0: "long", 2: "short", 5: "tiny"}
    row = lambda at: plugin_values(preset=number(bank, rows[max(hop for hop in rows if hop <= at // HOP)]))  # noqa: E731
    out = played(engine, silence(80), row, events)[0]
    assert distance_db(out, expected) < -125


def test_oldest_of_too_many_notes_fades(keys, plugin_values, played, impulse_bank):
    bank = Bank(impulse_bank)
    engine = keys(PcmCodec(), bank)
    events = [(at, on(at % 120)) for at in range(MOST_VOICES + 5)]
    played(engine, silence(3), plugin_values(preset=number(bank, "hum")), events)
    assert len(engine._keyboard.notes) == MOST_VOICES


class Coarse(PcmCodec):
    """A codec with longer frames. The state of its streams cannot be read, and they must be fed in order."""

    spec = CodecSpec("coarse", "coarse", RATE, 1_200, 1_200, 0)

    def decoder(self, batch=1, seeds=None, sides=None):
        class Decoder(DecoderStream):
            def __init__(self):
                self.count = 0

            def push(self, latents):
                assert len(latents) == batch
                self.count += latents.shape[1]
                return np.asarray(latents, np.float32).reshape(batch, -1) + np.float32(1000 * (self.count == 0))

        return Decoder()


def test_codec_with_odd_hop_and_private_state(keys, plugin_values, played, tmp_path):
    codec, rng = Coarse(), np.random.default_rng(1)
    noise = (rng.standard_normal(12_345) * 0.1).astype(np.float32)
    plain = {"variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
    save_preset(encode_pieces(codec, "noise", [noise], "hit", **plain), tmp_path)
    save_preset(encode_pieces(codec, "wide", [np.tile(noise, 40)], "texture", **plain, stereo=True), tmp_path)
    bank = Bank(tmp_path)
    take = TakePool([codec], SEED).take(bank["noise"], TakeId("strike 0"))
    expected, at = np.zeros(40 * HOP), [0, 511, 3_333]
    for begin in at:
        expected[begin : begin + len(take)] += take
    out = played(keys(codec, bank), silence(40), plugin_values(preset=1), [(begin, on()) for begin in at])
    np.testing.assert_allclose(out[0], expected, atol=1e-6)
    wide = played(keys(codec, bank, 2), silence(40, 2), plugin_values(preset=2), [(100, on())])
    assert np.abs(wide).max() < 10 and np.abs(wide[0] - wide[1]).max() > 0.01


def test_frames_longer_than_hops_are_decoded_together(keys, plugin_values, played, tmp_path):
    """Every second hop decodes a frame: of some notes in one hop, of others in the next."""
    import torch

    from plugin_backend.models.waveform_vae import checkpoint
    from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
    from plugin_backend.models.waveform_vae.model import WaveformVAE

    torch.manual_seed(1)
    widths = {"encoder_width": 16, "encoder_blocks": 1, "decoder_width": 16, "decoder_blocks": 2}
    checkpoint.save(WaveformVAE(WaveformVAEConfig(hop=1_024, latent_dim=4, **widths)), tmp_path / "m.safetensors", {})
    codec, rng = load_codec(str(tmp_path / "m.safetensors")), np.random.default_rng(1)
    for name, length in (("long", 30_000), ("short", 9_000)):
        audio = (rng.standard_normal(length) * 0.2).astype(np.float32)
        save_preset(encode_pieces(codec, name, [audio], "hit"), tmp_path / "bank")
    bank, takes, expected = Bank(tmp_path / "bank"), TakePool([codec], SEED), np.zeros(90 * HOP)
    at = [0, 300, 700, 1_024, 1_300, 2_500]
    for strike, begin in enumerate(at):
        take = takes.take(bank["long" if strike < 3 else "short"], TakeId(f"strike {strike % 3}"))
        expected[begin : begin + len(take)] += take
    rows = [plugin_values(preset=number(bank, name)) for name in ("long", "short")]
    events = [(begin, on(60 + strike)) for strike, begin in enumerate(at)]
    out = played(keys(codec, bank), silence(90), lambda first: rows[first >= 1_024], events)[0]
    assert distance_db(out, expected) < -120


def test_a_held_key_walks_until_it_is_released(impulse_bank, keys, plugin_values, played):
    bank = Bank(impulse_bank)
    row = plugin_values(preset=number(bank, "click"), walk=1, cadence=240)
    events = [(1_001, on(60, 127)), (60_000, control(16, 127)), (90_000, off(60))]
    out = played(keys(PcmCodec(), bank), silence(200), row, events)[0]
    places = np.flatnonzero(out)
    walk, expected = HeldWalk(1_001, f"{SEED}\0click\0{0}", RATE, 1.0), []
    while walk.next_samples < 90_000:
        expected.append((walk.next_samples, walk.next_step(1.0).velocity))
        walk.go_on(240 if walk.next_samples < 60_000 else 600)
    assert places.tolist() == [place for place, _ in expected] and len(places) > 8
    np.testing.assert_allclose(out[places], [0.5 * velocity**2 for _, velocity in expected], rtol=1e-5)
    soft = played(keys(PcmCodec(), bank), silence(8), row, [(0, control(11, 32)), (1_001, on(60, 127))])[0]
    assert soft[1_001] == pytest.approx(out[1_001] * (32 / 127) ** 2, rel=1e-4)


@pytest.mark.parametrize("end", [control(123), control(120)])
def test_all_notes_off_ends_walks(impulse_bank, keys, plugin_values, played, end):
    bank = Bank(impulse_bank)
    row = plugin_values(preset=number(bank, "click"), walk=1, cadence=600)
    out = played(keys(PcmCodec(), bank), silence(100), row, [(0, on(60)), (20_000, end)])[0]
    assert np.flatnonzero(out)[-1] < 20_000 and np.count_nonzero(out) > 3
