"""Measures of what a model adds, smears and loses, on sounds whose values are known."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.corpus.sound import Sound
from plugin_backend.dsp.mel import mel_power
from plugin_backend.evaluation.metrics.anchors import NOISE_ANCHORS
from plugin_backend.evaluation.metrics.artefacts import above_edge_db, artefacts, silence_dbfs
from plugin_backend.evaluation.metrics.comb import OWN, combs
from plugin_backend.evaluation.metrics.full_reference import centroid_shift
from plugin_backend.evaluation.metrics.hit_shape import hit_shape, rise_and_fall_ms
from plugin_backend.evaluation.metrics.onset_error import hit_errors
from plugin_backend.evaluation.metrics.partials import partials
from plugin_backend.evaluation.metrics.sound_pairs import Pair, hits, single_hits, texture_study, tonality
from plugin_backend.evaluation.metrics.two_sample import auc, folds_of, separability, two_sample

pytestmark = pytest.mark.slow

RATE_HZ, HOP = 48_000, 512


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


def tones(hz: list[float], seconds: float, decay_s: float = np.inf, level: float = 0.05) -> np.ndarray:
    """Sines of ``level``, falling by 60 dB in ``decay_s``."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    falling = 10 ** (-3 * time_s / decay_s)
    return (sum(level * np.sin(2 * np.pi * one * time_s + one) for one in hz) * falling).astype(np.float32)


def energy(audio: np.ndarray) -> float:
    return float(np.square(audio, dtype=np.float64).sum())


def test_noise_has_no_comb_and_a_slope_is_none():
    for audio, most_db in ((noise(10), 0.5), (np.cumsum(noise(10)) * 0.01, 3)):  # few multiples hold the slope's energy
        comb = combs(audio - audio.mean(), RATE_HZ, HOP)[OWN]
        assert abs(comb.over_controls_db) < most_db and abs(comb.each_db) < 0.3


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_a_combs_share_and_height_are_those_of_the_tones_that_make_it(share):
    multiples, bins = [93.75 * k for k in range(1, 256)], 188 * HOP // 2
    buzz, hiss = tones(multiples, 10, level=1.0), noise(10)
    buzz *= np.sqrt(share / (1 - share) * energy(hiss) / energy(buzz))
    comb = combs(buzz + hiss, RATE_HZ, HOP)[OWN]
    assert comb.share_db == pytest.approx(10 * np.log10(share), abs=0.3)
    at_three_bins = 1 + share / (1 - share) * bins / (3 * len(multiples))
    assert comb.over_controls_db == pytest.approx(10 * np.log10(at_three_bins), abs=0.3) == comb.each_db


def test_a_comb_of_another_decoder_rate_is_named_and_tones_between_are_no_comb():
    buzz = tones([750.0 * k for k in range(1, 30)], 5) + noise(5)
    found = combs(buzz, RATE_HZ, HOP)
    assert max(found, key=lambda name: found[name].over_controls_db) == "eightfold"
    added = artefacts(buzz, noise(5), RATE_HZ, HOP)
    assert added["comb_eightfold_db"] > added["comb_fourfold_db"] > added["comb_double_db"] > added["comb_db"] > 3
    assert abs(artefacts(noise(5, 1), noise(5), RATE_HZ, HOP)["comb_eightfold_db"]) < 1
    between = tones([93.75 * (k + 0.06) for k in range(1, 200)], 5) + noise(5)
    assert abs(combs(between, RATE_HZ, HOP)[OWN].over_controls_db) < 1.5


def test_a_comb_is_measured_over_the_originals_and_not_in_silence_or_short_sounds():
    buzz = tones([93.75 * k for k in range(1, 200)], 5) + noise(5)
    assert artefacts(buzz, buzz, RATE_HZ, HOP)["comb_db"] == 0
    added = artefacts(buzz, noise(5), RATE_HZ, HOP)
    assert added["comb_db"] > 10 and added["comb_share_db"] > -3 > -20 > added["original_comb_share_db"]
    assert combs(np.zeros(RATE_HZ), RATE_HZ, HOP) is None and combs(noise(0.1), RATE_HZ, HOP) is None
    silent = artefacts(np.zeros(RATE_HZ, np.float32), np.zeros(RATE_HZ, np.float32), RATE_HZ, HOP)
    assert set(silent.values()) == {None}


def test_levels_offsets_and_rumble_are_what_was_added():
    truth = noise(5)
    truth -= truth.mean()
    rms = float(np.sqrt(np.mean(truth.astype(np.float64) ** 2)))
    assert artefacts(2 * truth, truth, RATE_HZ, HOP)["level_db"] == pytest.approx(6.02, abs=0.01)
    assert artefacts(truth + 0.1 * rms, truth, RATE_HZ, HOP)["offset_db"] == pytest.approx(-20, abs=0.5)
    rumble = tones([20.0], 5, level=rms * np.sqrt(2))  # as much energy as the noise has
    added = artefacts(truth + rumble, truth, RATE_HZ, HOP)
    assert added["rumble_25_percent"] == pytest.approx(50, abs=1) == added["rumble_40_percent"]
    slow = artefacts(truth + tones([30.0], 5, level=rms * np.sqrt(2)), truth, RATE_HZ, HOP)
    assert abs(slow["rumble_25_percent"]) < 0.1 and slow["rumble_40_percent"] == pytest.approx(50, abs=1)


def test_hiss_is_energy_above_the_originals_band_and_shifts_the_centroid_up():
    dark = tones([200.0, 500.0, 900.0], 3) + 1e-4 * noise(3)
    hissing = dark + noise(3, level=0.003)
    assert artefacts(dark, dark, RATE_HZ, HOP)["hiss_db"] == pytest.approx(0, abs=1e-6)
    assert artefacts(hissing, dark, RATE_HZ, HOP)["hiss_db"] > 20
    low, high = tones([1000.0], 1), tones([2000.0], 1)
    assert centroid_shift(high, low, RATE_HZ) == pytest.approx(1, abs=0.01)
    assert centroid_shift(low, high, RATE_HZ) == pytest.approx(-1, abs=0.01)


def test_energy_above_a_cut_edge_is_measured_and_full_band_sound_has_none():
    spectrum = np.fft.rfft(noise(3))
    spectrum[round(8_000 * 3) :] = 0
    cut = (np.fft.irfft(spectrum) * np.hanning(3 * RATE_HZ)).astype(np.float32)
    filled = cut + tones([12_000.0], 3, level=np.sqrt(2 * energy(cut) / cut.size * 1e-4))
    guess, truth = above_edge_db(filled, cut, RATE_HZ)
    assert guess == pytest.approx(-40, abs=0.2) and truth < -80
    assert above_edge_db(filled, noise(3), RATE_HZ) is None


def test_the_identity_codec_decodes_silence_to_silence():
    assert silence_dbfs(PcmCodec()) == -200


HZ = [440.0, 1234.5, 3210.7, 7777.0]


def bell(cents: float = 0.0, decay_s: float = 1.5, level: float = 0.05) -> np.ndarray:
    ringing = tones([one * 2 ** (cents / 1200) for one in HZ], 2.0, decay_s, level)
    return np.pad(ringing, (2400, 0)) + noise(2.05, level=1e-4)


def test_partials_are_found_where_they_are_and_die_as_they_do():
    found = {round(one.hz): one for one in partials(bell(), bell(), RATE_HZ)}
    assert sorted(found) == [round(one) for one in HZ]
    for one in found.values():
        assert min(abs(1200 * np.log2(one.hz / hz)) for hz in HZ) < 0.3
        assert one.decay_s == pytest.approx(1.5, rel=0.02) and one.cents == 0 == one.decay_error_percent
        assert one.prominence_db > 30 and one.prominence_db == one.decoded_prominence_db


@pytest.mark.parametrize("cents", [-20, 7])
def test_a_detuned_shorter_quieter_bell_is_detuned_shorter_and_quieter(cents):
    for one in partials(bell(cents, 1.2), bell(), RATE_HZ):
        assert one.cents == pytest.approx(cents, abs=0.3)
        assert one.decay_error_percent == pytest.approx(-20, abs=2)
    for one in partials(bell(level=0.0125) + noise(2.05, 1, 1e-4), bell() + noise(2.05, 1, 1e-4), RATE_HZ):
        assert one.decoded_prominence_db - one.prominence_db == pytest.approx(-12.04, abs=1)


def test_noise_has_no_partials_and_what_became_noise_has_lost_them():
    assert partials(bell(), noise(2.05), RATE_HZ) == []
    pairs = [Pair("bell", "bell", "here", bell(), noise(2.05)), Pair("hiss", "water", "here", noise(2), noise(2))]
    study = tonality(pairs, RATE_HZ)
    assert study["partials"] == 4 and study["sounds"] == 1 and study["found"] == 0
    assert study["prominence_error_db"] > 25 and study["cents_error"] is None and study["decay_error_percent"] is None


def hit(rise_s: float, fall_s: float, seed: int = 0, seconds: float = 0.5) -> np.ndarray:
    """Noise whose energy rises linearly, stays for 10 ms, and falls linearly; a constant envelope of power within."""
    edges, gains = np.array([0, rise_s, rise_s + 0.01, rise_s + 0.01 + fall_s]) * RATE_HZ, [0, 1, 1, 0]
    power = np.interp(np.arange(round(seconds * RATE_HZ)) - 4800, edges, gains, 0, 0)
    flips = np.random.default_rng(seed).choice([-0.3, 0.3], power.size)  # every sample has the same power
    return (flips * np.sqrt(power)).astype(np.float32)


def test_rise_and_fall_are_eight_tenths_of_linear_ramps():
    rise_ms, fall_ms = rise_and_fall_ms(hit(0.05, 0.1), RATE_HZ)
    assert rise_ms == pytest.approx(40, abs=3) and fall_ms == pytest.approx(80, abs=3)


def test_rumble_decides_neither_level_nor_rise_of_a_hit():
    sound = hit(0.05, 0.1)
    rumbling = sound + tones([12.0], 0.5, level=0.5) * np.hanning(sound.size).astype(np.float32)
    shape = hit_shape(rumbling, sound, RATE_HZ)
    assert shape.level_db == pytest.approx(0, abs=0.1)
    assert shape.rise_ms == pytest.approx(shape.original_rise_ms, abs=1)
    assert artefacts(rumbling, sound, RATE_HZ, HOP)["level_db"] == pytest.approx(0, abs=0.1)


def test_a_smeared_hit_rises_and_falls_longer_and_its_level_is_signed():
    pairs = [Pair(str(seed), "dig", "here", hit(0.05, 0.1, seed), 0.5 * hit(0.1, 0.15, seed)) for seed in range(3)]
    study = hits(pairs, RATE_HZ)
    assert study["hits"] == 3 and study["by_label"]["dig"]["hits"] == 3
    assert study["rise_ratio"] == pytest.approx(2, abs=0.15) and study["fall_ratio"] == pytest.approx(1.5, abs=0.1)
    assert study["level_db"] == pytest.approx(-6.02 + 10 * np.log10(0.135 / 0.085), abs=0.1)


def test_pre_echo_is_split_at_two_milliseconds():
    click = np.zeros(RATE_HZ // 4, np.float32)
    click[4800:4896] = 0.5
    early, late = click.copy(), click.copy()
    early[4800 - 480 : 4800 - 96] = 0.005
    late[4800 - 96 : 4800] = 0.05
    shape = hit_shape(early, click, RATE_HZ)
    assert shape.early_db == pytest.approx(-40, abs=0.01) and shape.late_db == -120 == shape.original_early_db
    shape = hit_shape(late, click, RATE_HZ)
    assert shape.late_db == pytest.approx(-20, abs=0.01) and shape.early_db == -120
    at_once = hit_shape(click[4800:], click[4800:], RATE_HZ)
    assert at_once.early_db is None is at_once.late_db and at_once.level_db == 0
    assert hit_shape(np.zeros_like(click), click, RATE_HZ) is None


def test_single_hits_are_trimmed_padded_and_no_textures():
    sounds = [Sound(f"{label}.wav", label, "here", 24_000, np.pad(noise(0.5), 9_000)) for label in ("dig", "wind")]
    (single,) = single_hits(sounds, RATE_HZ)
    assert single.label == "dig" and single.audio.size == round(0.8 * RATE_HZ)
    assert not single.audio[:4800].any() and single.audio[4800] != 0


def test_the_level_of_hits_in_a_clip_is_signed():
    audio = np.concatenate([hit(0.001, 0.1, seed) for seed in range(4)])
    errors = hit_errors(0.5 * audio, audio, RATE_HZ)
    assert errors.level_db.size == 4 and errors.level_db == pytest.approx([-6.02] * 4, abs=0.01)


def flutter(hz: float, depth: float, seed: int, seconds: float = 6.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (noise(seconds, seed) * (1 + depth * np.sin(2 * np.pi * hz * time_s))).astype(np.float32)


def test_fresh_noise_of_the_same_texture_is_as_far_as_another_take():
    pairs = [Pair(str(seed), "wind", "here", flutter(8, 0.8, seed), flutter(8, 0.8, seed + 50)) for seed in range(4)]
    assert texture_study(pairs, RATE_HZ)["ratio"] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("other", "statistic"),
    [
        (lambda seed: 2 * flutter(8, 0.8, seed), "level_db"),
        (lambda seed: flutter(8, 0.1, seed), "variation"),
        (lambda seed: flutter(1.4, 0.8, seed), "modulation_db"),
    ],
)
def test_another_texture_differs_in_the_statistic_that_was_changed(other, statistic):
    pairs = [Pair("a", "wind", "here", flutter(8, 0.8, 1), other(2))]
    study = texture_study(pairs, RATE_HZ)
    assert study[statistic]["decoded"] > 3 * study[statistic]["takes"]
    if statistic == "level_db":
        assert study[statistic]["decoded"] == pytest.approx(6.02, abs=0.3)


def test_textures_too_short_or_half_silent_are_left_out():
    half = np.pad(noise(1), (0, RATE_HZ))
    pairs = [Pair("a", "wind", "here", half, half), Pair("b", "wind", "here", noise(0.5), noise(0.5))]
    assert texture_study(pairs, RATE_HZ) == {"sounds": 0, "ratio": None}


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    assert auc(np.array([1.0, 2]), np.array([0.0, 0.5])) == 1 and auc(np.array([0.0]), np.array([1.0, 2])) == 0
    assert auc(np.array([1.0, 3]), np.array([2.0])) == 0.5 == auc(np.array([1.0]), np.array([1.0]))


def test_folds_hold_whole_sources_and_sounds_of_one_source_are_dealt_singly():
    fold = folds_of(["a"] * 4 + ["b"] * 2 + ["c"])
    assert len(set(fold)) == 3 and len(set(fold[:4])) == 1 and fold[0] != fold[4] != fold[6]
    assert sorted(folds_of(["a"] * 5)) == [0, 1, 2, 3, 4]
    assert set(folds_of([str(one) for one in range(50)])) == {0, 1, 2, 3, 4}


def clouds(count: int, shift: float, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, (12, 6)) + shift * np.eye(6)[0] for _ in range(count)]


def test_a_classifier_cannot_separate_equal_sets_and_finds_a_shift_as_in_the_closed_form():
    sources = [f"s{index % 4}" for index in range(40)]
    assert separability(clouds(40, 0, 1), clouds(40, 0, 2), sources) == pytest.approx(0.5, abs=0.06)
    # two unit Gaussians d apart: AUC = Φ(d / √2), 0.921 for d = 2
    assert separability(clouds(40, 2, 1), clouds(40, 0, 2), sources) == pytest.approx(0.921, abs=0.02)
    found = two_sample({"codec": clouds(40, 5, 1)}, clouds(40, 0, 2), sources)
    assert found["codec"] > 0.99 and found["null"] == pytest.approx(0.5, abs=0.08)
    assert separability(clouds(1, 0, 1), clouds(1, 0, 2), ["a"]) is None


def test_what_gives_one_source_away_does_not_count_for_another():
    """Decoded sounds of each source lie on a side of their own: learned from others, that is no help."""
    axes = 5 * np.eye(8)
    sources = [f"s{index % 4}" for index in range(40)]
    places = [axes[int(source[1])] for source in sources]
    decoded = [cloud + place[:6] for cloud, place in zip(clouds(40, 0, 1), places, strict=True)]
    assert separability(decoded, clouds(40, 0, 2), sources) < 0.75


@pytest.mark.parametrize("name", NOISE_ANCHORS)
def test_noise_anchors_keep_the_envelopes_and_nothing_else(name):
    sound = (noise(2, 5) * (1 + 0.9 * np.sin(np.arange(2 * RATE_HZ) / 3000))).astype(np.float32)
    anchor = NOISE_ANCHORS[name](sound, RATE_HZ)
    assert np.array_equal(anchor, NOISE_ANCHORS[name](sound, RATE_HZ))
    assert abs(np.corrcoef(anchor, sound)[0, 1]) < 0.05
    assert 10 * np.log10(energy(anchor) / energy(sound)) == pytest.approx(0, abs=0.3)
    powers = [10 * np.log10(mel_power(audio, RATE_HZ).mean(axis=1)) for audio in (anchor, sound)]
    assert np.abs(powers[0] - powers[1])[5:].mean() < 0.5
    assert NOISE_ANCHORS[name](np.zeros(5_000, np.float32), RATE_HZ).tolist() == [0] * 5_000
