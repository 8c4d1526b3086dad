"""Pro Tools text exports as files: encodings, line ends, and the errors of bad ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES
from render.cues.readers.pro_tools_text import is_pro_tools_text, read_pro_tools_text
from render.project.timecode import RATES, Clock
from tests.render.cues.readers.pro_tools_exports import MARKERS, event, export, track
from tests.render.whole_file import check_whole


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "session.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert is_pro_tools_text(path.read_bytes()[:4096])
        return read_pro_tools_text(path, clock)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "mac_roman"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(read, encoding, end):
    text = export(track(event("Füße — “left”", "0", "9"), name="Pás"))
    timeline = read(text.replace("\n", end).encode(encoding))
    assert [(s.name, s.track, s.row) for s in timeline.items] == [("Füße — “left”", "Pás", 18)]
    assert timeline.remarks == ["its text is not UTF-8: read as mac_roman"] * (encoding == "mac_roman")


def test_unprintable_characters_are_removed_and_remarked(read):
    timeline = read(export(track(event("a\x07b\u2028c", "0", "9"))))
    assert (timeline.items[0].name, timeline.remarks) == ("abc", ["unprintable characters were taken out: line 18"])


GOOD = export(track(event("a", "0", "9")), markers=MARKERS + "1\t0\t0\tSamples\tm\tMarkers\tRuler\t\n")
BAD = {
    "feet": (export(track(event("a", "12+00", "13+00"))), Clock(), ["row 18", "feet and frames", "Timecode"]),
    "feet and subframes": (export(track(event("a", "12+00.50", "13+00"))), Clock(), ["row 18", "feet and frames"]),
    "whole seconds": (export(track(event("a", "4:24", "4:26"))), Clock(), ["row 18", "whole seconds", "Samples"]),
    "bars": (export(track(event("a", "1|1| 000", "2|1| 000"))), Clock(), ["row 18", "bars and beats"]),
    "no time": (export(track(event("a", "soon", "later"))), Clock(), ["row 18", "'soon' is not a time"]),
    "frame 27 at 24": (export(track(event("a", "01:00:00:27", "01:00:01:00"))), Clock(), ["row 18", "frame 27"]),
    "another rate": (GOOD, Clock(48_000, RATES["25"], 90_000), ["runs at 24 fps", "25"]),
    "drop against non-drop": (
        export(rate="29.97 Drop", start="01:00:00;00"),
        Clock(48_000, RATES["29.97ndf"]),
        ["29.97 drop-frame", "29.97ndf"],
    ),
    "unknown rate": (export(rate="30 Drop", start="01:00:00;00"), Clock(), ["row 5", "'30 Drop Frame'", "29.97df"]),
    "pulled down": (export(hz="47952.047952"), Clock(), ["row 2", "47952.047952", "pulled"]),
    "no header": (GOOD.replace("SAMPLE RATE", "SIMPLE"), Clock(), ["no 'SAMPLE RATE:'"]),
    "cut off in a row": (GOOD[: GOOD.index("Unmuted") - 1], Clock(), ["row 18", "6 columns, but the track has 7"]),
    "cut off in a marker": (GOOD[:-20], Clock(), ["row 23", "columns, but the markers have 8"]),
    "a column less": (GOOD.replace("END TIME", "FIN TIME"), Clock(), ["row 17", "no column 'END TIME'"]),
    "gigantic": (export(track(event("a", "9" * 15, "9" * 15))), Clock(), ["row 18", "more than 24 hours"]),
    "more gigantic": (export(track(event("a", "9" * 5000, "1"))), Clock(), ["row 18", "is not a time"]),
}


@pytest.mark.parametrize(("text", "clock", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, clock, fragments):
    with pytest.raises(CueSheetError) as caught:
        check_whole(read(text, clock), tmp_path / "session.txt")
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert (caught.value.file, "\n" in str(caught.value)) == (tmp_path / "session.txt", False)


def test_it_reads_what_ptulsconv_reads(read):
    """Another library's grammar finds the same clips and markers."""
    parse = pytest.importorskip("ptulsconv.docparser", reason="ptulsconv is not installed").parse_document
    text = export(
        track(event("a", "01:00:01:00", "01:00:02:00"), event("b c", "01:00:03:00", "01:00:04:00", number=2)),
        track(event("d", "01:00:05:00", "01:00:06:00"), name="Cloth", comments="[ADR] $CN=1", state="Solo "),
        markers=MARKERS + "1   \t01:00:05:00  \t240000            \tSamples  \tM\tMarkers  \tRuler  \tx\n",
    )
    theirs, ours = parse(text), read(text).items
    clips = [(clip.clip_name, track.name, clip.start_timecode) for track, clip in theirs.tracks_clips()]
    clock = Clock(48_000, RATES["24"], 86_400)
    assert [(s.name, s.track, clock.label_at(s.start_samples)) for s in ours[:3]] == clips
    assert [(s.name, s.start_samples, s.note) for s in ours[3:]] == [
        (marker.name, marker.time_reference, marker.comments) for marker in theirs.markers
    ]


@settings(deadline=None)
@given(
    place=st.integers(0, len(GOOD)),
    patch=st.one_of(st.text(max_size=12), st.sampled_from(["\t", "\n", "../..", "9" * 40, "\0", "\ud800"])),
    cut=st.integers(0, 60),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut, encoding):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    text = GOOD[:place] + patch + GOOD[place + len(patch) :]
    path.write_bytes(text[: len(text) - cut].encode(encoding, "replace"))
    try:
        for item in read_pro_tools_text(path, Clock()).items:
            assert not NOT_IN_LINES.search(item.name) and isinstance(item.start_samples, int)
    except CueSheetError as error:
        assert error.file == path
        assert "\n" not in str(error)
