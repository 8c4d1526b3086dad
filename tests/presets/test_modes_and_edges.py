"""Captured modes, attacks and tails; hostile files are refused."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import soundfile
from safetensors.numpy import save_file

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.modes.mode_table import FREQUENCY, LEVEL, ONSET
from plugin_backend.modes.resonator_bank import ResonatorBank
from presets.capture import RUMBLE_HZ, CaptureSettings, capture, encode_pieces
from presets.decoded_takes import decoded_takes
from presets.finish_take import LowCut, TakeFinisher
from presets.hit_slicing import slices_of, tail_end
from presets.mixing import mix_presets
from presets.performance.draw import Draw
from presets.performance.performance import Performance
from presets.preset import RingControls, sound_digest
from presets.store import KEY, SCHEMA, load_preset, save_preset

RATE = 48_000
CODEC = PcmCodec()


def performed(preset) -> Performance:
    return Performance(preset, Draw(0), CODEC.spec)


def bell(seconds=2.0, start=4_800, partials=((880.0, 1.0, 0.3), (2_345.6, 0.5, 0.2)), noise=1e-4, seed=0):
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE) - start) / RATE
    tone = sum(a * 10 ** (-3 * time_s / d) * np.cos(2 * np.pi * f * time_s + 1) for f, d, a in partials)
    tone = tone + 0.3 * rng.standard_normal(time_s.size) * np.exp(-time_s / 0.01)
    audio = noise * rng.standard_normal(start + time_s.size)
    audio[start:] += tone
    return audio.astype(np.float32)


def walk(path, steps=48, seconds=24, rate=44_100, room=3e-4):
    rng, audio = np.random.default_rng(0), room * np.random.default_rng(1).standard_normal(seconds * rate)
    for index in range(steps):
        at, time_s = round((0.2 + index * seconds / steps) * rate), np.arange(round(0.28 * rate)) / rate
        audio[at : at + time_s.size] += (
            rng.uniform(0.1, 0.4) * rng.standard_normal(time_s.size) * np.exp(-time_s / 0.05)
        )[: audio.size - at]
    soundfile.write(path, audio, rate)
    return path


def write(path, audio, rate=RATE):
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return path


def test_a_bell_keeps_its_partials_and_a_thud_has_none(tmp_path):
    sound = bell()
    captured = capture(CODEC, "bell", [write(tmp_path / "bell.wav", sound)])
    (rows,) = captured.preset.modes
    strong = sorted(rows[rows[:, LEVEL] > 0.1].tolist(), key=lambda row: row[FREQUENCY])
    assert [round(row[FREQUENCY], 1) for row in strong] == [pytest.approx(880, abs=0.3), pytest.approx(2345.6, abs=0.5)]
    thud = np.random.default_rng(0).standard_normal(9_600) * np.exp(-np.arange(9_600) / 1_500)
    path = write(tmp_path / "thud.wav", np.pad(0.3 * thud, (4_800, 9_600)))
    assert capture(CODEC, "thud", [path]).preset.modes == []
    assert capture(CODEC, "bell", [tmp_path / "bell.wav"], CaptureSettings(modes="none")).preset.modes == []
    assert len(capture(CODEC, "bell", [tmp_path / "bell.wav"], CaptureSettings(modes=1)).preset.modes[0]) == 1


def test_modes_and_the_rest_make_the_recording_again(tmp_path):
    sound = bell()
    preset = capture(CODEC, "bell", [write(tmp_path / "bell.wav", sound)]).preset
    again, (rows,) = decoded_takes(preset, CODEC, 0), preset.modes
    attack = int(rows[0, ONSET])
    np.testing.assert_allclose(again[attack - 40 : attack + 40_000], sound[4_760:44_800], atol=2e-6)
    assert np.square(CODEC.decode(preset.means[0][None])[0][attack + 4_800 :]).sum() < 1e-3 * np.square(again).sum()


def test_a_take_rings_on_when_its_recording_has_ended(tmp_path):
    preset = capture(CODEC, "bell", [write(tmp_path / "bell.wav", bell(0.5))]).preset
    take, (rows,) = preset.header.takes[0], preset.modes
    assert take.length_samples > 0.8 * RATE
    last = ResonatorBank(rows, RATE).samples(take.skip_samples + take.length_samples - 200, 200)
    assert 20 * np.log10(np.abs(last).max() / np.abs(bell(0.5)).max()) == pytest.approx(-60, abs=3)


def test_nothing_is_audible_earlier_than_a_millisecond_before_the_attack(tmp_path):
    """Everything that a model smears ahead of an attack is before the take's first sample."""
    sound = bell(partials=())
    (preset,) = [capture(CODEC, "hit", [write(tmp_path / "hit.wav", sound)]).preset]
    take = preset.header.takes[0]
    start = CODEC.decode(preset.means[0][None])[0][take.skip_samples :]
    attack = int(np.argmax(np.abs(start) >= 0.1 * np.abs(start).max()))
    assert attack <= 50
    assert performed(preset).fade_in_samples == 48


def test_a_tail_goes_down_to_60_db_or_to_the_recordings_floor():
    time_s = np.arange(2 * RATE) / RATE
    decay = (0.5 * np.random.default_rng(0).standard_normal(time_s.size) * 10 ** (-3 * time_s / 1.0)).astype(np.float32)
    assert tail_end(decay, 0, 0.0, RATE) == pytest.approx(RATE, rel=0.06)
    assert tail_end(decay, 0, 0.5 * 10 ** (-40 / 20), RATE) == pytest.approx(0.66 * RATE, rel=0.06)


def test_a_tail_that_is_cut_fades_over_its_last_10_db(tmp_path):
    """A tail cut at −30 dB of a two-second decay fades over its last 10 dB; a complete tail fades for 10 ms."""
    time_s = np.arange(RATE) / RATE
    tail = (0.3 * np.random.default_rng(0).standard_normal(RATE) * 10 ** (-1.5 * time_s)).astype(np.float32)
    cut = capture(
        CODEC, "cut", [write(tmp_path / "cut.wav", np.pad(tail, (4_800, 0)))], CaptureSettings(modes="none")
    ).preset
    assert cut.header.takes[0].fade_out_samples == pytest.approx(RATE / 3, rel=0.2)
    gone = (tail * 10 ** (-3 * time_s)).astype(np.float32)
    whole = capture(
        CODEC, "whole", [write(tmp_path / "whole.wav", np.pad(gone, (4_800, 0)))], CaptureSettings(modes="none")
    ).preset
    assert performed(whole).fade_out_samples == 480


class Rumbling(PcmCodec):
    """The identity codec with a tone of 8 Hz and an offset added."""

    def decode(self, latents, seeds=None, sides=None):
        audio = super().decode(latents)
        return audio + np.float32(0.05) + 0.05 * np.sin(2 * np.pi * 8 / RATE * np.arange(audio.shape[1]), dtype="f4")


def test_rumble_that_a_model_adds_is_cut_and_what_it_does_not_is_left(tmp_path):
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    assert encode_pieces(CODEC, "x", [noise], "hit").header.low_cut_hz == 0
    preset = encode_pieces(Rumbling(), "x", [noise], "hit")
    assert preset.header.low_cut_hz == RUMBLE_HZ
    late = decoded_takes(preset, Rumbling(), 0)[RATE // 2 :]
    bins = np.abs(np.fft.rfft(late * np.hanning(late.size))) / late.size
    assert bins[0] < 1e-4
    assert bins[4] < 1e-3  # 8 Hz


def test_a_low_cut_in_pieces_is_the_same_bits():
    noise = np.random.default_rng(0).standard_normal((2, 10_000)).astype(np.float32)
    whole, cut, pieces, at = LowCut(25, RATE, 2).push(noise), LowCut(25, RATE, 2), [], 0
    for count in (1, 511, 512, 3_000, 5_976):
        pieces.append(cut.push(noise[:, at : at + count]))
        at += count
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


def test_finishing_in_pieces_is_the_same_bits():
    rows = np.array([[100, 440, 1, 0.5, 0, 0], [-20, 3000, 0.2, 0.5, 1, 0]])
    noise = np.random.default_rng(0).standard_normal((1, 20_000)).astype(np.float32)
    whole, finish = TakeFinisher(rows, 25.0, RATE, 1, 700).push(noise), TakeFinisher(rows, 25.0, RATE, 1, 700)
    pieces = [finish.push(noise[:, at : at + 512]) for at in range(0, 20_000, 512)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    assert whole.shape == (1, 19_300)


def test_a_continuous_walk_makes_a_take_of_every_step(tmp_path):
    captured = capture(CODEC, "walk", [walk(tmp_path / "walk.wav")])
    assert captured.hits == 48
    assert len(captured.preset.means) == 48
    assert captured.remarks == ()


def test_hits_that_become_no_take_are_reported_with_the_reason(tmp_path):
    captured = capture(CODEC, "walk", [walk(tmp_path / "walk.wav")], CaptureSettings(most_takes=20))
    assert (captured.hits, len(captured.preset.means)) == (48, 20)
    assert captured.remarks == ("28 hits left out: only the loudest 20 are kept (--takes)",)


def test_takes_may_be_cut_at_silences_or_not_at_all(tmp_path):
    path = walk(tmp_path / "walk.wav", steps=6, seconds=3)
    counts = {how: len(slices_of(path, RATE, how, Sensitivity())[0]) for how in ("hits", "silence", "file")}
    assert counts["hits"] == 6
    assert counts["file"] == 1
    whole, _ = slices_of(path, RATE, "file", Sensitivity())
    assert len(whole[0].onsets) == 6


def rings(name="bell", partials=((880.0, 1.0, 0.3),), **fields):
    rows = np.array([(100, f, d, a, 0, 0) for f, d, a in partials], np.float32)
    piece = np.zeros(2_048, np.float32)
    piece[100] = 0.5
    return replace(encode_pieces(CODEC, name, [piece], "hit", **fields), modes=[rows])


def test_modes_come_back_from_a_file_whole(tmp_path):
    preset = rings(ring=RingControls(size=2.0, strike=0.0), low_cut_hz=25.0)
    again = load_preset(save_preset(preset, tmp_path))
    assert again.header == preset.header
    np.testing.assert_array_equal(again.modes[0], preset.modes[0])
    assert sound_digest(again) == sound_digest(preset)


def test_audible_fields_of_modes_are_in_the_digest():
    one = rings()
    others = [rings(ring=RingControls(damping=2.0)), rings(partials=((880.0, 1.0, 0.31),)), rings(low_cut_hz=25.0)]
    assert len({sound_digest(preset) for preset in (one, *others)}) == 4


def test_modes_sound_by_the_presets_controls_and_count_from_the_takes_start():
    rows = performed(rings(ring=RingControls(size=2.0, strike=0.0, gain_db=-6.0))).modes()
    assert rows[0, FREQUENCY] == pytest.approx(440)
    assert rows[0, LEVEL] == pytest.approx(0.3 * 10 ** (-6 / 20))
    assert rows[0, ONSET] == 48  # the lead-in


def test_mixing_matches_modes_by_frequency_and_a_sum_keeps_all():
    a, b = rings("a"), rings("b", ((990.0, 0.25, 0.3), (5_000.0, 1.0, 0.1)))
    (mean,) = mix_presets([a, b], CODEC, "c").modes
    assert sorted(np.round(mean[:, FREQUENCY])) == [933, 5_000]
    assert mean[mean[:, FREQUENCY] > 1_000][0, LEVEL] == pytest.approx(0.05)
    (total,) = mix_presets([a, b], CODEC, "c", "sum", [1, 0.5]).modes
    assert sorted(np.round(total[:, FREQUENCY])) == [880, 990, 5_000]
    assert mix_presets([rings("a")] * 2, CODEC, "c").modes[0][0, FREQUENCY] == pytest.approx(880)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([[0, 1e9, 1, 0.1, 0, 0]], np.float32), "take 0: a mode's frequency_hz is 1e"),
        (np.array([[0, 440, np.nan, 0.1, 0, 0]], np.float32), "take 0: a mode's decay_s is nan"),
        (np.zeros((1, 5), np.float32), r"modes of shape \(1, 5\); need \[modes, 6\]"),
        (np.zeros((9_999, 6), np.float32), "9999 modes; at most 4096"),
        (np.zeros((1, 6), np.int32), "not arrays of floats"),
    ],
)
def test_hostile_modes_are_refused_by_file(tmp_path, rows, message):
    preset = rings()
    path = save_preset(preset, tmp_path)
    header = {"schema": SCHEMA, **msgspec.to_builtins(preset.header)}
    tensors = {"mean.0": preset.means[0], "deviation.0": preset.deviations[0], "modes.0": rows}
    save_file(tensors, path, {KEY: msgspec.json.encode(header).decode()})
    with pytest.raises(PresetError, match=message) as caught:
        load_preset(path)
    assert str(path) in str(caught.value)


def test_controls_out_of_range_and_modes_for_other_takes_are_refused():
    with pytest.raises(PresetError, match="ring: size 9: 0.25 to 4 can be used"):
        rings(ring=RingControls(size=9.0))
    with pytest.raises(PresetError, match="modes for 2 takes of 1"):
        replace(rings(), modes=[rings().modes[0]] * 2)
