"""Contacts of walkers whose steps are exactly known, seen from several sides at several rates."""

from fractions import Fraction

import numpy as np
import pytest
from stick_walker import track
from walker import BRISK, RUN, SLOW, WALK, contacts_of

from render.spotting.video.contacts import find_contacts, fit_landing
from render.spotting.video.pose_track import FEET, untangle_feet

NTSC = Fraction(30000, 1001)
FIRST_S, LAST_S = 0.25, 5.75


def compare(gait, fps, angle, **options):
    """Return hits, found and true steps, feet that are right, and the errors in frames."""
    found = [
        ((contact.frame + contact.fraction) / float(fps), contact.foot)
        for contact in find_contacts(track(gait, fps, angle, **options))
    ]
    found = [one for one in found if FIRST_S < one[0] < LAST_S]
    hidden = options.get("hidden", ())
    true = [
        (seconds, foot)
        for seconds, foot in contacts_of(gait, 6)
        if FIRST_S < seconds < LAST_S and not any(begin - 0.2 < seconds < end + 0.1 for begin, end in hidden)
    ]
    errors, feet = [], 0
    for seconds, foot in true:
        nearest = min(found, key=lambda one: abs(one[0] - seconds))
        error = (nearest[0] - seconds) * float(fps)
        if abs(error) <= 1:
            errors.append(error)
            feet += nearest[1] == foot
    return len(errors), len(found), len(true), feet, errors


CASES = [
    (WALK, 24, 0), (WALK, 25, 30), (WALK, NTSC, 60), (BRISK, 60, 0), (BRISK, 24, -45), (BRISK, NTSC, 30), (SLOW, 25, 0),
    (SLOW, NTSC, -45), (RUN, 25, 0), (RUN, 60, 30), (WALK, 25, 85), (WALK, 60, 60),
]  # fmt: skip


def test_steps_are_found_to_half_a_frame_from_all_sides():
    results = [compare(*case, confused=((1.0, 1.08), (2.5, 2.6))) for case in CASES]
    hits, found, true, feet, errors = (sum(column[1:], column[0]) for column in zip(*results, strict=True))
    assert 2 * hits / (found + true) >= 0.95
    assert feet / hits >= 0.95
    assert np.median(np.abs(errors)) <= 0.5


def test_a_walker_behind_a_pillar_loses_only_the_hidden_steps():
    hits, found, true, feet, _ = compare(WALK, 25, 0, hidden=((2.0, 2.5),))
    assert (hits, feet) == (true, true)
    assert found <= true + 1


def test_two_tracks_do_not_disturb_each_other():
    first, second = (find_contacts(track(WALK, 25, 0, person=person)) for person in (1, 2))
    assert {contact.person for contact in second} == {2}
    assert [contact.frame for contact in first] == [contact.frame for contact in second]


def test_someone_who_stands_makes_no_step():
    still = track(WALK, 25, 0, seconds=4)
    still.points[:] = still.points[:1] + np.random.default_rng(1).normal(0, 1, still.points.shape)
    assert find_contacts(still) == []


def test_confused_legs_are_untangled():
    right, wrong = (track(WALK, 25, 0, noise=0, confused=when) for when in ((), ((1.0, 1.3), (3.0, 3.1))))
    assert np.abs(wrong.points - right.points).max() > 50
    untangled = untangle_feet(wrong).of(*FEET["L"]).mean(axis=1)
    apart = np.abs(right.of(*FEET["L"]).mean(axis=1) - right.of(*FEET["R"]).mean(axis=1)).max(axis=1)
    wrong_frames = np.abs(untangled - right.of(*FEET["L"]).mean(axis=1)).max(axis=1) > 1
    assert wrong_frames[apart > 30].sum() == 0


@pytest.mark.parametrize("moment", [0.2, 0.213, 0.2371])
def test_a_landing_between_two_frames_is_found(moment):
    times = np.arange(12) / 25
    before = np.maximum(0, moment - times)
    landing = fit_landing(times, np.stack([3 * before + 4 * before**2, -before], axis=1), 1 / 25)
    assert landing.moment_s == pytest.approx(moment, abs=0.0011)
    assert landing.speed == pytest.approx(np.hypot(3, 1), rel=0.05)
