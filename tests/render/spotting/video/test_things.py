"""Things that fall and doors, by the boxes in which something moves."""

import numpy as np
import pytest

from render.spotting.video.motion import Blob
from render.spotting.video.things import ThingTrack, hits_of_thing

SIZE = (1280, 720)


def moving(boxes, first=100, rate=25):
    frames = list(range(first, first + len(boxes)))
    return ThingTrack(frames, [frame / rate for frame in frames], [Blob(*map(float, box), 50.0) for box in boxes])


def falling(landing_frames=8.4, height=200.0, x=640.0):
    """Boxes of a cup whose movement ends between two frames: each box holds it before and after."""
    place = [200 + height * min(1, frame / landing_frames) ** 2 for frame in range(12)]
    boxes = [(x, before, x + 30, after + 30) for before, after in zip(place, place[1:], strict=False) if after > before]
    return moving(boxes)


def door(begin, end, first, count=15):
    edges = np.linspace(begin, end, count + 1)
    return moving(
        [(min(pair), 190, max(pair) + 8, 550) for pair in zip(edges, edges[1:], strict=False)],
        first,
    )


def test_a_cup_lands_between_two_frames():
    (hit,) = hits_of_thing([falling()], SIZE)
    assert hit.kind == "drop"
    assert hit.frame + hit.fraction == pytest.approx(107.4, abs=0.6)
    assert hit.confidence > 0.8


def test_a_door_opens_when_it_starts_and_closes_when_it_stops():
    opens, closes = hits_of_thing([door(1010, 1090, 200), door(1090, 1010, 300)], SIZE)
    assert (opens.kind, opens.frame + opens.fraction) == ("door opens", pytest.approx(199, abs=1))
    assert (closes.kind, closes.frame + closes.fraction) == ("door closes", pytest.approx(314, abs=1))
    assert (opens.confidence, closes.confidence) == (0.75, 0.75)


def test_the_edge_of_a_door_that_turns_is_followed_to_where_it_closes():
    """Half a turn a second; the last frames before it closes change less than a pixel."""
    angles = np.pi / 2 * np.linspace(0, 1, 16)
    places = 1000 + 100 * (1 - np.cos(angles))
    seen = [(min(a, b), 190, max(a, b) + 8, 550) for a, b in zip(places, places[1:], strict=False) if b - a > 2]
    back = [
        (min(a, b), 190, max(a, b) + 8, 550) for a, b in zip(places[::-1], places[-2::-1], strict=False) if a - b > 2
    ]
    opens, closes = hits_of_thing([moving(seen, first=203), moving(back, first=301)], SIZE)
    assert opens.frame + opens.fraction == pytest.approx(200, abs=1.6)
    assert closes.frame + closes.fraction == pytest.approx(315, abs=1.6)


def test_a_door_that_does_not_come_back_is_less_sure():
    (hit,) = hits_of_thing([door(1010, 1090, 200)], SIZE)
    assert (hit.kind, hit.confidence) == ("door opens", 0.25)


@pytest.mark.parametrize(
    "track",
    [
        moving([(x, 300, x + 30, 330) for x in range(100, 400, 30)]),  # rolls sideways
        moving([(600, 300 + 9 * n, 630, 330 + 9 * n) for n in range(12)]),  # sinks at one speed
        moving([(600, 100 + n * n, 900, 400 + n * n) for n in range(12)]),  # too large to be dropped
        moving([(x, 200 + x // 2, x + 20, 560 + x // 2) for x in range(100, 400, 20)]),  # tall, and comes nearer
        moving([(1210 + n, 190, 1279, 550) for n in range(12)]),  # leaves the picture
    ],
    ids=["rolls", "sinks", "large", "nearer", "leaves"],
)
def test_other_movements_are_no_events(track):
    assert hits_of_thing([track], SIZE) == []
