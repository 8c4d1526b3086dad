"""Mixing latents: identities that hold exactly, and what the dominance-aware weighting is for."""

import numpy as np
import pytest

from plugin_backend.codecs.latent_mixing import (
    decode_each_and_add,
    interpolate,
    masking_loss_db,
    mix_dominance_aware,
    pad_to_longest,
    slerp,
    weighted_sum,
)
from plugin_backend.codecs.pcm import PcmCodec

RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=(2, 9, 4)).astype(np.float32) for _ in range(2))


@pytest.mark.parametrize("way", [interpolate, slerp])
def test_ways_begin_at_one_sound_and_end_at_the_other(way):
    assert way(A, B, 0.0) == pytest.approx(A, abs=1e-6)
    assert way(A, B, 1.0) == pytest.approx(B, abs=1e-6)
    assert way(A, B, 0.3) == pytest.approx(way(B, A, 0.7), abs=1e-6)
    assert way(A, A, 0.4) == pytest.approx(A, abs=1e-6)
    assert way(A, B, 0.3).dtype == np.float32 and way(A[0], B[0], 0.3) == pytest.approx(way(A, B, 0.3)[0])


def test_slerp_turns_at_constant_speed_and_changes_length_linearly():
    a, b = np.array([[2.0, 0, 0]]), np.array([[0, 4.0, 0]])
    third = slerp(a, b, 1 / 3)
    assert third == pytest.approx(np.array([[np.cos(np.pi / 6), np.sin(np.pi / 6), 0]]) * (2 + 2 / 3), abs=1e-6)


@pytest.mark.parametrize(
    "a, b", [([1.0, 0], [1.0, 0]), ([1.0, 0], [-1.0, 0]), ([0.0, 0], [1.0, 0]), ([0.0, 0], [0.0, 0])]
)
def test_slerp_of_same_opposite_and_zero_frames_is_finite_and_meets_its_ends(a, b):
    a, b = np.array([a]), np.array([b])
    for t in np.linspace(0, 1, 5):
        middle = slerp(a, b, t)
        assert np.isfinite(middle).all()
        assert np.linalg.norm(middle) == pytest.approx((1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b), abs=1e-6)
    assert slerp(a, b, 0) == pytest.approx(a, abs=1e-6) and slerp(a, b, 1) == pytest.approx(b, abs=1e-6)


def test_a_weighted_sum_adds_departures_from_its_rest():
    rest = RNG.normal(size=4).astype(np.float32)
    assert weighted_sum((A, B), (0.5, 0.5)) == pytest.approx((A + B) / 2, abs=1e-6)
    assert weighted_sum((A, B), (0.5, 0.5), rest) == pytest.approx((A + B) / 2, abs=1e-6)
    assert weighted_sum((A, np.broadcast_to(rest, A.shape)), (1, 1), rest) == pytest.approx(A, abs=1e-6)
    assert weighted_sum((A, B), (0, 0), rest) == pytest.approx(np.broadcast_to(rest, A.shape), abs=1e-6)
    by_frame = np.linspace(0, 1, 9)[:, None]
    assert weighted_sum((A, B), (by_frame, 1 - by_frame))[:, -1] == pytest.approx(A[:, -1], abs=1e-6)


def test_aligned_sounds_end_in_silence():
    codec = PcmCodec()
    short, long = np.ones((1, 2, 512), np.float32), np.ones((1, 5, 512), np.float32)
    extended, same = pad_to_longest([short, long], codec)
    assert extended.shape == long.shape and np.array_equal(same, long)
    assert extended[:, :2].all() and not extended[:, 2:].any()
    assert pad_to_longest([short[0], long[0]], codec)[0].shape == (5, 512)


def test_sounds_of_several_codecs_are_added_with_their_gains():
    codec = PcmCodec()
    a, b = np.full((1, 3, 512), 0.1, np.float32), np.full((1, 2, 512), 0.2, np.float32)
    audio = decode_each_and_add([codec, codec], [a, b], [0.0, -20.0])
    assert audio.shape == (1, 1536)
    assert audio[0, :1024] == pytest.approx(np.full(1024, 0.12), abs=1e-6) and audio[0, 1024:] == pytest.approx(0.1)


def test_codecs_of_different_rates_are_refused():
    class Slow(PcmCodec):
        spec = type(PcmCodec.spec)("slow", "slow", 24_000, 512, 512, 0)

    with pytest.raises(ValueError, match="sample rates"):
        decode_each_and_add([PcmCodec(), Slow()], [np.zeros((1, 1, 512))] * 2, [0, 0])


def step_and_rustle() -> list[np.ndarray]:
    """A loud short step and a quiet long rustle as latents of the identity codec."""
    rng = np.random.default_rng(1)
    step = rng.normal(0, 0.3, 48_128) * np.exp(-np.arange(48_128) / 1500)
    rustle = np.diff(rng.normal(0, 0.01, 48_129))
    return [PcmCodec().encode(sound[None].astype(np.float32)) for sound in (step, rustle)]


def test_a_sound_alone_is_not_lost_and_silence_loses_everything():
    codec, (step, rustle) = PcmCodec(), step_and_rustle()
    lost = masking_loss_db([step, rustle], step, codec)
    assert lost[0] == 0 and lost[1, 0] > 10


def test_the_dominance_aware_mixture_loses_both_sounds_alike_and_the_quiet_one_less():
    codec, pair = PcmCodec(), step_and_rustle()
    plain = masking_loss_db(pair, weighted_sum(pair, (0.5, 0.5)), codec)[:, 0]
    mixture, weights = mix_dominance_aware(pair, codec)
    aware = masking_loss_db(pair, mixture, codec)[:, 0]
    assert weights.shape == (2, 1, 94) and weights.sum(axis=0) == pytest.approx(np.ones((1, 94)))
    assert abs(aware[0] - aware[1]) < 0.5 * abs(plain[0] - plain[1])
    assert aware.max() < plain.max()
    assert weights[0, 0, 0] > 0.5 and weights[1, 0, -1] > 0.8


def test_the_dominance_aware_mixture_does_not_depend_on_order_or_on_the_rest_of_the_batch():
    codec, pair = PcmCodec(), step_and_rustle()
    forth, back = mix_dominance_aware(pair, codec)[0], mix_dominance_aware(pair[::-1], codec)[0]
    assert forth == pytest.approx(back, abs=1e-6)
    twice = [np.concatenate([sound, sound[:, ::-1]]) for sound in pair]
    assert mix_dominance_aware(twice, codec)[0][:1] == pytest.approx(forth, abs=1e-6)
