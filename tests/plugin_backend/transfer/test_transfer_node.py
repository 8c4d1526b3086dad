"""The transfer node: the same samples for any blocks, aligned, restorable, and robust against bad input."""

import io

import numpy as np
import pytest

from plugin_backend.codecs.base import DecoderStream
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import ProjectError
from plugin_backend.transfer.stream_state import save_stream_state
from plugin_backend.transfer.target import make_target
from plugin_backend.transfer.transfer_node import TransferNode

RATE, HOP = 48_000, 512
SIZES = [[64], [100], [333], [512], [513], [1000], [4096], [8192], [1, 700, 31, 1024, 511, 8191]]


def processed(node: TransferNode, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Push ``sound`` ``[channels, n]`` in blocks of ``sizes``, repeated. Return the output, aligned."""
    fed = np.pad(sound, ((0, 0), (0, node.latency_samples + max(sizes))))
    out, at, turn = [], 0, 0
    while at + sizes[turn % len(sizes)] <= fed.shape[1]:
        size = sizes[turn % len(sizes)]
        out.append(node.push(fed[:, at : at + size]))
        assert out[-1].shape == (len(sound), size)
        at, turn = at + size, turn + 1
    return np.concatenate(out, axis=1)[:, node.latency_samples :][:, : sound.shape[1]]


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Return two channels of decaying noise."""
    rng = np.random.default_rng(2)
    return (rng.standard_normal((2, 20_000)) * 0.3 * np.exp(-(np.arange(20_000) % 7_000) / 1_500)).astype(np.float32)


def busy_node(foley, targets) -> TransferNode:
    """Return a node that uses every control."""
    node = TransferNode(foley, 2)
    for target, slot in zip(targets, "ab", strict=True):
        node.select(target, slot)
    for name, value in (("mix", 0.9), ("morph", 0.3), ("smooth_ms", 25), ("strength", 0.8), ("gain_db", -3)):
        node.set(name, value)
    node.set_latent(2, "bias", 0.5)
    return node


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_sweep_through_the_identity_codec_is_equal_to_the_bit(sizes):
    phase = 2 * np.pi * np.cumsum(np.geomspace(20, 20_000, 30_000)) / RATE
    sweep = np.stack([np.sin(phase), np.cos(phase)]).astype(np.float32)
    np.testing.assert_array_equal(processed(TransferNode(PcmCodec(), 2), sweep, sizes), sweep)


@pytest.fixture(scope="module")
def whole(foley, targets, sound):
    return processed(busy_node(foley, targets), sound, [32_768])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_block_boundaries_change_nothing(foley, targets, sound, whole, sizes):
    decoded = processed(busy_node(foley, targets), sound, sizes)
    assert np.abs(whole).max() > 0.01
    assert 20 * np.log10(np.abs(decoded - whole).max() + 1e-12) < -120


@pytest.mark.parametrize("at", [511, 5_000, 12_288])
def test_a_restored_state_continues_with_the_same_samples(foley, targets, sound, at):
    node = busy_node(foley, targets)
    node.push(sound[:, : at - 500])
    node.select(targets[1])
    node.set("mix", 0.2)
    node.set_latent(0, "freeze", 1)
    node.push(sound[:, at - 500 : at])
    node.select(targets[0])  # waits for the fade to end
    file = io.BytesIO()
    np.savez(file, **node.state())
    file.seek(0)
    other = TransferNode(foley, 2)
    with np.load(file, allow_pickle=False) as state:
        other.restore(dict(state))
    np.testing.assert_array_equal(other.push(sound[:, at:]), node.push(sound[:, at:]))
    with pytest.raises(ValueError, match="another codec, number of channels"):
        TransferNode(foley, 1).restore(node.state())


def test_a_stream_whose_state_cannot_be_read_is_not_saved(foley):
    class Hidden(DecoderStream):
        def push(self, latents: np.ndarray) -> np.ndarray:
            raise NotImplementedError

    with pytest.raises(ValueError, match="^foley: the state of this codec's streams cannot be saved$"):
        save_stream_state(Hidden(), foley.spec)


def test_dry_is_the_input_late_by_the_latency(foley, targets, sound):
    node = busy_node(foley, targets)
    node.set("mix", 0)
    np.testing.assert_array_equal(processed(node, sound, [333]), sound)
    assert node.latency_samples == foley.spec.latency_samples + HOP - 1
    assert TransferNode(foley, multiple_samples=512).latency_samples == foley.spec.latency_samples


def test_equal_channels_stay_equal_and_mono_gives_all_the_same(foley, targets, sound):
    twice = np.repeat(sound[:1], 2, axis=0)
    left, right = processed(busy_node(foley, targets), twice, [1000])
    np.testing.assert_array_equal(left, right)
    node = TransferNode(foley, 2, mono=True)
    node.select(targets[0])
    node.set("follow", 0)
    decoded = processed(node, sound, [1000])
    np.testing.assert_array_equal(decoded[0], decoded[1])


def test_the_wet_sound_takes_the_inputs_envelope_by_follow():
    sound = (np.random.default_rng(1).standard_normal((1, 48_000)) * 0.1).astype(np.float32)
    sound[:, 20_000:30_000] *= 0.1
    for follow, expected in ((0.0, 0.25), (0.5, 0.5), (1.0, 1.0)):
        node = TransferNode(PcmCodec())
        node.set("follow", follow)
        for latent in range(HOP):
            node.set_latent(latent, "scale", 0.25)
        decoded = processed(node, sound, [512])[:, 2_000:]
        np.testing.assert_allclose(decoded, expected * sound[:, 2_000:], atol=1e-5)


def test_a_knob_glides_for_fifty_milliseconds():
    node, ones = TransferNode(PcmCodec(), multiple_samples=HOP), np.ones((1, 10 * HOP), np.float32)
    node.push(ones)
    node.set("gain_db", -20 * np.log10(2))
    decoded = node.push(ones)[0]
    glide = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 2_401) / 2_400)
    np.testing.assert_allclose(decoded[:2_400], 1 - 0.5 * glide, atol=1e-6)
    np.testing.assert_allclose(decoded[2_400:], 0.5, atol=1e-7)


def test_smoothing_is_a_one_pole_filter():
    node = TransferNode(PcmCodec(), multiple_samples=HOP)
    node.set("smooth_ms", 40)
    node.set("follow", 0)
    decoded = node.push(np.repeat([[0.0, 1.0]], [1 * HOP, 9 * HOP], axis=1).astype(np.float32))[0, ::HOP]
    np.testing.assert_allclose(decoded, 1 - np.exp(-HOP / RATE / 0.040) ** np.arange(10), atol=1e-6)


def test_each_latent_has_its_controls():
    """Latent *d* of the identity codec is sample *d* of every hop."""
    node, hops = TransferNode(PcmCodec(), multiple_samples=HOP), np.full((1, 4 * HOP), 0.5, np.float32)
    for latent, name, value in ((1, "on", 0), (2, "value", 0.125), (3, "scale", -2), (4, "bias", 0.25)):
        node.set_latent(latent, name, value)
    node.set("follow", 0)
    decoded = node.push(hops).reshape(4, HOP)
    np.testing.assert_array_equal(decoded[:, :6], [[0.5, 0, 0.125, -1, 0.75, 0.5]] * 4)
    np.testing.assert_array_equal(decoded[:, 5:], np.float32(0.5))
    node.set_latent(5, "freeze", 1)
    assert node.push(0.5 * hops).reshape(4, HOP)[:, 5:7].tolist() == [[0.5, 0.25]] * 4


def test_an_input_is_moved_to_the_target(foley, targets):
    """A dark noise becomes bright, and a bright one dark."""
    rng = np.random.default_rng(3)
    noise = (rng.standard_normal((1, RATE)) * 0.2).astype(np.float32)
    dark = np.cumsum(noise, axis=1) / 60

    def centre_hz(audio: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(audio[0, 20_000:])) ** 2
        return float((power * np.fft.rfftfreq(audio[0, 20_000:].size, 1 / RATE)).sum() / power.sum())

    for sound, (dark_target, bright_target) in ((dark, targets), (noise, targets)):
        decoded = []
        for target in (dark_target, bright_target):
            node = TransferNode(foley)
            node.select(target)
            decoded.append(centre_hz(processed(node, sound, [8192])))
        assert decoded[0] < 3_000 < 6_000 < decoded[1]


def test_bad_samples_do_no_harm(foley, targets):
    node = busy_node(foley, targets)
    bad = np.full((2, 4_000), 0.1, np.float32)
    bad[0, 100:103] = np.nan, np.inf, -np.inf
    bad[1, :2_000] = 1e-41
    bad[1, 2_000:2_100] = 3e38
    assert np.isfinite(node.push(bad)).all()
    assert node.repaired_samples == 3
    silence = np.zeros((2, 8 * RATE), np.float32)
    assert np.isfinite(node.push(silence)).all()
    assert np.abs(node.push(silence[:, :RATE])).max() < 1e-3
    good = (np.random.default_rng(0).standard_normal((2, RATE)) * 0.1).astype(np.float32)
    assert 0.01 < np.abs(node.push(good)[:, RATE // 2 :]).max() < 2


SWITCH_SAMPLES = HOP // 2


def switched(foley, targets, sound: np.ndarray, every: int) -> tuple[np.ndarray, int]:
    """Process ``sound`` with another target every few blocks. Return it, and the memory of the node in bytes."""
    unmoved = np.zeros(foley.spec.latent_dim), np.ones(foley.spec.latent_dim)
    node = TransferNode(foley, multiple_samples=SWITCH_SAMPLES, statistics=unmoved)
    out = []
    for number, block in enumerate(sound.reshape(-1, 1, SWITCH_SAMPLES)):
        node.select(targets[number // every % 2])
        out.append(node.push(block))
    return np.concatenate(out, axis=1)[0], sum(array.nbytes for array in node.state().values())


def test_a_thousand_switches_make_no_click_and_keep_nothing(foley):
    """Both presets are dark. The second difference shows a click with at least its height."""
    second = np.arange(RATE) / RATE
    rumble = np.fft.irfft(
        np.fft.rfft(np.random.default_rng(7).standard_normal(RATE)) * (np.arange(RATE // 2 + 1) < 900)
    )
    hum = np.sin(2 * np.pi * 150 * second) * np.sin(2 * np.pi * 3 * second)
    takes = [foley.encode((0.5 * own / np.abs(own).max())[None].astype(np.float32))[0] for own in (rumble, hum)]
    targets = [make_target([take], foley) for take in takes]
    sound = (0.1 * np.sin(2 * np.pi * 200 * np.arange(1_000 * SWITCH_SAMPLES) / RATE)).astype(np.float32)

    def sharpest(audio: np.ndarray) -> float:
        return float(np.abs(np.diff(audio, 2))[RATE // 2 :].max())

    part = sound[: 200 * SWITCH_SAMPLES]
    calm = max(sharpest(switched(foley, own, part, 1_000)[0]) for own in (targets, targets[::-1]))
    decoded, held = switched(foley, targets, sound, 1)
    assert np.abs(decoded[RATE:]).max() > 0.05
    assert sharpest(decoded) < calm + 10 ** (-60 / 20)
    slowly, held_after_ten = switched(foley, targets, sound[: 300 * SWITCH_SAMPLES], 30)
    assert sharpest(slowly) < calm + 10 ** (-60 / 20)
    assert held < 2 * held_after_ten


def test_wrong_blocks_and_values_are_refused(foley):
    node = TransferNode(foley, 2, multiple_samples=64)
    with pytest.raises(ValueError, match="2 channels in multiples of 64"):
        node.push(np.zeros((1, 64), np.float32))
    with pytest.raises(ValueError, match="2 channels in multiples of 64"):
        node.push(np.zeros((2, 63), np.float32))
    with pytest.raises(ValueError, match="at least 1"):
        TransferNode(foley, 0)
    with pytest.raises(ProjectError, match="^mix 1.5: 0 to 1 can be used$"):
        node.set("mix", 1.5)
    with pytest.raises(ProjectError, match="^mix nan: 0 to 1"):
        node.set("mix", float("nan"))
    with pytest.raises(ProjectError, match="^latent 32: 0 to 31 can be used$"):
        node.set_latent(32, "bias", 0)
