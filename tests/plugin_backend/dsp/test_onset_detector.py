"""Hits detected in a stream: their position, their delay, and any block size."""

import numpy as np
import pytest

from plugin_backend.dsp.onset_detector import Onset, OnsetDetector
from plugin_backend.errors import ProjectError

RATE = 48_000


def claps(rate: int = RATE, seconds: int = 10) -> tuple[np.ndarray, list[int]]:
    """Return bursts of decaying noise of −6 to −30 dBFS in noise of −80 dBFS, two per second, and their onsets."""
    rng = np.random.default_rng(3)
    audio, onsets = 1e-4 * rng.standard_normal(seconds * rate), []
    for at in range(rate // 2 + 137, seconds * rate - rate // 2, rate // 2):
        count = rate // 5
        burst = rng.uniform(-1, 1, count) * np.exp(-np.arange(count) / (rate / 50))
        burst[0] = 1.0
        audio[at : at + count] += 10 ** (rng.uniform(-30, -6) / 20) * burst
        onsets.append(at)
    return audio.astype(np.float32), onsets


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_every_clap_is_detected_at_its_sample_within_three_milliseconds(rate):
    audio, onsets = claps(rate)
    detector = OnsetDetector(rate, sensitivity=2.0)
    found = detector.push(audio[None])
    assert len(found) == len(onsets)
    assert detector.lookahead_samples == round(0.003 * rate)
    early = [hit.onset_samples - onset for hit, onset in zip(found, onsets, strict=True)]
    waited = [hit.decided_samples - onset for hit, onset in zip(found, onsets, strict=True)]
    assert max(map(abs, early)) <= 2
    assert min(waited) > 0
    assert max(waited) <= detector.lookahead_samples


@pytest.mark.parametrize("sizes", [[1], [64], [333], [2048], [1, 700, 31, 5]])
def test_block_boundaries_change_nothing(sizes):
    audio, _ = claps(seconds=3)
    whole, cut, found, at, index = OnsetDetector(RATE), OnsetDetector(RATE), [], 0, 0
    while at < audio.size:
        size = sizes[index % len(sizes)]
        found += cut.push(audio[None, at : at + size])
        at, index = at + size, index + 1
    assert found == whole.push(audio[None])
    assert len(found) == 4


def test_a_hit_within_the_gap_is_part_of_the_earlier_hit():
    audio = np.zeros(RATE, np.float32)
    audio[10_000:10_050] = audio[15_000:15_050] = audio[40_000:40_050] = 0.5
    assert [hit.onset_samples for hit in OnsetDetector(RATE, min_gap_ms=80).push(audio[None])] == [
        10_000, 15_000, 40_000
    ]  # fmt: skip
    assert [hit.onset_samples for hit in OnsetDetector(RATE, min_gap_ms=200).push(audio[None])] == [10_000, 40_000]


def test_steady_sounds_have_no_hits_even_at_their_start():
    rng, time = np.random.default_rng(0), np.arange(5 * RATE) / RATE
    for sound in (0.1 * rng.standard_normal(5 * RATE), 0.3 * np.sin(2 * np.pi * 440 * time), np.zeros(5 * RATE)):
        assert OnsetDetector(RATE, sensitivity=2.0).push(sound[None]) == []


def test_a_hit_in_any_channel_is_detected_and_opposite_channels_do_not_cancel():
    audio = np.zeros((2, RATE), np.float32)
    audio[1, 9_000:9_100] = 0.5
    audio[:, 30_000:30_100] = [[0.5], [-0.5]]
    found = OnsetDetector(RATE, 2).push(audio)
    assert [hit.onset_samples for hit in found] == [9_000, 30_000]
    assert isinstance(found[0], Onset)


def test_values_out_of_range_are_refused():
    with pytest.raises(ProjectError, match="^sensitivity 0.01: 0.1 to 10 can be used$"):
        OnsetDetector(RATE, sensitivity=0.01)
    with pytest.raises(ProjectError, match="^min_gap_ms 5: 20 to 5000 can be used$"):
        OnsetDetector(RATE, min_gap_ms=5)
