"""Final Cut Pro 7 XML files that are refused or contradict themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues.read import read_cues
from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
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


def test_unstated_drop_frame_needs_fps(read):
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
def test_the_count_of_the_first_frame_is_used_instead_of_its_label(read, tmp_path, name):
    """Premiere marks sequences of 29.97 non-drop as drop-frame, and the reverse."""
    label, frame, shape, true = FRAMES[name]
    timecode = f"<string>{label}</string><frame>{frame}</frame><displayformat>{shape}</displayformat>"
    text = xmeml(ONE, base=rate(RATES[true].nominal, "TRUE"), timecode=timecode)
    timeline = read(text)
    assert timeline.clock == Clock(48_000, RATES[true], frame)
    assert f"but its first frame, {frame}, is {label} at {true} fps: the frame is used" in timeline.remarks[0]
    other = true.replace("ndf", "df") if "ndf" in true else true.replace("df", "ndf")
    for asked in (true, other):
        sheet = read_cues(tmp_path / "reel.xml", Clock(48_000, RATES[asked]), presets=["a"])
        assert sheet.clock == Clock(48_000, RATES[asked], frame)
        assert sheet.cues[0].start_samples == 0
        assert any("read at" in remark for remark in sheet.remarks) is (asked == other)


def test_another_drop_frame_mark_is_remarked_if_frames_are_counted(read):
    timecode = "<string>01;00;00;00</string><frame>107892</frame><displayformat>DF</displayformat>"
    text = xmeml(ONE, base=rate(30, "TRUE"), timecode=timecode)
    timeline = read(text, Clock(48_000, RATES["29.97ndf"], 107_892))
    assert timeline.items[0].start_samples == 0
    assert timeline.remarks == [
        "it says 29.97 drop-frame, but its counts of frames are exact either way: read at 29.97ndf fps, as asked"
    ]


def test_other_files_are_not_recognised():
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
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, length, patch, cut):
    path = tmp_path_factory.getbasetemp() / "any.xml"
    text = WHOLE[:place] + patch + WHOLE[place + length :]
    path.write_text(text[: len(text) // cut if cut > 1 else None], encoding="utf-8")
    try:
        assert {item.kind for item in read_fcp7_xml(path, Clock()).items} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path
