"""Levels that change at any sample, in any blocks; and the fade while the input is silent."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.transfer.transfer_node import TransferNode

HOP, COUNT = 512, 24 * 512
CHANGES = [(1, "mix", 0.5), (1_001, "gain_db", -20.0), (1_002, "mix", 0.25), (5_555, "gain_db", 6.0), (5_556, "mix", 1)]
BLOCKS = [1, 64, 333, 512, 1_000, 4_096]


def changed(node: TransferNode, sound: np.ndarray, size: int, cut: bool) -> np.ndarray:
    """Push ``sound`` in blocks with the changes: within blocks, or, with ``cut``, set between shorter blocks."""
    pieces = []
    for begin in range(0, sound.shape[1], size):
        end = min(begin + size, sound.shape[1])
        here = [(at - begin, name, value) for at, name, value in CHANGES if begin <= at < end]
        if not cut:
            pieces.append(node.push(sound[:, begin:end], here))
            continue
        at = 0
        for sample, name, value in [*here, (end - begin, "", 0)]:
            pieces.append(node.push(sound[:, begin + at : begin + sample]))
            at = sample
            if name:
                node.set(name, value)
    return np.concatenate(pieces, axis=1)


def test_levels_act_on_the_sample_at_which_they_change():
    """The identity codec with a latent range of one hop: the wet sound is the input, half as loud."""
    sound, late = np.ones((1, COUNT), np.float32), TransferNode(PcmCodec()).latency_samples
    node = TransferNode(PcmCodec())
    node.set("follow", 0)
    for latent in range(HOP):
        node.set_latent(latent, "scale", 0.5)
    output = changed(node, sound, COUNT, cut=False)[0, late:].astype(float)
    glide = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 2_401) / 2_400)
    mix, gain = np.ones(COUNT), np.ones(COUNT)
    mix[1:2_401] += glide * -0.5
    mix[2_401:] = 0.5  # a change during a glide waits for its end
    mix[2_401:4_801] += glide * -0.25
    mix[4_801:5_556] = 0.25
    mix[5_556:7_956] = 0.25 + glide * 0.75
    mix[7_956:] = 1
    gain[1_001:3_401] += glide * -0.9
    gain[3_401:5_555] = 0.1
    gain[5_555:7_955] = 0.1 + glide * (10**0.3 - 0.1)
    gain[7_955:] = 10**0.3
    expected = (1 - mix) + mix * gain * 0.5
    np.testing.assert_allclose(output, expected[: output.size], atol=1e-6)


@pytest.mark.parametrize("size", BLOCKS)
@pytest.mark.parametrize("cut", [False, True])
def test_levels_have_the_same_bits_in_any_blocks(foley, size, cut):
    rng = np.random.default_rng(3)
    sound = (0.1 * rng.standard_normal((1, COUNT if size > 1 else 3 * HOP))).astype(np.float32)
    whole = changed(TransferNode(foley), sound, sound.shape[1], cut=False)
    np.testing.assert_array_equal(changed(TransferNode(foley), sound, size, cut), whole)


def textured(foley, targets, follow: float = 0.0) -> TransferNode:
    node = TransferNode(foley)
    node.select(targets[0])
    node.set("blend", 1)
    node.set("follow", follow)
    return node


def test_silence_gives_silence_though_the_level_is_not_followed(foley, targets):
    rng = np.random.default_rng(4)
    step = (0.3 * rng.standard_normal((1, 16 * HOP))).astype(np.float32)
    silence = np.zeros((1, 64 * HOP), np.float32)
    node = textured(foley, targets)
    late = node.latency_samples
    before = node.push(silence)
    sounding = node.push(step)
    after = node.push(silence)
    assert not before.any()
    assert np.abs(sounding).max() > 0.01
    faded = late + round(0.2 * 48_000)  # the offset filter's memory, then the fade
    assert np.abs(after[:, :HOP]).max() > 0.001
    assert not after[:, faded:].any()


def test_the_fade_cuts_nothing_of_an_audible_input(foley, targets):
    """The gate is open before the first audible sample comes out, and until the last one has."""
    rng = np.random.default_rng(4)
    for start in (3 * HOP, 3 * HOP + 17, 3 * HOP + 500):
        sound = np.zeros((1, 40 * HOP), np.float32)
        sound[:, start : start + 9 * HOP] = 0.3 * rng.standard_normal((1, 9 * HOP))
        node, ungated = textured(foley, targets), textured(foley, targets)
        ungated._gate.advance = lambda audible: (np.ones(1), np.ones(1))
        here = slice(start + node.latency_samples, start + node.latency_samples + 9 * HOP)
        np.testing.assert_array_equal(node.push(sound)[:, here], ungated.push(sound)[:, here])


def test_with_the_followed_level_the_gate_changes_no_bit(foley, targets):
    rng = np.random.default_rng(4)
    sound = (0.3 * rng.standard_normal((1, 40 * HOP))).astype(np.float32)
    sound[:, 10 * HOP : 25 * HOP] = 0
    node, ungated = textured(foley, targets, 1.0), textured(foley, targets, 1.0)
    ungated._gate.advance = lambda audible: (np.ones(1), np.ones(1))
    np.testing.assert_array_equal(node.push(sound), ungated.push(sound))
