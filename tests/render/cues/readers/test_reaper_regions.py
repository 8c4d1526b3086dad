"""REAPER's region/marker CSV: exact positions in every ruler unit, and the errors of bad files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES
from render.cues.readers.reaper_regions import is_reaper_regions, read_reaper_regions
from render.cues.timeline import TimelineItem
from render.project.timecode import RATES, Clock, frames_of
from tests.render.whole_file import check_whole

FILM = Clock(48_000, RATES["24"], 86_400)
DROP = Clock(48_000, RATES["29.97df"], frames_of("01:00:00;00", RATES["29.97df"]))
HEAD = "#,Name,Start,End,Length\n"


@pytest.fixture
def read(tmp_path):
    def read(text: str, clock: Clock = FILM):
        path = tmp_path / "regions.csv"
        path.write_bytes(text.encode())
        assert is_reaper_regions(path.read_bytes()[:4096])
        return read_reaper_regions(path, clock)

    return read


def test_markers_and_regions_in_timecode(read):
    text = "#,Name,Start,End,Length,Color\nR1,walk,1:00:01:00,1:00:02:12,0:00:01:12,FF0000\n"
    timeline = read(text + 'M2,"slam, big",01:00:05:10,,,\n\n3,old,01:00:00:00,,,\n')
    assert timeline.items == [
        TimelineItem("region", "walk", "", 48_000, 72_000, 2, extra={"number": "1", "color": "FF0000"}),
        TimelineItem("marker", "slam, big", "", 260_000, None, 3, extra={"number": "2"}),
        TimelineItem("marker", "old", "", 0, None, 5, extra={"number": "3"}),
    ]
    assert (timeline.format, timeline.clock, timeline.remarks) == ("REAPER regions", FILM, [])


@pytest.mark.parametrize(
    ("text", "clock", "samples"),
    [
        ("12.345678", Clock(), 592_593),
        ("1:02.500", Clock(), 3_000_000),
        ("1:01:02.500", Clock(), 175_800_000),
        ("-1.5", Clock(), -72_000),
        ("3601.000", FILM, 48_000),
        ("48001", Clock(), 48_001),
        ("01:10:00;00", DROP, 28_800_000 - 29),  # 17,982 frames of 1601.6 samples, from a start that was rounded
    ],
)
def test_every_ruler_unit(read, text, clock, samples):
    assert read(f"{HEAD}M1,a,{text},,\n", clock).items[0].start_samples == samples


def test_assumptions_are_remarked(read):
    assert read(HEAD + "M1,a,48001,,\nM2,b,5,,\n", Clock()).remarks == [
        "lines 2, 3: whole numbers were read as samples at the programme's sample rate"
    ]
    timeline = read(HEAD + "M1,a,01:10:00:00,,\n", DROP)
    assert timeline.items == read(HEAD + "M1,a,01:10:00;00,,\n", DROP).items
    assert timeline.remarks == ["line 2: a drop-frame programme: labels written with colons were read as drop-frame"]
    assert read(HEAD + "R1,a,1.0,1.0,0.0\n", Clock()).remarks == ["line 2: regions without length: no duration"]


BAD = {
    "measures": (HEAD + "R1,a,144.2.00,144.3.00,0.1.00\n", FILM, ["row 2", "'Start'", "measures and beats", "ruler"]),
    "whole seconds": (HEAD + "M1,a,00:01:00,,\n", FILM, ["row 2", "'Start'", "whole seconds"]),
    "no rate": (HEAD + "M1,a,01:00:01:00,,\n", Clock(), ["row 2", "needs a frame rate"]),
    "another rate": (HEAD + "M1,a,01:00:01:24,,\n", FILM, ["row 2", "frame 24 does not exist at 24 fps"]),
    "dropped label": (HEAD + "M1,a,01:01:00:00,,\n", DROP, ["row 2", "drop-frame skips it"]),
    "semicolons in a film": (HEAD + "M1,a,01:00:01;00,,\n", FILM, ["row 2", "drop-frame timecode"]),
    "no time": (HEAD + "M1,a,,,\n", FILM, ["row 2", "'Start'", "'' is not a time"]),
    "backwards": (HEAD + "R1,a,2.0,1.0,\n", Clock(), ["row 2", "'End'", "before the start"]),
    "neither": (HEAD + "X1,a,2.0,,\n", FILM, ["row 2", "'#'", "neither a marker (M1) nor a region (R1)"]),
    "too few fields": (HEAD + "M1,a\n", FILM, ["row 2", "2 fields, but the header has 5"]),
    "too many fields": (HEAD + "M1,a,1.0,,,,x\n", FILM, ["row 2", "7 fields, but the header has 5"]),
    "quotes": (HEAD + 'M1,"a"b,1.0,,\n', FILM, ["row 2", "check the quotes"]),
    "gigantic": (HEAD + "M1,a,999999999.0,,\n", FILM, ["row 2", "more than 24 hours"]),
    "more gigantic": (HEAD + f"M1,a,{'9' * 5000},,\n", FILM, ["row 2", "is not a time"]),
    "field over csv's limit": (HEAD + f"M1,{'a' * 200_000},1.0,,\n", FILM, ["row 2", "not readable as CSV"]),
}


@pytest.mark.parametrize(("text", "clock", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, clock, fragments):
    with pytest.raises(CueSheetError) as caught:
        check_whole(read(text, clock), tmp_path / "regions.csv")
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert (caught.value.file, "\n" in str(caught.value)) == (tmp_path / "regions.csv", False)


GOOD = HEAD + 'R1,walk,1:00:01:00,1:00:02:12,0:00:01:12\nM2,"slam, big",01:00:05:10,,\nM3,x,12.5,,\n'


@settings(deadline=None)
@given(
    place=st.integers(len(HEAD), len(GOOD)),
    patch=st.one_of(st.text(max_size=12), st.sampled_from([",", "\n", '"', "../..", "9" * 40, "\0"])),
    cut=st.integers(0, 60),
    clock=st.sampled_from([FILM, DROP, Clock()]),
)
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut, clock):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    text = GOOD[:place] + patch + GOOD[place + len(patch) :]
    path.write_bytes(text[: len(text) - cut].encode("utf-8", "replace"))
    try:
        for item in read_reaper_regions(path, clock).items:
            assert not NOT_IN_LINES.search(item.name) and isinstance(item.start_samples, int)
    except CueSheetError as error:
        assert error.file == path
        assert "\n" not in str(error)
