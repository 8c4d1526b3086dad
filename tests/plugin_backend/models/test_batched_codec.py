"""Streams of one model give the same samples together and alone."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.models.batched_codec import BatchedCodec, batched, run_batched
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.transfer_node import TransferNode

HOPS = 12


@pytest.fixture(scope="module")
def hops():
    """For each of five streams, twelve hops of noise: ``[stream, hop, channels, samples]``."""
    return (np.random.default_rng(3).standard_normal((5, HOPS, 2, 512)) * 0.1).astype(np.float32)


def node(codec, targets, number):
    """Mono or stereo, moved towards one target or the other."""
    made = TransferNode(codec, 1 + number % 2, multiple_samples=512)
    made.select(targets[number % 2])
    made.set("blend", 0.25 * number)
    return made


def alone(codec, targets, hops, number, begin=0):
    own = node(codec, targets, number)
    return [own.push(hop[: own.channels]) for hop in hops[number, begin:]]


def pushed(stream, hop):
    return lambda: stream.push(hop[: stream.channels])


def test_five_streams_together_are_each_to_the_bit_what_it_is_alone(foley, targets, hops):
    codec = batched(foley)
    nodes = [node(codec, targets, number) for number in range(5)]
    together = [run_batched([pushed(own, hops[n, h]) for n, own in enumerate(nodes)]) for h in range(HOPS)]
    for number in range(5):
        for expected, got in zip(alone(foley, targets, hops, number), (row[number] for row in together), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_streams_come_and_go_and_change_places(foley, targets, hops):
    codec = batched(foley)
    nodes, output = [node(codec, targets, number) for number in range(5)], [[] for _ in range(5)]
    at, chance = [0] * 5, np.random.default_rng(1)
    while min(at) < HOPS:
        is_available = [n for n in chance.permutation(5) if at[n] < HOPS and chance.random() < 0.6]
        for number, got in zip(
            is_available, run_batched([pushed(nodes[n], hops[n, at[n]]) for n in is_available]), strict=True
        ):
            output[number].append(got)
            at[number] += 1
    for number in range(5):
        np.testing.assert_array_equal(output[number], alone(foley, targets, hops, number))


def test_two_models_and_one_that_is_not_shared_keep_apart(foley, tiny_models, hops):
    codecs = [foley, load_codec(str(tiny_models[1])), PcmCodec()]
    kept = [TransferNode(batched(codec), 2, multiple_samples=512) for codec in codecs for _ in range(2)]
    plain = [TransferNode(codec, 2, multiple_samples=512) for codec in codecs for _ in range(2)]
    for h in range(HOPS):
        together = run_batched([pushed(own, hops[n % 5, h]) for n, own in enumerate(kept)])
        for number, own in enumerate(plain):
            np.testing.assert_array_equal(together[number], own.push(hops[number % 5, h]))
    assert isinstance(kept[0]._encoder, type(batched(foley).encoder())) and batched(codecs[2]) is codecs[2]


def test_what_a_stream_remembers_goes_on_elsewhere(foley, targets, hops):
    codec = BatchedCodec(foley)
    nodes = [node(codec, targets, number) for number in (1, 3)]
    for h in range(6):
        run_batched([pushed(own, hops[n, h]) for own, n in zip(nodes, (1, 3), strict=True)])
    again = TransferNode(foley, 2, multiple_samples=512)
    again.restore(nodes[1].state())
    later = [again.push(hops[3, h]) for h in range(6, HOPS)]
    np.testing.assert_array_equal(later, alone(foley, targets, hops, 3)[6:])


def test_a_single_request_is_computed_at_once(foley, hops):
    codec = BatchedCodec(foley)
    ours, plain = codec.encoder(2), foley.encoder(2)
    for h in range(4):
        np.testing.assert_array_equal(ours.means(hops[0, h]), plain.means(hops[0, h]))
    for got, expected in zip(ours.push(hops[0, 5]), plain.push(hops[0, 5]), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(ours.means(hops[0, 6]), plain.means(hops[0, 6]))


def test_one_task_that_fails_leaves_the_others_alone(foley, targets, hops):
    codec = batched(foley)
    own = node(codec, targets, 1)

    def broken():
        codec.encoder(1).means(hops[0, 0, :1])
        raise FloatingPointError("no sound")

    failed, got = run_batched([broken, pushed(own, hops[1, 0])])
    assert isinstance(failed, FloatingPointError) and str(failed) == "no sound"
    np.testing.assert_array_equal(got, alone(foley, targets, hops, 1)[0])


def test_a_model_that_fails_raises_in_its_task_and_others_continue(foley, targets, hops):
    codec, plain = batched(foley), node(foley, targets, 3)
    failing, going = node(codec, targets, 1), node(codec, targets, 3)
    for h in range(3):
        run_batched([pushed(failing, hops[1, h]), pushed(going, hops[3, h])])
        plain.push(hops[3, h])
    failing._decoder.memory = failing._encoder.memory  # of another shape than the model's own
    failed, got = run_batched([pushed(failing, hops[1, 3]), lambda: going._encoder.means(hops[3, 3])])
    assert isinstance(failed, Exception) and not isinstance(failed, AssertionError)
    np.testing.assert_array_equal(got, plain._encoder.means(hops[3, 3]))
    with pytest.raises(type(failed)):
        failing._decoder.push(np.zeros((2, 1, foley.spec.latent_dim), np.float32))
