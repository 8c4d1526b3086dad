"""The transfer node for a long time: silence, bad samples, switches and restarts change nothing and need no memory."""

import tracemalloc

import numpy as np
import pytest

from plugin_backend.transfer.transfer_node import TransferNode

RATE, HOP = 48_000, 512
SIZES = [[64], [100], [333], [512], [513], [1000], [4096], [8192], [1, 700, 31, 1024, 511, 8191]]


def noise(samples: int, seed: int = 2) -> np.ndarray:
    """Return noise ``[1, samples]`` that decays repeatedly."""
    fade = np.exp(-(np.arange(samples) % 7_000) / 1_500)
    return (np.random.default_rng(seed).standard_normal((1, samples)) * 0.3 * fade).astype(np.float32)


def node_of(foley, targets) -> TransferNode:
    node = TransferNode(foley)
    node.select(targets[0])
    node.set("smooth_ms", 25)
    return node


@pytest.mark.slow
def test_ten_minutes_of_silence_are_silent_and_keep_nothing(foley, targets):
    """The envelope is followed, as by default. A sound after the silence is the same as before it."""
    node, block = node_of(foley, targets), np.zeros((1, 2**15), np.float32)
    node.push(noise(RATE))
    blocks = 600 * RATE // block.size
    kept, loudest = [], []
    for number in range(blocks):
        output = node.push(block)
        assert np.isfinite(output).all()
        if number in (blocks // 10, blocks - 1):
            state = node.state()
            assert all(np.isfinite(own).all() for name, own in state.items() if not name.startswith("mover.control"))
            kept.append({name: (own.shape, own.dtype) for name, own in state.items()})
        if number > blocks // 10:
            loudest.append(np.abs(output).max())
    assert 20 * np.log10(max(loudest) + 1e-12) < -100
    assert kept[0] == kept[1]
    fresh = node_of(foley, targets)
    after, expected = (each.push(noise(4 * RATE))[:, RATE:] for each in (node, fresh))
    assert abs(10 * np.log10(np.mean(after**2) / np.mean(expected**2))) < 1


def test_bad_samples_are_replaced_by_zeros(foley, targets):
    """NaN, infinities, denormals and overflow at any place, in odd blocks, equal zeros and the limit to the bit."""
    rng, bad = np.random.default_rng(3), noise(30_011)
    good = bad.copy()
    for value, instead in ((np.nan, 0), (np.inf, 0), (-np.inf, 0), (1e-41, 0), (3e38, 1e3), (-3e38, -1e3)):
        places = rng.integers(0, 20_000, 40)
        bad[0, places], good[0, places] = value, instead
    one, other = node_of(foley, targets), node_of(foley, targets)
    for start in range(0, bad.shape[1], 997):
        here = slice(start, start + 997)
        output = one.push(bad[:, here])
        assert np.isfinite(output).all()
        np.testing.assert_array_equal(output, other.push(good[:, here]))
    assert one.repaired_samples > 100
    assert other.repaired_samples == 0


@pytest.mark.slow
def test_a_thousand_switches_need_no_more_memory_than_a_few_hundred(foley, targets):
    node, block = node_of(foley, targets), noise(HOP)
    most = []
    for switches in (200, 400, 400):
        tracemalloc.start()
        for number in range(switches):
            node.select(targets[number % 2], "ab"[number // 7 % 2])
            node.push(block)
        most.append(tracemalloc.get_traced_memory())
        tracemalloc.stop()
    held, peaks = zip(*most, strict=True)
    assert peaks[2] - peaks[1] < 2**14
    assert held[2] < 2**18


def played(foley, targets, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Process blocks of ``sizes``, cut where the preset or a control changes at the start of a hop."""
    changes = {HOP * hop: number for number, hop in enumerate((3, 4, 9, 11, 20, 26, 27))}
    node, out, at, turn = node_of(foley, targets), [], 0, 0
    while at < sound.shape[1]:
        if at in changes:
            node.select(targets[changes[at] % 2])
            node.set("mix", 1 - 0.1 * changes[at])
        end = min([at + sizes[turn % len(sizes)], sound.shape[1], *(place for place in changes if place > at)])
        out.append(node.push(sound[:, at:end]))
        at, turn = end, turn + 1
    return np.concatenate(out, axis=1)


@pytest.fixture(scope="module")
def whole(foley, targets) -> np.ndarray:
    return played(foley, targets, noise(20_000), [20_000])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_switches_fall_on_the_same_samples_in_any_blocks(foley, targets, whole, sizes):
    output = played(foley, targets, noise(20_000), sizes)
    assert np.abs(whole).max() > 0.01
    assert 20 * np.log10(np.abs(output - whole).max() + 1e-12) < -120


def test_twenty_restarts_at_any_place_are_not_audible(foley, targets):
    rng, sound = np.random.default_rng(11), noise(60_000)
    cuts = np.sort(rng.choice(np.arange(1, 60_000), 20, replace=False)).tolist()
    calm, restarted = node_of(foley, targets), node_of(foley, targets)
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, 60_000], strict=True)):
        for node in (calm, restarted):
            node.select(targets[number % 2])
            node.set("mix", float(number % 3) / 2)
        expected = calm.push(sound[:, start:end])
        np.testing.assert_array_equal(restarted.push(sound[:, start:end]), expected)
        state = {name: own.copy() for name, own in restarted.state().items()}
        restarted = TransferNode(foley)
        restarted.restore(state)
