"""Layers: nodes of different codecs, aligned to the sample, added after decoding, mixed once with the input."""

import io
from dataclasses import replace

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.parallel_nodes import ParallelNodes
from plugin_backend.transfer.target import make_target
from plugin_backend.transfer.transfer_node import TransferNode

RATE = 48_000
HALF_DB = 20 * np.log10(0.5)
SIZES = [[64], [100], [333], [512], [513], [4096], [8192], [1, 700, 31, 1024, 511, 8191]]


@pytest.fixture(scope="module")
def quick(tiny_models):
    return load_codec(str(tiny_models[0]))


@pytest.fixture(scope="module")
def slow(tiny_models):
    return load_codec(str(tiny_models[1]))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Two channels of noise that dies away, again and again."""
    rng = np.random.default_rng(2)
    return (rng.standard_normal((2, 12_000)) * 0.3 * np.exp(-(np.arange(12_000) % 5_000) / 1_500)).astype(np.float32)


def pushed(stage, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    """``sound`` in blocks of ``sizes``, over and over, and silence; what came out, aligned."""
    fed = np.pad(sound, ((0, 0), (0, stage.latency_samples + max(sizes))))
    out, at, turn = [], 0, 0
    while at + sizes[turn % len(sizes)] <= fed.shape[1]:
        size = sizes[turn % len(sizes)]
        out.append(stage.push(fed[:, at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate(out, axis=1)[:, stage.latency_samples :][:, : sound.shape[1]]


def busy_node(codec, channels: int = 2, multiple: int = 1) -> TransferNode:
    noise = np.random.default_rng(7).standard_normal((1, 8_192)).astype(np.float32) * 0.2
    node = TransferNode(codec, channels, multiple)
    node.select(make_target([codec.encode(noise)[0]], codec))
    node.set("gain_db", -3)
    return node


def busy_layers(quick, slow) -> ParallelNodes:
    layers = ParallelNodes([busy_node(quick), busy_node(slow), TransferNode(PcmCodec(), 2)])
    for name, value in (("mix", 0.8), ("1.blend", 0.9), ("2.3:bias", 0.4), ("3.gain_db", -9), ("gain_db", 2)):
        layers.set(name, value)
    return layers


def test_two_equal_nodes_at_half_level_are_one(quick, sound):
    layers = ParallelNodes([busy_node(quick), busy_node(quick)])
    for layer in (1, 2):
        layers.set(f"{layer}.gain_db", -3 + HALF_DB)
    one = pushed(busy_node(quick), sound, [1000])
    assert np.abs(one).max() > 0.01
    np.testing.assert_allclose(pushed(layers, sound, [1000]), one, atol=1e-6)
    assert layers.latency_samples == busy_node(quick).latency_samples


def test_each_layer_is_aligned_with_the_latest_to_the_sample(quick, slow, sound):
    """The identity codec's layer is the input itself, the others sound as they do alone."""
    layers = ParallelNodes([busy_node(quick), busy_node(slow), TransferNode(PcmCodec(), 2)])
    late = [node.latency_samples for node in layers.nodes]
    assert late == [256 + 255, 768 + 511, 511] and layers.latency_samples == max(late)
    alone = sum(pushed(busy_node(codec), sound, [500]).astype(np.float64) for codec in (quick, slow)) + sound
    np.testing.assert_allclose(pushed(layers, sound, [500]), alone, atol=1e-6)
    for layer in (1, 2):
        layers = ParallelNodes([busy_node(quick), busy_node(slow), TransferNode(PcmCodec(), 2)])
        layers.set(f"{layer}.on", 0)
        layers.set(f"{3 - layer}.on", 0)
        np.testing.assert_array_equal(pushed(layers, sound, [500]), sound)


def test_the_input_is_mixed_in_once(quick, sound):
    layers, half = ParallelNodes([busy_node(quick), busy_node(quick)]), busy_node(quick)
    layers.set("mix", 0.3)
    layers.set("gain_db", HALF_DB)
    wet = pushed(half, sound, [512])
    np.testing.assert_allclose(pushed(layers, sound, [512]), 0.3 * wet + 0.7 * sound, atol=1e-6)
    assert "1.mix" not in layers.parameters


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_where_blocks_are_cut_changes_nothing(quick, slow, sound, sizes):
    def played(sizes: list[int]) -> np.ndarray:
        layers = busy_layers(quick, slow)
        first = layers.push(sound[:, :3_072])
        for name, value in (("mix", 0.2), ("1.on", 0), ("gain_db", -6), ("2.on", 0.5)):
            layers.set(name, value)
        return np.concatenate([first, pushed(layers, sound, sizes)], axis=1)

    whole = played([16_384])
    assert np.abs(whole).max() > 0.01
    assert 20 * np.log10(np.abs(played(sizes) - whole).max() + 1e-12) < -120


@pytest.mark.parametrize("at", [511, 5_000])
def test_a_state_of_plain_arrays_goes_on_with_the_same_samples(quick, slow, sound, at):
    one = busy_layers(quick, slow)
    one.push(sound[:, :at])
    for name, value in (("mix", 0.2), ("3.on", 0), ("1.2:freeze", 1)):
        one.set(name, value)
    one.push(sound[:, at : at + 300])  # in the middle of every glide
    file = io.BytesIO()
    np.savez(file, **one.state())
    file.seek(0)
    other = ParallelNodes([TransferNode(quick, 2), TransferNode(slow, 2), TransferNode(PcmCodec(), 2)])
    with np.load(file, allow_pickle=False) as state:
        other.restore(dict(state))
    np.testing.assert_array_equal(other.push(sound), one.push(sound))
    with pytest.raises(ValueError, match="^this state is not of 2 layers$"):
        ParallelNodes([TransferNode(quick, 2), TransferNode(slow, 2)]).restore(one.state())
    with pytest.raises(ValueError, match="another codec"):
        ParallelNodes([TransferNode(slow, 2), TransferNode(quick, 2), TransferNode(PcmCodec(), 2)]).restore(one.state())


def test_a_layer_goes_off_in_fifty_milliseconds():
    layers, ones = ParallelNodes([TransferNode(PcmCodec(), 1, 512)] * 1), np.ones((1, 4_096), np.float32)
    layers.push(ones)
    layers.set("1.on", 0)
    heard = layers.push(ones)[0]
    np.testing.assert_allclose(heard[:2_400], 0.5 + 0.5 * np.cos(np.pi * np.arange(1, 2_401) / 2_400), atol=1e-6)
    assert not heard[2_400:].any()


def test_controls_are_those_of_every_node(quick):
    layers = ParallelNodes([TransferNode(quick, slots=3), TransferNode(PcmCodec())])
    assert {"mix", "gain_db", "1.on", "1.blend", "1.weight.c", "1.3:bias", "2.morph"} <= set(layers.parameters)
    assert not {"2.weight.c", "1.4:bias", "3.on"} & set(layers.parameters)
    with pytest.raises(ProjectError, match="^1.blend 2: 0 to 1 can be used$"):
        layers.set("1.blend", 2)


def test_what_cannot_go_together_is_refused(quick):
    class Slower(PcmCodec):
        spec = replace(PcmCodec.spec, sample_rate=44_100)

    with pytest.raises(CheckpointError, match="^model 'quick' works at 48000 Hz and 'pcm' at 44100 Hz: only models of"):
        ParallelNodes([TransferNode(quick), TransferNode(Slower())])
    with pytest.raises(ValueError, match="nodes of .1, 2. channels"):
        ParallelNodes([TransferNode(quick), TransferNode(quick, 2)])
    with pytest.raises(ValueError, match="one or more"):
        ParallelNodes([])
    layers = ParallelNodes([TransferNode(quick, 2, 64), TransferNode(PcmCodec(), 2, 96)])
    with pytest.raises(ValueError, match="2 channels in multiples of 192 samples"):
        layers.push(np.zeros((2, 64), np.float32))


def test_what_is_no_sound_is_counted_once(quick):
    layers, bad = ParallelNodes([TransferNode(quick), TransferNode(PcmCodec())]), np.full((1, 600), 0.1, np.float32)
    bad[0, 7:9] = np.nan, np.inf
    assert np.isfinite(layers.push(bad)).all()
    assert layers.repaired_samples == 2
