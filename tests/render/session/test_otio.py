"""OpenTimelineIO files, read back as plain JSON; positions are computed by our own arithmetic."""

import json
from fractions import Fraction
from urllib.parse import unquote

import numpy as np
import pytest

from render.project.timecode import RATES, samples_at
from render.session import write_session
from render.session.model import Item, Session, Track


def read(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def samples(time: dict) -> int:
    assert time["rate"] == 48_000
    assert time["value"] == int(time["value"])
    return int(time["value"])


def placed(track: dict):
    """(clip, first sample on the timeline, first sample in its media's time, length) of a track's clips."""
    position = 0
    for child in track["children"]:
        span = child["source_range"]
        if child["OTIO_SCHEMA"].startswith("Clip"):
            yield child, position, samples(span["start_time"]), samples(span["duration"])
        position += samples(span["duration"])


def test_the_clips_summed_are_the_sum(reel, tmp_path, pcm_of):
    timeline = read(write_session(reel, tmp_path / "reel.otio", "otio"))
    sums = {True: np.zeros((9_000, 2), np.int64), False: np.zeros((9_000, 2), np.int64)}
    for track in timeline["tracks"]["children"]:
        for clip, at, media_at, length in placed(track):
            media = clip["media_references"][clip["active_media_reference_key"]]
            first = samples(media["available_range"]["start_time"])
            audio = pcm_of(tmp_path / unquote(media["target_url"]))
            assert samples(media["available_range"]["duration"]) == len(audio)
            sums[track["enabled"]][at : at + length] += audio[media_at - first :][:length]
    assert np.array_equal(sums[True], sums[False])
    assert np.count_nonzero(sums[True]) > 10_000


def test_names_start_rate_and_markers(reel, tmp_path):
    timeline = read(write_session(reel, tmp_path / "reel.otio", "otio"))
    tracks = timeline["tracks"]["children"]
    assert [(track["name"], track["enabled"]) for track in tracks] == [
        ("FEET", True),
        ("FEET 2", True),
        ("PROPS", True),
        ("FOLEY", False),
    ]
    assert {track["metadata"]["pisada"]["track"] for track in tracks} == {"FEET", "PROPS", "FOLEY"}
    assert timeline["global_start_time"]["value"] == 107_892
    assert timeline["metadata"]["pisada"]["rate"] == "29.97df"
    (marker,) = timeline["tracks"]["markers"]
    assert (marker["name"], samples(marker["marked_range"]["start_time"])) == ("first step", 5)
    first = tracks[0]["children"][1]["media_references"]["DEFAULT_MEDIA"]["available_range"]["start_time"]
    assert samples(first) == reel.start_samples + 5 - 7  # the file's own first sample, at its timecode


@pytest.mark.parametrize("name", RATES)
def test_every_rate_is_exact(name, tmp_path):
    rate = RATES[name]
    start = samples_at(rate.frames_per_day - 1, rate, 48_000)
    session = Session("X", rate, start, 48_000, (Track("A", (Item("a", None, start + 7, 1),)),))
    timeline = read(write_session(session, tmp_path / "x.otio", "otio"))
    begin = timeline["global_start_time"]
    assert Fraction(begin["rate"]).limit_denominator(1001) == rate.exact
    assert begin["value"] == rate.frames_per_day - 1
    ((clip, at, _, length),) = placed(timeline["tracks"]["children"][0])
    assert (at, length) == (7, 1)
    assert clip["media_references"]["DEFAULT_MEDIA"]["OTIO_SCHEMA"].startswith("MissingReference")


def test_hostile_names_and_paths(tmp_path):
    import soundfile

    path = tmp_path / "a#b?c%20 '\"`ö.wav"
    soundfile.write(path, np.zeros(10, np.int16), 48_000)
    items = tuple(Item(name, path, 0, 10) for name in ("\0\x1b", '"}', "\ud800", "n" * 70_000))
    timeline = read(write_session(Session("X", None, 0, 48_000, (Track("\n", items),)), tmp_path / "x.otio", "otio"))
    clips = [clip for track in timeline["tracks"]["children"] for clip, *_ in placed(track)]
    assert [clip["name"] for clip in clips] == ["", '"}', "", "n" * 255]
    url = clips[0]["media_references"]["DEFAULT_MEDIA"]["target_url"]
    assert unquote(url) == path.name
    assert not set(url) & set("#?\"'` ")
