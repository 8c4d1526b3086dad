"""Several presets in one node: their latents are summed by the formula, in any slots."""

import numpy as np
import pytest

from plugin_backend.codecs.dc_offset import dc_filter_for
from plugin_backend.codecs.latent_mixing import slerp, weighted_sum
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.target import Target, make_target
from plugin_backend.transfer.transfer_node import TransferNode

HOP = 256
NONE = np.zeros(0)


@pytest.fixture(scope="module")
def codec(tiny_models):
    return load_codec(str(tiny_models[0]))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Return two channels of noise that decays repeatedly."""
    rng = np.random.default_rng(2)
    return (rng.standard_normal((2, 40 * HOP)) * 0.3 * np.exp(-(np.arange(40 * HOP) % 5_000) / 1_500)).astype(
        np.float32
    )


def linear_target(scale: float, bias: float, dims: int = 4) -> Target:
    """Return a target that moves latents by one scale and one bias."""
    return Target(np.zeros(dims), np.ones(dims), np.zeros((1, dims)), np.full(dims, scale), np.full(dims, bias))


MOVES = {"a": (0.5, 0.1), "b": (-1.0, 0.3), "c": (1.5, -0.2), "d": (0.2, 0.7)}


def summing(codec, slots: str = "acd", weights=(0.5, 0.8, -0.4), channels: int = 2, moves=None) -> TransferNode:
    """Return a node that moves by bias and scale only, and follows nothing."""
    node = TransferNode(codec, channels, HOP, slots=4)
    for slot, weight in zip(slots, weights, strict=True):
        node.select(linear_target(*(moves or MOVES)[slot], dims=codec.spec.latent_dim), slot)
        node.set("weight" if slot == "a" else f"weight.{slot}", weight)
    node.set("blend", 0)
    node.set("follow", 0)
    return node


def output(node, sound: np.ndarray, size: int = HOP) -> np.ndarray:
    """Push ``sound`` in blocks. Return the output, aligned."""
    fed = np.pad(sound, ((0, 0), (0, node.latency_samples + size)))
    blocks = [node.push(fed[:, at : at + size]) for at in range(0, fed.shape[1] - size + 1, size)]
    return np.concatenate(blocks, axis=1)[:, node.latency_samples :][:, : sound.shape[1]]


def latents(codec, sound: np.ndarray) -> np.ndarray:
    """Encode the sound as a node does: without its DC offset."""
    return codec.encode(dc_filter_for(codec, len(sound)).push(sound))


def assert_same(output: np.ndarray, by_hand: np.ndarray) -> None:
    """Compare all but the last 256 samples, which overlap with the silence after the end."""
    np.testing.assert_allclose(output[:, :-256], by_hand[:, :-256], atol=2e-5)


def test_latents_are_summed_as_differences_from_silence(codec, sound):
    z = latents(codec, sound)
    rest = codec.silence(1)[0]
    moved = [scale * z + bias for scale, bias in (MOVES[slot] for slot in "acd")]
    by_hand = codec.decode(weighted_sum(moved, (0.5, 0.8, -0.4), rest))
    assert_same(output(summing(codec), sound), by_hand)
    without = codec.decode(weighted_sum(moved, (0.5, 0.8, -0.4)))
    assert np.abs(by_hand - without).max() > 0.01  # the value of rest matters here


def test_weights_of_sum_one_make_a_mean_for_any_rest():
    now = {"strength": 1.0, "blend": 0.0, "morph": 0.0, "spherical": 0.0, "weight": 0.25, "weight.c": 0.75}
    result = []
    for rest in (None, np.full(4, 9.0)):
        mover = LatentMover(1, 4, 100.0, slots=3, rest=rest)
        mover.slots["a"].select(linear_target(1.0, 1.0), at_once=True)
        mover.slots["c"].select(linear_target(1.0, 5.0), at_once=True)
        result.append(mover.move(np.full((1, 4), 2.0), np.array([True]), now))
    np.testing.assert_allclose(result, 0.25 * 3 + 0.75 * 7, atol=1e-5)


def test_the_order_of_slots_does_not_matter(codec, sound):
    one = output(summing(codec), sound)
    turned = {"a": MOVES["d"], "c": MOVES["a"], "d": MOVES["c"]}
    np.testing.assert_allclose(output(summing(codec, "acd", (-0.4, 0.5, 0.8), moves=turned), sound), one, atol=1e-5)


def test_a_preset_with_weight_zero_changes_nothing(codec, sound):
    alone, beside = summing(codec, "a", [1.0]), summing(codec, "ac", [1.0, 0.0])
    np.testing.assert_array_equal(output(alone, sound), output(beside, sound))


def test_the_pair_morphs_within_the_sum_straight_or_along_the_sphere(codec, sound):
    z, rest = latents(codec, sound), codec.silence(1)[0]
    a, b, c = (scale * z + bias for scale, bias in (MOVES[slot] for slot in "abc"))
    for spherical, pair in ((0.0, 0.7 * a + 0.3 * b), (1.0, slerp(a, b, 0.3))):
        node = summing(codec, "ac", (0.5, 0.8))
        node.select(linear_target(*MOVES["b"]), "b")
        node.set("morph", 0.3)
        node.set("spherical", spherical)
        by_hand = codec.decode(weighted_sum((pair, c), (0.5, 0.8), rest))
        assert_same(output(node, sound), by_hand)


def test_each_latents_controls_act_on_the_sum(codec, sound):
    node = summing(codec)
    for name, value in (("0:value", 0.5), ("1:on", 0), ("2:scale", -2), ("3:bias", 0.25)):
        node.set(name, value)
    z, rest = latents(codec, sound), codec.silence(1)[0]
    total = weighted_sum([MOVES[slot][0] * z + MOVES[slot][1] for slot in "acd"], (0.5, 0.8, -0.4), rest)
    total[..., 0], total[..., 1] = 0.5, 0.0
    total[..., 2] *= -2
    total[..., 3] += 0.25
    assert_same(output(node, sound), codec.decode(total))
    with pytest.raises(ProjectError, match="^3:bias 9: -8 to 8 can be used$"):
        node.set("3:bias", 9)


def test_weights_glide_and_a_switch_cross_fades():
    """The latents of the identity codec are samples, so the sum is directly the output."""
    node = TransferNode(PcmCodec(), multiple_samples=512, slots=3)
    node.select(linear_target(0.0, 0.0, 512))
    node.select(linear_target(0.0, 0.9, 512), "c")
    for name in ("follow", "blend"):
        node.set(name, 0)
    ones = np.ones((1, 512), np.float32)

    def hops(count: int) -> list[float]:
        return [round(float(node.push(ones)[0, -1]), 5) for _ in range(count)]

    assert hops(1) == [0]
    node.set("weight.c", 1)
    assert hops(6) == [0.18, 0.36, 0.54, 0.72, 0.9, 0.9]
    node.select(linear_target(0.0, 0.3, 512), "c")
    assert hops(6) == [0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    node.set("weight.c", 0)
    assert hops(5)[-1] == 0
    node.select(linear_target(0.0, 0.5, 512), "c")
    assert hops(1) == [0]
    node.set("weight.c", 1)
    assert hops(5)[-1] == 0.5  # it was switched while not audible: no fade


@pytest.mark.parametrize("size", [64, 333, 8192])
def test_blocks_and_saved_states_change_nothing(codec, sound, size):
    takes = [codec.encode(own)[0] for own in (sound[:1] * 2, sound[1:, ::-1])]

    def node(multiple: int = 1) -> TransferNode:
        node = TransferNode(codec, 2, multiple, slots=4)
        for slot, take in zip("acd", (takes[0], takes[1], takes[0] * 0.5), strict=True):
            node.select(make_target([take], codec), slot)
        for name, value in (("weight", 0.4), ("weight.c", 0.4), ("weight.d", 0.3), ("smooth_ms", 9)):
            node.set(name, value)
        return node

    whole = output(node(), sound, 16_384)
    assert np.abs(whole).max() > 0.001
    assert 20 * np.log10(np.abs(output(node(), sound, size) - whole).max() + 1e-12) < -120
    one, other = node(), TransferNode(codec, 2, slots=4)
    one.push(sound[:, : 3 * size])
    one.set("weight.d", 0)
    one.select(make_target([takes[1]], codec), "c")
    one.push(sound[:, :777])
    other.restore(one.state())
    np.testing.assert_array_equal(one.push(sound), other.push(sound))


def test_slots_are_named_and_counted(codec):
    assert [name for name in TransferNode(codec, slots=4).parameters if "weight" in name] == [
        "weight",
        "weight.c",
        "weight.d",
    ]
    for slots in (1, 27):
        with pytest.raises(ValueError, match=f"^{slots} slots; 2 to 26 are allowed$"):
            TransferNode(codec, slots=slots)
    with pytest.raises(ValueError, match="channels or slots"):
        TransferNode(codec).restore(TransferNode(codec, slots=3).state())
    with pytest.raises(ProjectError, match="^weight.c 4.5: -4 to 4 can be used$"):
        TransferNode(codec, slots=3).set("weight.c", 4.5)
