"""Performances: what they are made of, how effort and parts change them, and that nothing but the draw decides."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.dsp.mel import mel_power, mel_spaced_frequencies
from plugin_backend.models.registry import describe_codec
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.performance.aligned_takes import KNOTS, aligned_takes_of, knot_curves, stretch
from presets.performance.draw import CANDIDATES, Draw, candidate_weights, weights_of
from presets.performance.performance import Performance
from presets.preset import Take
from tests.presets.preset_maker import make_preset

SPEC = CodecSpec("m", "f", 48_000, 512, 4, 0)
OCTAVES = np.log2(mel_spaced_frequencies(40, 24_000, 82)[1:-1])


def latents(preset, draw: Draw) -> np.ndarray:
    (piece,) = Performance(preset, draw, SPEC).latents()
    return piece[0]


def with_header(preset, **fields):
    return replace(preset, header=msgspec.structs.replace(preset.header, **fields))


def test_one_draw_is_one_performance_and_others_differ():
    preset = make_preset()
    np.testing.assert_array_equal(latents(preset, Draw(11)), latents(make_preset(), Draw(11)))
    others = [latents(preset, Draw(seed, candidate)) for seed in (11, 12) for candidate in range(CANDIDATES)]
    shared = [other[:38] for other in others]
    assert len({other.tobytes() for other in shared}) == 2 * CANDIDATES


def test_without_variation_it_is_the_mean_of_the_takes():
    preset = with_header(make_preset(), variation=0.0)
    mean = np.mean([take[:40] for take in preset.means], axis=0)
    for seed in range(3):
        np.testing.assert_allclose(latents(preset, Draw(seed)), mean, atol=2e-4)


def test_weights_of_the_takes_sum_to_one_and_each_take_leads():
    aligned = aligned_takes_of(make_preset(takes=5), 512)
    weights = candidate_weights(aligned, range(20))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-9)
    assert set(weights[:, :, 0].argmax(axis=-1).ravel()) == set(range(5))
    np.testing.assert_allclose(knot_curves(37).sum(axis=0), 1)
    one = candidate_weights(aligned, [7])[0]
    np.testing.assert_array_equal(one, candidate_weights(aligned, [3, 7, 9])[1])  # a seed decides alone


def test_the_attack_is_never_stretched():
    take = np.arange(40.0)[:, None]
    for frames in (1, 2, 5, 39, 40, 80):
        stretched = stretch(take, frames)
        assert stretched.shape == (frames, 1)
        np.testing.assert_array_equal(stretched[: min(3, frames)], take[: min(3, frames)])
    assert stretch(take, 80)[-1, 0] == 39


def test_takes_with_a_late_attack_are_aligned_at_it():
    """The second take begins three frames later in its recording."""
    preset = make_preset(takes=2)
    late = np.concatenate([np.full((3, 4), 9, np.float32), preset.means[0]])
    takes = [Take(7, 20_000), Take(7 + 3 * 512, 20_000)]
    preset = replace(
        with_header(preset, takes=takes),
        means=[preset.means[0], late],
        deviations=[preset.deviations[0], np.zeros_like(late)],
    )
    performance = Performance(preset, Draw(1), SPEC)
    assert performance.skip_samples == 7
    np.testing.assert_allclose(latents(preset, Draw(1)), preset.means[0][:40], atol=2e-4)


def test_takes_of_raw_audio_are_not_mixed():
    from plugin_backend.codecs.pcm import PcmCodec

    rng = np.random.default_rng(0)
    pieces = [(0.1 * rng.standard_normal(3_000)).astype(np.float32) for _ in range(4)]
    preset, spec = encode_pieces(PcmCodec(), "raw", pieces, "hit"), PcmCodec().spec
    played = {next(Performance(preset, Draw(seed), spec).latents()).tobytes() for seed in range(40)}
    assert len(played) == 4
    assert played == {mean[None].tobytes() for mean in preset.means}


def test_feet_differ_a_little_always_in_the_same_way_and_by_character():
    preset = make_preset(takes=5)
    middle = latents(preset, Draw(3))
    left, right = (latents(preset, Draw(3, foot=foot, character="Anna")) for foot in (-1, 1))
    np.testing.assert_allclose((left + right) / 2, middle[: len(left)], atol=1e-3)
    assert 0.02 < np.abs(right - left).mean() < 0.6 * np.abs(preset.means[0] - preset.means[1]).mean()
    aligned = aligned_takes_of(preset, 512)
    moved = [weights_of(aligned, Draw(seed, foot=1, character="Anna"), 1.0) for seed in (1, 2)]
    plain = [weights_of(aligned, Draw(seed), 1.0) for seed in (1, 2)]
    np.testing.assert_allclose(moved[0] - plain[0], moved[1] - plain[1], atol=1e-12)
    other = weights_of(aligned, Draw(1, foot=1, character="Ben"), 1.0)
    assert np.abs(other - moved[0]).max() > 0.01
    assert moved[0].shape == (KNOTS, 5)


def test_parts_of_a_step():
    preset = make_preset()
    whole, heel, toe, scuff = (
        Performance(preset, Draw(5, part=part), SPEC) for part in ("whole", "heel", "toe", "scuff")
    )
    frames = {part: next(each.latents())[0] for part, each in (("whole", whole), ("heel", heel), ("toe", toe))}
    assert len(frames["heel"]) == round(len(frames["whole"]) * 0.5)
    np.testing.assert_array_equal(frames["heel"], frames["whole"][: len(frames["heel"])])
    np.testing.assert_array_equal(frames["toe"], frames["whole"][-len(frames["toe"]) :])
    assert heel.fade_out_samples > 0.5 * heel.length_samples
    assert toe.skip_samples == 0 and toe.length_samples < whole.length_samples
    assert scuff.length_samples > toe.length_samples and scuff.fade_in_samples == 1_440


@pytest.mark.parametrize("name", ["step-gravel", "step-concrete", "step-tile"])
def test_effort_raises_brightness_and_attack_at_an_equal_level(name, foley):
    preset, spec = Bank()[name], describe_codec("foley")
    centroids, attacks, levels = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    for row, seed in enumerate((1, 2, 3)):
        for column, effort in enumerate((0.2, 0.5, 1.0)):
            performance = Performance(preset, Draw(seed, effort=effort), spec)
            audio = foley.decode(next(performance.latents()), [seed])[0][performance.skip_samples :]
            power = mel_power(audio, 48_000).sum(axis=1)
            centroids[row, column] = power @ OCTAVES / power.sum()
            attacks[row, column] = np.square(audio[:1_440]).sum() / np.square(audio).sum()
            levels[row, column] = 10 * np.log10(np.square(audio).sum())
    assert (np.diff(centroids.mean(axis=0)) > 0.02).all()
    assert (np.diff(attacks.mean(axis=0)) > 0).all()
    assert np.abs(np.diff(levels.mean(axis=0))).max() < 2
    steady = with_header(preset, velocity_curve=0.0)
    plain = next(Performance(steady, Draw(1, effort=0.2), spec).latents())
    np.testing.assert_array_equal(plain, next(Performance(preset, Draw(1), spec).latents()))


def test_a_single_take_varies_by_the_directions_of_its_class():
    preset, spec = Bank()["cloth-leather"], describe_codec("foley")
    assert len(preset.means) == 1
    played = [next(Performance(preset, Draw(seed), spec).latents())[0] for seed in range(4)]
    assert len({piece.tobytes() for piece in played}) == 4
    without = replace(preset, statistics=None)
    again = {next(Performance(without, Draw(seed), spec).latents()).tobytes() for seed in range(4)}
    assert again == {preset.means[0][None].tobytes()}
