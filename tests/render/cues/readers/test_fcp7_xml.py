"""Final Cut Pro 7 XML: exact places, names of tracks, stereo clips as one, and what each bad file is told."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues.read import read_cues
from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
from render.cues.timeline import TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock

AGAIN = '<sequence id="n"/>'


def rate(timebase: int, ntsc: str = "FALSE") -> str:
    return f"<rate><timebase>{timebase}</timebase><ntsc>{ntsc}</ntsc></rate>"


def clip(name: str, start: int, end: int, more: str = "", first: int = 0, identity: str = "") -> str:
    places = f"<start>{start}</start><end>{end}</end><in>{first}</in><out>{first + 99}</out>"
    return f'<clipitem id="{identity}"><name>{name}</name>{places}{more}</clipitem>'


def link(identity: str, kind: str = "audio") -> str:
    return f"<link><linkclipref>{identity}</linkclipref><mediatype>{kind}</mediatype></link>"


def fade(start: int, end: int, alignment: str) -> str:
    places = f"<start>{start}</start><end>{end}</end><alignment>{alignment}</alignment>"
    return f"<transitionitem>{places}<effect><name>Cross Fade</name></effect></transitionitem>"


def xmeml(audio: str = "", video: str = "", base: str = rate(25), timecode: str | None = None, more: str = "") -> str:
    """A file of one sequence that starts at 10:00:00:00, 25 frames a second, unless told otherwise."""
    if timecode is None:
        timecode = "<string>10:00:00:00</string><frame>900000</frame><displayformat>NDF</displayformat>"
    timecode = f"<timecode>{base}{timecode}</timecode>" if timecode else ""
    media = f"<media><video>{video}</video><audio>{audio}</audio></media>"
    sequence = f'<sequence id="s"><name>R1</name>{base}{media}{timecode}{more}</sequence>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n<xmeml version="4">{sequence}</xmeml>'


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "reel.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert is_fcp7_xml(path.read_bytes()[:4096])
        return read_fcp7_xml(path, clock)

    return read


def test_a_clip_is_a_spot(read):
    file = '<file id="f"><pathurl>file://localhost/C%3a/a%20b/../steps.wav</pathurl></file>'
    note = "<logginginfo><lognote>wet shoes</lognote></logginginfo><labels><label2>Iris</label2></labels>"
    timeline = read(xmeml(f'<track MZ.TrackName="FEET">{clip("Step", 50, 75, file + note)}</track>'))
    assert timeline.spots == [
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
    spot = timeline.spots[0]
    assert (spot.start_samples, spot.duration_samples) == (begin[1] - begin[0], begin[2] - begin[1])
    from_midnight = read(sheet, Clock(48_000, RATES[name])).spots[0]
    assert from_midnight.start_samples == begin[1]


def test_tracks_are_named_or_numbered_as_the_editor_shows_them(read):
    exploded = [f'<track currentExplodedTrackIndex="{i}">{clip("x", i, 9)}</track>' for i in (0, 1)]
    named = f"<track><name>Cloth</name>{clip('y', 3, 9)}</track><track>{clip('z', 4, 9)}</track>"
    assert [spot.track for spot in read(xmeml("".join(exploded) + named)).spots] == ["A1", "A1", "Cloth", "A3"]


def test_linked_channels_are_one_clip(read):
    links = link("v", "video") + link("l") + link("r")
    tracks = "".join(f"<track><name>{i}</name>{clip('a', 5, 9, links, identity=i)}</track>" for i in "lr")
    timeline = read(xmeml(tracks, f"<track>{clip('a', 5, 9, links, identity='v')}</track>"))
    assert [(spot.track, spot.extra) for spot in timeline.spots] == [
        ("V1", {"media": "picture"}),
        ("l", {"channels": "2", "linked": "r"}),
    ]


def test_linked_channels_of_different_length_stay_apart(read):
    links = link("l") + link("r")
    tracks = (
        f"<track>{clip('a', 5, 9, links, identity='l')}</track><track>{clip('a', 5, 8, links, identity='r')}</track>"
    )
    assert [spot.duration_samples for spot in read(xmeml(tracks)).spots] == [7_680, 5_760]


@pytest.mark.parametrize(("alignment", "cut"), [("center", 60), ("start-black", 50), ("end-black", 70)])
def test_transitions_meet_at_their_cut(read, alignment, cut):
    marker = "<marker><name>m</name><in>22</in><out>-1</out></marker>"
    track = clip("a", 40, -1) + fade(50, 70, alignment) + clip("b", -1, 90, marker, first=2)
    first, second, *rest = read(xmeml(f"<track>{track}</track>")).spots
    assert (first.start_samples, first.duration_samples) == (40 * 1920, (cut - 40) * 1920)
    assert (second.start_samples, second.duration_samples) == (cut * 1920, (90 - cut) * 1920)
    assert (first.extra, second.extra) == (
        {"transition_out": "Cross Fade 38400smp"},
        {"transition_in": "Cross Fade 38400smp"},
    )
    assert [spot.start_samples for spot in rest] == [70 * 1920]  # 20 frames of media after the fade's beginning


def test_what_has_no_place_is_remarked(read):
    track = clip("a", -1, 9) + fade(5, 3, "center") + clip("b", 4, 4)
    timeline = read(xmeml(f"<track>{track}</track>", more="<marker><name>m</name></marker>"))
    assert timeline.spots == []
    assert timeline.unreadable == [
        UnreadItem(1, "clip 'a' on track 'A1' has no start or no end"),
        UnreadItem(4, "marker 'm' has no place"),
    ]
    assert timeline.remarks == [
        "event 2: a transition on track 'A1' beside no clip, or without a length",
        "event 3: clip 'b' has no length, not read",
    ]


def test_what_is_switched_off_is_told_apart(read):
    off = "<enabled>FALSE</enabled>"
    timeline = read(
        xmeml(f"<track>{clip('a', 0, 1, off)}{clip('b', 1, 2)}</track><track>{off}{clip('c', 0, 1)}</track>")
    )
    assert [spot.extra for spot in timeline.spots] == [{"muted": "yes"}, {}, {"muted": "yes"}]


def test_markers_of_the_sequence_and_of_clips(read):
    inside = "<marker><name>in</name><in>30</in><out>-1</out></marker><marker><name>out</name><in>5</in></marker>"
    long = "<marker><name>room</name><comment>tail</comment><in>8</in><out>20</out></marker>"
    timeline = read(xmeml(f"<track>{clip('a', 100, 150, rate(50) + inside, first=10)}</track>", more=long))
    assert timeline.spots[1:] == [
        TimelineItem("marker", "in", "A1", 100 * 1920 + 20 * 960, None, 2),
        TimelineItem("region", "room", "", 8 * 1920, 12 * 1920, 4, "tail"),
    ]
    assert timeline.remarks == ["event 3: marker 'out' lies in a part of its clip that is cut off"]


def test_nested_sequences_are_one_clip_each(read):
    media = f"<media><audio><track>{clip('x', 0, 9)}</track></audio></media>"
    inner = f'<sequence id="n"><name>Inner</name>{rate(25)}{media}</sequence>'
    timeline = read(xmeml(f"<track>{clip('N', 0, 25, inner)}{clip('N', 25, 50, AGAIN)}</track>"))
    assert [(spot.name, spot.extra) for spot in timeline.spots] == [("N", {"nested": "Inner"})] * 2
    assert timeline.remarks == ["read and not used: the clips inside nested sequences (event 1, 2)"]


def test_control_characters_leave_names(read):
    timeline = read(xmeml(f"<track>{clip('a&#x85;&#10;b', 0, 1)}</track>"))
    assert (timeline.spots[0].name, timeline.remarks) == (
        "a b",
        ["event 1: control characters left out of the name 'a b'"],
    )


def test_utf_16_with_its_mark_is_read(read):
    text = xmeml(f"<track>{clip('Füße', 0, 1)}</track>").replace("UTF-8", "UTF-16")
    assert read(text.encode("utf-16")).spots[0].name == "Füße"


ONE = f"<track>{clip('a', 0, 9)}</track>"
BOMB = '<!DOCTYPE xmeml [<!ENTITY a "aaaa">' + "".join(
    f'<!ENTITY {b} "&{a};&{a};&{a};&{a};&{a};&{a};&{a};&{a};">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    "another rate": (xmeml(ONE), ["runs at 25 fps, the project at 24", "--fps"]),
    "drop-frame": (
        xmeml(ONE, base=rate(30, "TRUE"), timecode="<string>01;00;00;00</string>"),
        ["29.97 drop-frame fps, the project at 24"],
    ),
    "no sequence": ("<xmeml><project/></xmeml>", ["holds no sequence"]),
    "label and frame differ": (
        xmeml(ONE, base=rate(24), timecode="<string>01:00:00:00</string><frame>86399</frame>"),
        ["starts at 01:00:00:00, and at frame 86399", "24 fps"],
    ),
    "illegal label": (xmeml(ONE, base=rate(24), timecode="<string>01:00:00:24</string>"), ["frame 24 does not exist"]),
    "past a day": (xmeml(ONE, base=rate(24), timecode="<frame>2073600</frame>"), ["a day at 24 fps has no such frame"]),
    "clip past a day": (
        xmeml(f"<track>{clip('a', 5, 99_999_999)}</track>", base=rate(24), timecode=""),
        ["row 1", "24 hours"],
    ),
    "ends first": (xmeml(f"<track>{clip('a', 9, 5)}</track>", base=rate(24), timecode=""), ["ends before it begins"]),
    "no rate": (xmeml(ONE, base=rate(0)), ["rate of 'R1'", "not above 0"]),
    "negative rate": (xmeml(ONE, base=rate(-24)), ["rate of 'R1'"]),
    "bomb": (BOMB + "]><xmeml>&i;</xmeml>", ["entities"]),
    "outside file": ('<!DOCTYPE xmeml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xmeml>&x;</xmeml>', ["outside files"]),
    "a long tag": (f"<xmeml a='{'x' * 2**19}'></xmeml>", ["a tag or a text of more than 256 KiB"]),
    "attributes": ("<xmeml>" + "<a b='' c=''/>" * 1_000_001 + "</xmeml>", ["more than 2000000 attributes"]),
    "too deep": ("<xmeml>" + "<bin>" * 300 + "</bin>" * 300 + "</xmeml>", ["nested more than 256 deep"]),
    "cut off": (xmeml(ONE)[:-20], ["not well-formed XML"]),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?><xmeml/>', ["not well-formed XML"]),
}


@pytest.mark.parametrize(("text", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(text, Clock(48_000, RATES["24"]))
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == tmp_path / "reel.xml"


def test_two_sequences_are_refused_by_name(read):
    whole = xmeml(ONE)
    sequence = whole[whole.index("<sequence") : whole.index("</xmeml>")]
    with pytest.raises(CueSheetError, match="holds 2 sequences \\('R1', 'R2'\\): export one"):
        read(whole.replace("</xmeml>", sequence.replace("R1", "R2") + "</xmeml>"))


def test_drop_frame_left_open_wants_fps(read):
    text = xmeml(ONE, base=rate(30, "TRUE"), timecode="<frame>0</frame>")
    with pytest.raises(CueSheetError, match="29.97 fps and does not say drop-frame: give --fps 29.97df or 29.97ndf"):
        read(text)
    assert read(text, Clock(48_000, RATES["29.97df"])).clock.rate == RATES["29.97df"]


FRAMES = {
    "marked DF, is not": ("01;00;00;00", 108_000, "DF", "29.97ndf"),
    "marked NDF, is": ("01:00:00:00", 107_892, "NDF", "29.97df"),
    "only the label says DF": ("01;00;00;00", 108_000, "", "29.97ndf"),
    "marked DF at 59.94": ("01;00;00;00", 216_000, "DF", "59.94ndf"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_count_of_the_first_frame_is_believed_over_its_label(read, tmp_path, name):
    """Premiere marks sequences of 29.97 non-drop as drop-frame, and the reverse."""
    label, frame, shape, true = FRAMES[name]
    timecode = f"<string>{label}</string><frame>{frame}</frame><displayformat>{shape}</displayformat>"
    text = xmeml(ONE, base=rate(RATES[true].nominal, "TRUE"), timecode=timecode)
    timeline = read(text)
    assert timeline.clock == Clock(48_000, RATES[true], frame)
    assert f"but its first frame, {frame}, is {label} at {true} fps: the frame is believed" in timeline.remarks[0]
    other = true.replace("ndf", "df") if "ndf" in true else true.replace("df", "ndf")
    for asked in (true, other):
        sheet = read_cues(tmp_path / "reel.xml", Clock(48_000, RATES[asked]), presets=["a"])
        assert sheet.clock == Clock(48_000, RATES[asked], frame)
        assert sheet.cues[0].start_samples == 0
        assert any("read at" in remark for remark in sheet.remarks) is (asked == other)


def test_drop_frame_that_is_not_asked_for_is_told_where_frames_are_counted(read):
    timecode = "<string>01;00;00;00</string><frame>107892</frame><displayformat>DF</displayformat>"
    text = xmeml(ONE, base=rate(30, "TRUE"), timecode=timecode)
    timeline = read(text, Clock(48_000, RATES["29.97ndf"], 107_892))
    assert timeline.spots[0].start_samples == 0
    assert timeline.remarks == [
        "it says 29.97 drop-frame, but its counts of frames are exact either way: read at 29.97ndf fps, as asked"
    ]


def test_other_files_are_not_ours():
    assert [is_fcp7_xml(head) for head in (b"", b"<fcpxml>", b"<xmemls>", b"xmeml", b"<?xml?><!-- <xmeml> --><a>")] == [
        False
    ] * 5
    assert is_fcp7_xml(b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><!DOCTYPE xmeml>\r\n<xmeml\nversion='5'>")


WEIRD = st.sampled_from(
    ["", "-1", "0", "1e9", "999999999999999", "-999999999999999", "&#x7f;", "<rate/>", "<sequence/>", "TRUE"]
)
MARKS = "<marker><name>m</name><in>3</in><out>9</out></marker>"
LINKED = clip("a", 0, -1, link("l") + link("r") + MARKS, identity="l")
WHOLE = xmeml(
    f"<track>{LINKED}{fade(5, 9, 'center')}{clip('b', -1, 20)}</track>",
    f"<track>{clip('n', 3, 4, rate(25) + AGAIN)}</track>",
    more=MARKS,
)


@given(place=st.integers(0, len(WHOLE)), length=st.integers(0, 40), patch=WEIRD, cut=st.integers(0, 3))
def test_damage_makes_no_traceback(tmp_path_factory, place, length, patch, cut):
    path = tmp_path_factory.getbasetemp() / "any.xml"
    text = WHOLE[:place] + patch + WHOLE[place + length :]
    path.write_text(text[: len(text) // cut if cut > 1 else None], encoding="utf-8")
    try:
        assert {spot.kind for spot in read_fcp7_xml(path, Clock()).spots} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path
