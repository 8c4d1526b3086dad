"""Blocks of any length give the same result as the whole sound, late by exactly the stated latency."""

import numpy as np
import pytest

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.codecs.pcm import PcmCodec

SIZES = [64, 100, 333, 512, 513, 1000, 4096, 8192]
HOP = PcmCodec.spec.hop_samples


def streamed(stream: BlockStream, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Push ``sound`` and zeros for the latency in blocks of ``sizes``, repeated. Return the output."""
    fed = np.pad(sound, (0, stream.latency_samples + max(sizes)))
    out, at, turn = [], 0, 0
    while at + sizes[turn % len(sizes)] <= len(fed):
        size = sizes[turn % len(sizes)]
        out.append(stream.push(fed[at : at + size]))
        assert out[-1].shape == (size,)
        at, turn = at + size, turn + 1
    return np.concatenate(out)[stream.latency_samples :][: len(sound)]


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(2)
    return (rng.standard_normal(20_000) * 0.3 * np.exp(-(np.arange(20_000) % 7_000) / 1_500)).astype(np.float32)


@pytest.fixture(scope="module")
def whole(foley, sound):
    """Return the sound processed at once, with the silence after it that a stream processes too."""
    after = np.pad(sound, (0, foley.spec.latency_samples + HOP))
    return foley.decode(foley.encode(after[None]))[0, : len(sound)]


@pytest.mark.parametrize("size", SIZES)
def test_any_block_length_equals_the_whole_sound(foley, sound, whole, size):
    for stream in (BlockStream(foley), BlockStream(foley, multiple_samples=size)):
        np.testing.assert_array_equal(streamed(stream, sound, [size]), whole)
        np.testing.assert_array_equal(streamed(BlockStream(PcmCodec(), stream._multiple), sound, [size]), sound)


def test_changing_block_lengths_equal_the_whole_sound(foley, sound, whole):
    sizes = [1, 700, 31, 1_024, 511, 513]
    np.testing.assert_array_equal(streamed(BlockStream(foley), sound, sizes), whole)
    np.testing.assert_array_equal(streamed(BlockStream(PcmCodec()), sound, sizes), sound)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("declared", [False, True])
def test_an_impulse_lands_at_exactly_the_latency(size, declared):
    stream = BlockStream(PcmCodec(), size if declared else 1)
    fed = np.zeros((8_192 // size + 3) * size, np.float32)
    fed[0] = 1.0
    out = np.concatenate([stream.push(block) for block in fed.reshape(-1, size)])
    np.testing.assert_array_equal(np.flatnonzero(out), [stream.latency_samples])
    assert out[stream.latency_samples] == 1.0


@pytest.mark.parametrize(
    ("multiple", "held"), [(1, 511), (64, 448), (100, 508), (333, 511), (512, 0), (513, 511), (1000, 504), (4096, 0)]
)
def test_latency_is_that_of_the_codec_plus_that_of_the_blocks(foley, multiple, held):
    assert BlockStream(PcmCodec(), multiple).latency_samples == held
    assert BlockStream(foley, multiple).latency_samples == foley.spec.latency_samples + held


@pytest.mark.parametrize("multiple", [64, 100, 333, 513])
def test_less_latency_is_not_possible(multiple):
    """At some point of the sound the last returned sample is one that the codec has just returned."""
    stream, spare = BlockStream(PcmCodec(), multiple), []
    for _ in range(HOP):
        stream.push(np.zeros(multiple, np.float32))
        spare.append(len(stream._ready))
    assert min(spare) == 0


def test_wrong_lengths_are_refused(foley):
    with pytest.raises(ValueError, match="only multiples of 64"):
        BlockStream(foley, 64).push(np.zeros(100, np.float32))
    with pytest.raises(ValueError, match="at least 1"):
        BlockStream(foley, 0)
