"""The film's own sound tells more exactly when an event happens, where both agree."""

from fractions import Fraction

import numpy as np
from films import write_film

from render.spotting.video.events import Event
from render.spotting.video.film import Film
from render.spotting.video.film_sound import agree_with_sound, sound_hits

CLICKS = (24_000, 60_001, 90_000)


def event(seconds):
    return Event("step", Fraction(seconds), 0, 0.5, 0.9, 0.8, 0.6, ("seen",), 1, "L")


def hits_of(path):
    with Film(path) as film:
        return sound_hits(film)


def test_hits_of_the_sound_lie_at_their_sample_from_the_first_frame(tmp_path):
    sound = np.zeros(96_000)
    sound[list(CLICKS)] = 0.5
    path = write_film(tmp_path / "a.mov", 48, sound=sound)
    assert hits_of(path) == [Fraction(click, 48_000) for click in CLICKS]
    assert hits_of(write_film(tmp_path / "b.mov", 12, sound=np.zeros(48_000))) is None


def test_each_event_says_what_it_trusts():
    hits = [Fraction(click, 48_000) for click in CLICKS]
    near, far = agree_with_sound([event("0.52"), event("0.9")], hits, Fraction(24))
    assert (near.time, near.confidence) == (Fraction(1, 2), 0.8)
    assert near.reasons[-1] == "picture and sound agree: the sound's time is used (-20 ms)"
    assert (far.time, far.confidence) == (Fraction("0.9"), 0.6)
    assert far.reasons[-1] == "picture only: the film's sound has no hit within 62 ms"
