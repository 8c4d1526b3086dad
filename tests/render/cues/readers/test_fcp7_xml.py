"""Final Cut Pro 7 XML: exact positions, track names, stereo clips as one item, and the errors of bad files."""

from fractions import Fraction
from pathlib import Path

import pytest

from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
from render.cues.timeline import TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock
from tests.render.cues.readers.xmeml_files import AGAIN, clip, fade, link, rate, xmeml


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "reel.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert is_fcp7_xml(path.read_bytes()[:4096])
        return read_fcp7_xml(path, clock)

    return read


def test_a_clip_becomes_an_item(read):
    file = '<file id="f"><pathurl>file://localhost/C%3a/a%20b/../steps.wav</pathurl></file>'
    note = "<logginginfo><lognote>wet shoes</lognote></logginginfo><labels><label2>Iris</label2></labels>"
    timeline = read(xmeml(f'<track MZ.TrackName="FEET">{clip("Step", 50, 75, file + note)}</track>'))
    assert timeline.items == [
        TimelineItem(
            "clip", "Step", "FEET", 96_000, 48_000, 1, "wet shoes", Path("C:/a b/../steps.wav"), {"label": "Iris"}
        )
    ]
    assert (timeline.format, timeline.clock) == ("Final Cut Pro 7 XML", Clock(48_000, RATES["25"], 900_000))
    assert timeline.remarks == []


# timebase, ntsc, label, display format, the rate, its first frame
RATE_CASES = [
    (24, "TRUE", "01:00:00:00", "NDF", "23.976", 86_400),
    (24, "FALSE", "01:00:00:00", "NDF", "24", 86_400),
    (30, "TRUE", "01;00;00;00", "DF", "29.97df", 107_892),
    (30, "TRUE", "01:00:00:00", "NDF", "29.97ndf", 108_000),
    (60, "TRUE", "01:00:00;00", "DF", "59.94df", 215_784),
    (50, "FALSE", "01:00:00:00", "NDF", "50", 180_000),
]


@pytest.mark.parametrize(
    ("base", "ntsc", "label", "shape", "name", "first"), RATE_CASES, ids=[c[4] for c in RATE_CASES]
)
def test_every_rate_is_exact(read, base, ntsc, label, shape, name, first):
    timecode = f"<string>{label}</string><frame>{first}</frame><displayformat>{shape}</displayformat>"
    sheet = xmeml(f"<track>{clip('a', 1001, 1003)}</track>", base=rate(base, ntsc), timecode=timecode)
    exact = RATES[name].exact
    begin = [int(48_000 * Fraction(frames) / exact + Fraction(1, 2)) for frames in (first, first + 1001, first + 1003)]
    timeline = read(sheet)
    assert timeline.clock == Clock(48_000, RATES[name], first)
    item = timeline.items[0]
    assert (item.start_samples, item.duration_samples) == (begin[1] - begin[0], begin[2] - begin[1])
    from_midnight = read(sheet, Clock(48_000, RATES[name])).items[0]
    assert from_midnight.start_samples == begin[1]


def test_tracks_are_named_or_numbered_as_the_editor_shows_them(read):
    exploded = [f'<track currentExplodedTrackIndex="{i}">{clip("x", i, 9)}</track>' for i in (0, 1)]
    named = f"<track><name>Cloth</name>{clip('y', 3, 9)}</track><track>{clip('z', 4, 9)}</track>"
    assert [item.track for item in read(xmeml("".join(exploded) + named)).items] == ["A1", "A1", "Cloth", "A3"]


def test_linked_channels_are_one_clip(read):
    links = link("v", "video") + link("l") + link("r")
    tracks = "".join(f"<track><name>{i}</name>{clip('a', 5, 9, links, identity=i)}</track>" for i in "lr")
    timeline = read(xmeml(tracks, f"<track>{clip('a', 5, 9, links, identity='v')}</track>"))
    assert [(item.track, item.extra) for item in timeline.items] == [
        ("V1", {"media": "picture"}),
        ("l", {"channels": "2", "linked": "r"}),
    ]


def test_linked_channels_of_different_length_stay_apart(read):
    links = link("l") + link("r")
    tracks = (
        f"<track>{clip('a', 5, 9, links, identity='l')}</track><track>{clip('a', 5, 8, links, identity='r')}</track>"
    )
    assert [item.duration_samples for item in read(xmeml(tracks)).items] == [7_680, 5_760]


@pytest.mark.parametrize(("alignment", "cut"), [("center", 60), ("start-black", 50), ("end-black", 70)])
def test_transitions_meet_at_their_cut(read, alignment, cut):
    marker = "<marker><name>m</name><in>22</in><out>-1</out></marker>"
    track = clip("a", 40, -1) + fade(50, 70, alignment) + clip("b", -1, 90, marker, first=2)
    first, second, *rest = read(xmeml(f"<track>{track}</track>")).items
    assert (first.start_samples, first.duration_samples) == (40 * 1920, (cut - 40) * 1920)
    assert (second.start_samples, second.duration_samples) == (cut * 1920, (90 - cut) * 1920)
    assert (first.extra, second.extra) == (
        {"transition_out": "Cross Fade 38400smp"},
        {"transition_in": "Cross Fade 38400smp"},
    )
    assert [item.start_samples for item in rest] == [70 * 1920]  # 20 frames of media after the fade's beginning


def test_items_without_a_position_are_remarked(read):
    track = clip("a", -1, 9) + fade(5, 3, "center") + clip("b", 4, 4)
    timeline = read(xmeml(f"<track>{track}</track>", more="<marker><name>m</name></marker>"))
    assert timeline.items == []
    assert timeline.unreadable == [
        UnreadItem(1, "clip 'a' on track 'A1' has no start or no end"),
        UnreadItem(4, "marker 'm' has no place"),
    ]
    assert timeline.remarks == [
        "event 2: a transition on track 'A1' beside no clip, or without a length",
        "event 3: clip 'b' has no length, not read",
    ]


def test_disabled_items_are_marked_as_muted(read):
    off = "<enabled>FALSE</enabled>"
    timeline = read(
        xmeml(f"<track>{clip('a', 0, 1, off)}{clip('b', 1, 2)}</track><track>{off}{clip('c', 0, 1)}</track>")
    )
    assert [item.extra for item in timeline.items] == [{"muted": "yes"}, {}, {"muted": "yes"}]


def test_markers_of_the_sequence_and_of_clips(read):
    inside = "<marker><name>in</name><in>30</in><out>-1</out></marker><marker><name>out</name><in>5</in></marker>"
    long = "<marker><name>room</name><comment>tail</comment><in>8</in><out>20</out></marker>"
    timeline = read(xmeml(f"<track>{clip('a', 100, 150, rate(50) + inside, first=10)}</track>", more=long))
    assert timeline.items[1:] == [
        TimelineItem("marker", "in", "A1", 100 * 1920 + 20 * 960, None, 2),
        TimelineItem("region", "room", "", 8 * 1920, 12 * 1920, 4, "tail"),
    ]
    assert timeline.remarks == ["event 3: marker 'out' lies in a part of its clip that is cut off"]


def test_nested_sequences_are_one_clip_each(read):
    media = f"<media><audio><track>{clip('x', 0, 9)}</track></audio></media>"
    inner = f'<sequence id="n"><name>Inner</name>{rate(25)}{media}</sequence>'
    timeline = read(xmeml(f"<track>{clip('N', 0, 25, inner)}{clip('N', 25, 50, AGAIN)}</track>"))
    assert [(item.name, item.extra) for item in timeline.items] == [("N", {"nested": "Inner"})] * 2
    assert timeline.remarks == ["read and not used: the clips inside nested sequences (event 1, 2)"]


def test_control_characters_leave_names(read):
    timeline = read(xmeml(f"<track>{clip('a&#x85;&#10;b', 0, 1)}</track>"))
    assert (timeline.items[0].name, timeline.remarks) == (
        "a b",
        ["event 1: control characters left out of the name 'a b'"],
    )


def test_utf_16_with_its_mark_is_read(read):
    text = xmeml(f"<track>{clip('Füße', 0, 1)}</track>").replace("UTF-8", "UTF-16")
    assert read(text.encode("utf-16")).items[0].name == "Füße"
