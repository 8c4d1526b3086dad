"""Presets of models that describe a whole sound by one vector: captured, performed, mixed and brought over."""

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import PresetError
from plugin_backend.models.registry import load_codec
from presets.capture import CaptureSettings, capture, encode_pieces
from presets.decoded_takes import LEAD_SAMPLES
from presets.hit_slicing import FILE
from presets.migrate import migrate
from presets.mixing import mix_presets
from presets.performance.aligned_takes import aligned_takes_of
from presets.performance.draw import Draw, candidate_weights, weights_of
from presets.performance.memory import choose_candidates
from presets.performance.performance import Performance
from presets.preset import Provenance, check_fits
from presets.provenance import recordings_of
from presets.random_mix import random_preset
from tests.plugin_backend.models.tone_family import SPREAD, ToneCodec, tone
from tests.presets.preset_maker import make_preset

RATE, HOP = 44_100, 13_230
PITCHED = ToneCodec(CodecSpec("notes", "0" * 16, RATE, HOP, 5, 0, "vector", pitch_dim=3, loudness_dim=4))
PLAIN = ToneCodec(CodecSpec("plain", "1" * 16, RATE, HOP, 3, 0, "vector"))


def note_preset(name="note", notes=(69, 69), levels=(0.2, 0.3), codec=PITCHED, **fields):
    pieces = [tone(note, 0.25, RATE, level) for note, level in zip(notes, levels, strict=True)]
    return encode_pieces(codec, name, pieces, "hit", **fields)


def test_a_captured_note_begins_at_its_attack_and_is_cut_at_the_models_length(tmp_path):
    for number, silence_s in enumerate((0.0, 0.31)):
        soundfile.write(tmp_path / f"{number}.wav", tone(69, 1.0, RATE, silence_s=silence_s), RATE, subtype="FLOAT")
    files = sorted(tmp_path.glob("*.wav"))
    captured = capture(PITCHED, "note", files, CaptureSettings(split=FILE))
    preset, spec = captured.preset, PITCHED.spec
    assert captured.remarks == (
        "2 takes longer than 0.30 s, the length of a sound of model 'notes': cut there, with a fade",
    )
    assert not preset.modes
    assert [(take.skip_samples, take.length_samples, take.fade_out_samples) for take in preset.header.takes] == [
        (0, HOP, HOP // 8)
    ] * 2
    first, late = (mean[0] for mean in preset.means)
    np.testing.assert_allclose(first, late, atol=1e-3)  # whatever was before the attack
    assert abs(first[3] - 0.75) < 0.01 and first[4] == pytest.approx(
        np.log10(np.sqrt(np.mean(first[:3] ** 2))), abs=1e-3
    )
    attack = tone(69, 1.0, RATE)[: HOP - LEAD_SAMPLES]
    expected = PITCHED.encode(np.pad(attack, (LEAD_SAMPLES, 0))[None])[0, 0]
    np.testing.assert_allclose(first, expected, atol=1e-3)
    check_fits(preset, spec)


def test_a_long_texture_becomes_takes_of_the_models_length(tmp_path):
    soundfile.write(tmp_path / "hum.wav", 0.1 * np.random.default_rng(0).standard_normal(round(2.6 * HOP)), RATE)
    hum = capture(PLAIN, "hum", [tmp_path / "hum.wav"], CaptureSettings("texture")).preset
    assert [take.length_samples for take in hum.header.takes] == [HOP] * 3
    check_fits(hum, PLAIN.spec)
    soundfile.write(tmp_path / "short.wav", np.full(999, 0.1), RATE)
    short = capture(PLAIN, "short", [tmp_path / "short.wav"], CaptureSettings("texture")).preset
    assert [take.length_samples for take in short.header.takes] == [999]


def test_performances_are_convex_mixtures_with_the_takes_own_spread_and_a_takes_pitch():
    preset = note_preset(notes=(69, 69, 74, 62), levels=(0.1, 0.2, 0.3, 0.25))
    aligned = aligned_takes_of(preset, HOP)
    weights = candidate_weights(aligned, range(30))
    assert weights.shape == (30, 16, 1, 4 + 3)  # pitch and level have no spread
    assert weights[..., :4].min() >= 0 and np.allclose(weights[..., :4].sum(-1), 1)
    assert 0.3 < weights[..., 4:].std() < 1.2
    for variation in (0, 1, 4):
        assert weights_of(aligned, Draw(3, foot=1, character="A"), variation)[:, :4].min() >= 0
    played = np.stack([next(Performance(preset, Draw(seed), PITCHED.spec).latents())[0, 0] for seed in range(40)])
    assert len(np.unique(played, axis=0)) == 40
    own = np.concatenate(preset.means)
    assert set(played[:, 3].tolist()) == set(own[:, 3].tolist())
    assert (played[:, :3] > own[:, :3].min(0) - 5 * SPREAD).all() and (
        played[:, :3] < own[:, :3].max(0) + 5 * SPREAD
    ).all()
    steady = note_preset(levels=(0.1, 0.3), variation=0.0)
    mean = np.mean(steady.means, axis=0)
    for seed in range(3):
        np.testing.assert_allclose(next(Performance(steady, Draw(seed), PITCHED.spec).latents())[0], mean, atol=1e-4)


def test_one_take_never_sounds_alike_within_memory():
    aligned = aligned_takes_of(note_preset(notes=(69,), levels=(0.2,)), HOP)
    candidates = choose_candidates(aligned, range(1000, 1040))
    played = candidate_weights(aligned, range(1000, 1040))[np.arange(40), candidates, 0, 1:]
    assert len(np.unique(played.round(6), axis=0)) == 40 and len(set(candidates)) > 3


@pytest.mark.parametrize(("part", "start", "end"), [("heel", 0.0, 0.5), ("toe", 0.3, 1.0), ("scuff", 0.25, 1.0)])
def test_a_part_of_a_vector_is_cut_from_its_sound(part, start, end):
    preset = note_preset()
    whole, cut = (Performance(preset, Draw(5, part=each), PITCHED.spec) for each in ("whole", part))
    np.testing.assert_array_equal(next(whole.latents()), next(cut.latents()))
    assert cut.skip_samples == round(start * whole.length_samples)
    assert cut.length_samples == round((end - start) * whole.length_samples)
    assert cut.fade_in_samples >= whole.fade_in_samples


@pytest.mark.parametrize("method", ["sum", "linear", "spherical", "dominance"])
def test_a_mixture_has_a_pitch_between_and_a_level_as_mixed(method):
    low, high = note_preset("low", (60, 60)), note_preset("high", (67, 67))
    mixed = mix_presets([low, high], PITCHED, "mixed", method)
    check_fits(mixed, PITCHED.spec)
    levels = [each.means[0][0, 4] for each in (low, high)]
    for mean in mixed.means:
        assert mean[0, 3] == pytest.approx(3.5 / 12, abs=0.01)
    expected = np.log10(sum(10 ** (2 * level) for level in levels)) / 2 if method == "sum" else np.mean(levels)
    assert mixed.means[0][0, 4] == pytest.approx(expected, abs=1e-3)
    again = random_preset([low, high], PITCHED, "any", 3)
    check_fits(again, PITCHED.spec)
    assert np.array_equal(again.means[0], random_preset([low, high], PITCHED, "any", 3).means[0])


def test_a_preset_is_brought_over_by_its_recordings_or_its_sound_or_not_at_all(tmp_path):
    files = [tmp_path / "a.wav"]
    soundfile.write(files[0], tone(64, 1.0, RATE, silence_s=0.2), RATE)
    settings = CaptureSettings(split=FILE)
    provenance = Provenance(made="capture", recordings=recordings_of(files), split=FILE)
    preset = capture(PLAIN, "note", files, settings, provenance=provenance).preset
    by_recordings = migrate(preset, PITCHED, folders=[tmp_path])
    assert by_recordings.lost_db is None and "cut there" in by_recordings.remarks[-1]
    again = capture(PITCHED, "note", files, settings).preset
    np.testing.assert_array_equal(by_recordings.preset.means[0], again.means[0])
    by_sound = migrate(preset, PITCHED, old=PLAIN)
    assert by_sound.lost_db is not None and by_sound.preset.means[0].shape == (1, 5)
    check_fits(by_sound.preset, PITCHED.spec)
    with pytest.raises(PresetError, match="^preset 'note': neither its recordings nor its model 'plain'"):
        migrate(preset, PITCHED)


def test_presets_of_frames_become_vectors_and_vectors_frames():
    pcm = load_codec("pcm")
    frames = encode_pieces(pcm, "long", [tone(69, 0.9, 48_000, silence_s=0.1)], "hit")
    vector = migrate(frames, PITCHED, old=pcm).preset
    check_fits(vector, PITCHED.spec)
    assert vector.header.takes[0].length_samples == HOP and vector.header.takes[0].fade_out_samples == HOP // 8
    assert vector.means[0][0, 3] == pytest.approx(0.75, abs=0.01)
    back = migrate(vector, pcm, old=PITCHED).preset
    check_fits(back, pcm.spec)
    (take,) = back.header.takes
    assert take.skip_samples + take.length_samples == HOP * 48_000 // RATE
    texture = encode_pieces(pcm, "hum", [tone(69, 0.8, 48_000)], "texture")
    assert len(migrate(texture, PLAIN, old=pcm).preset.means) == 3


def test_presets_of_frames_are_performed_as_before():
    aligned = aligned_takes_of(make_preset(takes=3), 512)
    assert (
        not aligned.is_vector and aligned.knots == 3 and aligned.bounds == (-0.25, 1.25) and not len(aligned.variations)
    )
