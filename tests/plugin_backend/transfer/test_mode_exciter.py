"""Modes of a target ring at the input's hits: at their samples, as loud, in any blocks, from a restored state on."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.modes.resonator_bank import ResonatorBank
from plugin_backend.transfer.mode_exciter import ModeExciter
from plugin_backend.transfer.target import Target, make_target
from plugin_backend.transfer.transfer_node import TransferNode

RATE, HOP, LATENCY = 48_000, 512, 768
ROWS = np.array([[0, 700, 0.8, 0.2, 0.5, 0], [0, 1_900, 0.4, 0.1, -1.0, 0]])
NOW = {"morph": 0.0, "follow": 1.0, "strength": 1.0, "blend": 0.5}


def target(*strikes) -> Target:
    codec = PcmCodec()
    return make_target([np.full((4, 512), 0.1, np.float32)], codec, strikes=list(strikes) or [(ROWS, 0.5)])


def claps(*hits, length=60_000, channels=1) -> np.ndarray:
    rng, audio = np.random.default_rng(0), np.zeros((channels, length), np.float32)
    for at, level in hits:
        burst = rng.uniform(-1, 1, 2_000) * np.exp(-np.arange(2_000) / 200)
        burst[0] = 1.0
        audio[:, at : at + 2_000] += level * burst
    return audio


def rung(ringer, audio, slots, now=NOW, hop=HOP):
    out = np.zeros(audio.shape)
    for at in range(0, audio.shape[1], hop):
        heard = ringer.push(audio[:, at : at + hop], slots, now)
        if heard is not None:
            out[:, at : at + hop] = heard
    return out


def still(ringer):
    ringer.controls["strike"] = 0.0
    return ringer


def test_each_hit_strikes_at_its_sample_as_loud_as_it_was():
    audio = claps((5_000, 0.25), (30_000, 1.0), length=59_904)
    out = rung(still(ModeExciter(1, RATE, LATENCY)), audio, [(target(), 1.0), (None, 1.0)])[0]
    wanted = np.zeros(out.size)
    for at, level in ((5_000, 0.25), (30_000, 1.0)):
        first = at + LATENCY
        wanted[first:] += level / 0.5 * ResonatorBank(ROWS, RATE).samples(0, out.size - first)
    np.testing.assert_allclose(out, wanted, atol=1e-9)


def test_without_following_every_hit_rings_as_the_take_does():
    audio = claps((5_000, 0.25), length=29_696)
    slots = [(target(), 1.0), (None, 1.0)]
    out = rung(still(ModeExciter(1, RATE, LATENCY)), audio, slots, NOW | {"follow": 0.0})[0]
    np.testing.assert_allclose(
        out[5_000 + LATENCY :], ResonatorBank(ROWS, RATE).samples(0, out.size - 5_768), atol=1e-9
    )


def test_takes_are_struck_in_turn_and_channels_keep_their_levels():
    other = ROWS * [1, 2, 1, 1, 1, 1]
    audio = claps((5_000, 0.5), (30_000, 0.5), channels=2, length=59_904)
    audio[1] *= 0.5
    out = rung(still(ModeExciter(2, RATE, 0)), audio, [(target((ROWS, 0.5), (other, 0.5)), 1.0), (None, 1.0)])
    np.testing.assert_allclose(out[1], 0.5 * out[0], atol=1e-9)
    for at, frequency_hz in ((8_000, 700), (32_000, 1_400)):
        power = np.abs(np.fft.rfft(out[0, at : at + 12_000] * np.hanning(12_000)))
        low = {700: slice(170, 180), 1_400: slice(345, 355)}[frequency_hz]
        assert power[low].max() > 100


def test_morph_leads_from_one_bell_to_the_other_and_weights_sum():
    audio, higher = claps((5_000, 0.5), length=29_696), (ROWS * [1, 1.1, 1, 1, 1, 1], 0.5)
    slots = [(target(), 1.0), (target(higher), 1.0)]
    out = rung(still(ModeExciter(1, RATE, 0)), audio, slots, NOW | {"morph": 0.5})[0]
    power = np.abs(np.fft.rfft(out[6_000:18_000] * np.hanning(12_000)))
    assert power.argmax() * 4 == pytest.approx(700 * np.sqrt(1.1), abs=5)
    summed = rung(still(ModeExciter(1, RATE, 0)), audio, [(target(), 0.5), (None, 0.5), (target(higher), 2.0)])[0]
    one, two = (ResonatorBank(rows, RATE).samples(0, 20_000) for rows in (ROWS, higher[0]))
    first = int(np.flatnonzero(summed)[0])
    np.testing.assert_allclose(summed[first : first + 20_000], 0.5 * one + 2.0 * two, atol=1e-9)


def test_a_target_without_modes_or_without_strength_rings_nothing():
    audio = claps((5_000, 0.5))
    dull = make_target([np.full((4, 512), 0.1, np.float32)], PcmCodec())
    assert not rung(ModeExciter(1, RATE, 0), audio, [(dull, 1.0), (None, 1.0)]).any()
    assert not rung(
        ModeExciter(1, RATE, 0), audio, [(target(), 1.0), (None, 1.0)], NOW | {"strength": 0.0, "blend": 0.0}
    ).any()


def test_of_too_many_the_oldest_end():
    audio = claps(*[(5_000 + 5_000 * k, 0.5) for k in range(40)], length=210_432)
    ringer = ModeExciter(1, RATE, LATENCY)
    long = (ROWS * [1, 1, 50, 1, 1, 1], 0.5)
    assert np.isfinite(rung(ringer, audio, [(target(long), 1.0), (None, 1.0)])).all()
    sounding = [voice for voice in ringer._voices if voice[0] + voice[3].end_samples > 210_432]
    assert len(sounding) <= 25


def node_of(channels=1, **controls):
    node = TransferNode(PcmCodec(), channels)
    node.select(target())
    for name, value in controls.items():
        node.set(name, value)
    return node


def test_the_node_rings_alike_in_any_blocks_and_from_a_restored_state():
    audio = claps((5_000, 0.25), (17_000, 0.7), (30_000, 1.0))
    whole = node_of(ring_size=1.5).push(audio)
    plain = node_of(ring_gain_db=-60).push(audio)
    assert np.abs(whole - plain).max() > 0.05
    node, pieces, at = node_of(ring_size=1.5), [], 0
    for count in (1, 700, 5_000, 64, 12_000, 42_235):
        pieces.append(node.push(audio[:, at : at + count]))
        at += count
        again = node_of()
        again.restore(node.state())
        node = again
    assert np.concatenate(pieces, axis=1).tobytes() == whole.tobytes()


def test_mix_and_gain_are_of_what_rings_too():
    audio = claps((5_000, 0.5))
    wet, quiet, dry = (node_of(**own).push(audio) for own in ({}, {"gain_db": -20}, {"mix": 0}))
    late = slice(9_000, None)
    assert np.square(wet[:, late]).sum() > 1e-3
    np.testing.assert_allclose(quiet[:, late], 0.1 * wet[:, late], atol=1e-6)
    np.testing.assert_array_equal(dry[:, 511:], audio[:, :-511])
