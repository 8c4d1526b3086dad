"""The memory: cues near one another differ, and a changed row changes only near the change."""

import numpy as np
import pytest

from presets.bank import Bank
from presets.performance.aligned_takes import aligned_takes_of, sketch_distances
from presets.performance.draw import candidate_weights
from presets.performance.memory import RowMemory, choose_candidates, remembered, usual_distance
from tests.presets.preset_maker import make_preset


def sketches(aligned, seeds, candidates) -> np.ndarray:
    return aligned.sketches(candidate_weights(aligned, seeds)[np.arange(len(seeds)), candidates])


@pytest.mark.parametrize("name", ["step-gravel", "step-metal", "step-tile"])
def test_a_cue_differs_from_those_near_it(name):
    aligned = aligned_takes_of(Bank()[name], 512)
    seeds = [int(seed) for seed in np.random.default_rng(0).integers(2**62, size=80)]
    nearest = {}
    for memory in (None, 0):
        sounds = sketches(aligned, seeds, choose_candidates(aligned, seeds, memory=memory))
        distances = sketch_distances(sounds[:, None], sounds) / usual_distance(aligned)
        nearest[memory] = np.array([distances[i, max(0, i - 6) : i].min() for i in range(1, 80)])
    assert np.median(nearest[None]) > 0.6
    assert nearest[None].min() > 0.3
    assert np.median(nearest[None]) > 1.2 * np.median(nearest[0])


def test_takes_that_are_not_mixed_do_not_come_back_while_others_are_left():
    aligned = aligned_takes_of(Bank()["hinge-creak"], 512)
    assert not aligned.mixable and remembered(aligned) == 1
    seeds = list(range(100, 160))
    candidates = choose_candidates(aligned, seeds)
    takes = candidate_weights(aligned, seeds)[np.arange(60), candidates, 0, :3].argmax(axis=1)
    assert (takes[1:] != takes[:-1]).all()


def test_an_inserted_cue_changes_few_cues_near_it():
    aligned = aligned_takes_of(make_preset(takes=8), 512)
    seeds = [int(seed) for seed in np.random.default_rng(1).integers(2**62, size=400)]
    before = choose_candidates(aligned, seeds)
    changed = []
    for place in (50, 120, 200, 290):
        after = choose_candidates(aligned, [*seeds[:place], 12345, *seeds[place:]])
        del after[place]
        changed.append([index - place for index in range(400) if after[index] != before[index]])
    assert np.mean([len(each) for each in changed]) <= 25
    assert max(abs(index) for each in changed for index in each) <= 60


def test_a_pinned_seed_stays_whatever_is_near():
    aligned = aligned_takes_of(make_preset(takes=4), 512)
    seeds = [7, 7, 7, 7]
    assert choose_candidates(aligned, seeds, pinned=[True] * 4) == [0, 0, 0, 0]
    free = choose_candidates(aligned, seeds, pinned=[True, False, False, False])
    assert free[0] == 0 and len(set(free)) == 4


def test_a_row_that_grows_never_changes_what_was_decided():
    aligned = aligned_takes_of(make_preset(takes=6), 512)
    short, long = RowMemory(aligned), RowMemory(aligned)
    for row, count in ((short, 10), (long, 30)):
        for index in range(count):
            row.decide(index, row.sketches([900 + index])[0])
    assert {index: long.candidates[index] for index in range(10)} == short.candidates
