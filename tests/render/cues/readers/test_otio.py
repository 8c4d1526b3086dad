"""OpenTimelineIO: exact places, held against the library's own; and what each bad file is told."""

import functools
import json
import operator
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime, TimeRange

from plugin_backend.errors import CueSheetError
from render.cues.readers.otio import is_otio, read_otio
from render.cues.timeline import TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock

SCHEMA = otio.schema


def span(start: float, length: float, rate: float = 24) -> TimeRange:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def clip(name: str, length: float, start: float = 0, rate: float = 24, **more) -> SCHEMA.Clip:
    return SCHEMA.Clip(name, source_range=span(start, length, rate), **more)


def gap(length: float, rate: float = 24) -> SCHEMA.Gap:
    return SCHEMA.Gap(source_range=span(0, length, rate))


def timeline(*tracks, start: RationalTime | None = None) -> SCHEMA.Timeline:
    made = SCHEMA.Timeline("R1", global_start_time=start)
    made.tracks.extend(tracks)
    return made


def audio(*items, name: str = "FEET", **more) -> SCHEMA.Track:
    return SCHEMA.Track(name, items, kind="Audio", **more)


@pytest.fixture
def read(tmp_path):
    def read(made, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "reel.otio"
        if isinstance(made, bytes):
            path.write_bytes(made)
        else:
            path.write_text(made if isinstance(made, str) else made.to_json_string(), encoding="utf-8")
        assert is_otio(path.read_bytes()[:4096])
        return read_otio(path, clock)

    return read


def test_a_clip_is_a_spot(read):
    media = SCHEMA.ExternalReference("file:///a%20b/../steps.wav", span(0, 999))
    step = clip(
        "Step", 24, 5, media_reference=media, metadata={"pisada": {"gain_db": "-3", "note": " a\tb ", "seed": ""}}
    )
    step.markers.append(SCHEMA.Marker("heel", span(17, 1), comment="left"))
    found = read(timeline(audio(gap(48), step), start=RationalTime(86_400, 24)))
    own = {"pisada.gain_db": "-3", "pisada.note": " a\tb ", "pisada.seed": ""}
    assert found.spots == [
        TimelineItem("clip", "Step", "FEET", 96_000, 48_000, 1, "", Path("/a b/../steps.wav"), own),
        TimelineItem("marker", "heel", "FEET", 120_000, None, 2, "left", None, {"colour": "RED"}),
    ]
    assert (found.format, found.clock, found.remarks) == ("OTIO", Clock(48_000, RATES["24"], 86_400), [])


@pytest.mark.parametrize("stated", [23.976, 23.98, 23.976023976, 24000 / 1001])
def test_fractional_rates_are_exact_however_stated(read, stated):
    found = read(timeline(audio(gap(86_400, stated), clip("a", 1, 0, stated)), start=RationalTime(86_400, stated)))
    assert found.clock == Clock(48_000, RATES["23.976"], 86_400)
    assert (found.spots[0].start_samples, found.spots[0].duration_samples) == (172_972_800, 2_002)


def test_samples_are_exact(read):
    """Beyond a float second's reach: nothing is divided and multiplied again."""
    items = [item for n in range(1, 400) for item in (gap(n * 7919, 48_000), clip(str(n), n, 0, 48_000))]
    starts = [sum(n * 7919 + n for n in range(1, last)) + last * 7919 for last in range(1, 400)]
    found = read(timeline(audio(*items), start=RationalTime(86_400, 24)), Clock(48_000, RATES["24"], 86_401))
    assert [spot.start_samples for spot in found.spots] == [start - 2_000 for start in starts]
    assert [spot.duration_samples for spot in found.spots] == list(range(1, 400))


@pytest.mark.parametrize("name", ["29.97df", "29.97ndf", "59.94df", "59.94ndf"])
def test_drop_frame_left_open_wants_fps_or_our_own_note(read, name):
    rate = RATES[name]
    made = timeline(audio(clip("a", 1)), start=RationalTime(1_000, float(rate.exact)))
    with pytest.raises(CueSheetError, match="does not say drop-frame: give --fps"):
        read(made)
    assert read(made, Clock(48_000, rate)).clock == Clock(48_000, rate)
    made.metadata["pisada"] = {"rate": name}
    assert read(made).clock == Clock(48_000, rate, 1_000)


def test_without_a_start_zero_is_the_programmes(read):
    found = read(timeline(audio(clip("a", 24))), Clock(48_000, RATES["24"], 86_400))
    assert (found.spots[0].start_samples, found.clock.start_frames) == (0, 86_400)
    assert read(timeline(audio(clip("a", 24)))).clock == Clock(48_000, RATES["24"], 0)
    assert read(timeline(audio(clip("a", 24, 0, 48_000)))).clock == Clock()


def test_transitions_are_told_and_move_nothing(read):
    half = RationalTime(6, 24)
    found = read(timeline(audio(clip("a", 24), SCHEMA.Transition("X", "", half, half), clip("b", 24))))
    assert [(spot.start_samples, spot.extra) for spot in found.spots] == [
        (0, {"transition_out": "X 24000smp"}),
        (48_000, {"transition_in": "X 24000smp"}),
    ]


def test_picture_nesting_and_switches_are_told_apart(read):
    off = clip("off", 24)
    off.enabled = False
    inner = SCHEMA.Track("inner", [clip("x", 24), clip("y", 24)], span(12, 24), kind="Audio")
    picture = SCHEMA.Track("", [clip("v", 24)], kind="Video")
    found = read(timeline(picture, audio(off, SCHEMA.Stack("S", [inner]), name="")))
    assert [(spot.name, spot.track, spot.start_samples, spot.duration_samples, spot.extra) for spot in found.spots] == [
        ("v", "V1", 0, 48_000, {"media": "picture"}),
        ("off", "A1", 0, 48_000, {"muted": "yes"}),
        ("x", "A1", 48_000, 24_000, {"nested": "inner"}),
        ("y", "A1", 72_000, 24_000, {"nested": "inner"}),
    ]


def test_what_is_trimmed_away_or_not_used_is_remarked(read):
    inner = SCHEMA.Track("inner", [clip("x", 24), clip("y", 24)], span(24, 24), kind="Audio")
    inner[1].effects.append(SCHEMA.LinearTimeWarp(time_scalar=2))
    inner[1].markers.append(SCHEMA.Marker("late", span(99, 0)))
    assert read(timeline(audio(inner))).remarks == [
        "event 1: clip 'x' on track 'FEET' is trimmed away",
        "event 3: marker 'late' lies in a part of its item that is cut off",
        "read and not used: effects and changes of speed (event 2)",
    ]


def test_an_object_that_refers_to_another_is_not_followed(read):
    """A file could hold itself."""
    inside = '{"OTIO_SCHEMA":"SerializableObjectRef.1","id":"s"}'
    stack = f'{{"OTIO_SCHEMA":"Stack.1","OTIO_REF_ID":"s","children":[{inside}]}}'
    found = read(f'{{"OTIO_SCHEMA":"Timeline.1","tracks":{stack}}}')
    assert (found.spots, found.remarks) == ([], [])
    assert found.unreadable == [UnreadItem(1, "a SerializableObjectRef on track 'V1' is not known")]


def test_markers_longer_than_a_frame_are_regions(read):
    made = timeline(audio(gap(24)))
    made.tracks.markers.append(SCHEMA.Marker("room", span(12, 24)))
    (room,) = read(made).spots
    assert (room.kind, room.track, room.start_samples, room.duration_samples) == ("region", "", 24_000, 48_000)


def test_older_schemas_read_alike(read):
    """Clip.1 with one media reference, Sequence.1 for Track, Filler.1 for Gap."""
    made = timeline(audio(gap(24), clip("a", 24, media_reference=SCHEMA.ExternalReference("x.wav"))))
    old = json.loads(otio.core.serialize_json_to_string(made, {"Clip": 1}, 4))
    (track,) = old["tracks"]["children"]
    track["OTIO_SCHEMA"], track["children"][0]["OTIO_SCHEMA"] = "Sequence.1", "Filler.1"
    assert read(json.dumps(old)).spots == read(made).spots


def seconds(time: RationalTime) -> Fraction:
    return Fraction(time.value) / Fraction(time.rate)


LENGTHS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 500)), min_size=1, max_size=5)


@given(inner=LENGTHS, outer=LENGTHS, trim=st.integers(0, 200), rate=st.sampled_from([24, 25, 48, 50, 60, 48_000]))
def test_places_are_the_librarys_own(tmp_path_factory, inner, outer, trim, rate):
    def items(pairs, prefix):
        return [item for n, (a, b) in enumerate(pairs) for item in (gap(a, rate), clip(f"{prefix}{n}", b, 7, rate))]

    nested = audio(*items(inner, "i"), name="n", source_range=span(trim, sum(a + b for a, b in inner), rate))
    made = timeline(audio(*items(outer, "o"), nested))
    path = tmp_path_factory.getbasetemp() / "any.otio"
    path.write_text(made.to_json_string(), encoding="utf-8")
    expected = {}
    for each in made.find_clips():
        owners = [each] if each.name.startswith("o") else [each, nested]
        placed = [owner.transformed_time_range(owner.trimmed_range(), made.tracks) for owner in owners]
        begin = max(seconds(one.start_time) for one in placed)
        end = min(seconds(one.start_time) + seconds(one.duration) for one in placed)
        if begin < end:
            first, last = (int(at * 48_000 + Fraction(1, 2)) for at in (begin, end))
            expected[each.name] = (first, last - first)
    spots = read_otio(path, Clock()).spots
    assert {spot.name: (spot.start_samples, spot.duration_samples) for spot in spots} == expected


def without(made, *keys) -> str:
    document = json.loads(made.to_json_string())
    place = document
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return json.dumps(document)


ONE = timeline(audio(clip("a", 24)), start=RationalTime(0, 24))
TEXT = json.dumps(json.loads(ONE.to_json_string()), separators=(",", ":"))
STACK = '{"OTIO_SCHEMA":"Stack.1","children":['
BAD = {
    "another rate": (timeline(start=RationalTime(0, 25)).to_json_string(), ["runs at 25 fps, the project at 24"]),
    "a bare track": (audio().to_json_string(), ["holds a Track, not a timeline"]),
    "two timelines": (
        f'{{"OTIO_SCHEMA":"SerializableCollection.1","children":[{TEXT},{TEXT}]}}',
        ["holds 2 timelines: export one"],
    ),
    "no tracks": (without(ONE, "tracks"), ["has no tracks"]),
    "a key twice": (TEXT.replace('"rate"', '"value"', 1), ["a key twice"]),
    "number for children": (TEXT.replace('"children":[', '"children":7,"x":[', 1), ["children is no list"]),
    "newer schema": (TEXT.replace("Track.1", "Track.9"), ["Track.9 is newer than Track.1"]),
    "no length": (
        timeline(audio(SCHEMA.Clip("x"))).to_json_string(),
        ["clip 'x' states no length, so nothing after it can be placed"],
    ),
    "length below zero": (timeline(audio(clip("x", -1))).to_json_string(), ["a length below 0"]),
    "rate of zero": (TEXT.replace('"rate":24.0', '"rate":0'), ["a rate of 0: it must be above 0"]),
    "not a number": (TEXT.replace('"value":24.0', '"value":NaN'), ["a time's value is missing, no number"]),
    "infinity": (TEXT.replace('"value":24.0', '"value":Inf'), ["a time's value is missing, no number"]),
    "past a day": (timeline(audio(clip("x", 10**9))).to_json_string(), ["row 1", "24 hours"]),
    "start between frames": (timeline(start=RationalTime(0.5, 24)).to_json_string(), ["between two frames"]),
    "start of no frame rate": (timeline(start=RationalTime(9, 48_000)).to_json_string(), ["counted at 48000 a second"]),
    "start past a day": (timeline(start=RationalTime(2_073_600, 24)).to_json_string(), ["a day at 24 fps"]),
    "note of numbers": (
        timeline(audio(clip("x", 1, metadata={"pisada": {"gain_db": 3}}))).to_json_string(),
        ["row 1", "pisada note"],
    ),
    "too deep": ('{"OTIO_SCHEMA":"Timeline.1","tracks":' + STACK * 90 + "]}" * 90 + "}", ["nested more than 64 deep"]),
    "far too deep": ('{"OTIO_SCHEMA":' + "[" * 100_000, ["nested too deeply"]),
    "cut off": (TEXT[:-9], ["not a whole OpenTimelineIO file"]),
    "not UTF-8": (TEXT.encode().replace(b"FEET", b"F\xffET"), ["not a whole OpenTimelineIO file"]),
}


@pytest.mark.parametrize(("made", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, made, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(made, Clock(48_000, RATES["24"]))
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == tmp_path / "reel.otio"


def test_names_lose_their_control_characters(read):
    found = read(TEXT.replace('"name":"a"', r'"name":"a\u0000\n\u2028\ud83eb"'))
    assert found.spots[0].name == "a b"
    assert found.remarks == ["event 1: control characters left out of the name 'a b'"]


HALF = RationalTime(6, 24)
WHOLE = timeline(
    audio(clip("a", 24), SCHEMA.Transition("t", "", HALF, HALF), SCHEMA.Stack("s", [audio(clip("b", 9))]), gap(5)),
    start=RationalTime(0, 24),
)
WHOLE.tracks[0][0].markers.append(SCHEMA.Marker("m", span(1, 1)))


def places(value, path=()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*path, key)
        yield from places(each, (*path, key))


DOCUMENT = WHOLE.to_json_string()
PLACES = list(places(json.loads(DOCUMENT)))
WEIRD = [None, 0, -1, 1e308, 10**30, float("nan"), float("-inf"), "", "Clip.2", [], [[]], {}, True, 29.97, "\0\ud800"]
MANY = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(WEIRD)), min_size=1, max_size=3)


@given(changes=MANY, cut=st.integers(0, 3))
def test_damage_makes_no_traceback(tmp_path_factory, changes, cut):
    """Values of another kind anywhere in the document, and ends cut off."""
    document = json.loads(DOCUMENT)
    for place, value in changes:
        try:
            parent = functools.reduce(operator.getitem, place[:-1], document)
            parent[place[-1]] = value
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    text = json.dumps(document)
    path = tmp_path_factory.getbasetemp() / "any.otio"
    path.write_text(text[: len(text) // cut if cut > 1 else None], encoding="utf-8")
    try:
        assert {spot.kind for spot in read_otio(path, Clock()).spots} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path
