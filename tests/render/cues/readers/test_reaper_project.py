"""REAPER projects: exact positions from decimal seconds, start and rate, and the errors of bad projects."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES
from render.cues.readers.reaper_project import is_reaper_project, read_reaper_project
from render.cues.timeline import TimelineItem
from render.project.timecode import RATES, Clock, frames_of, samples_at
from tests.render.whole_file import check_whole

FILM = Clock(48_000, RATES["24"], 86_400)


def item(position: str, length: str = "0.5", *lines: str, name: str = "heel", file: str = "in/heel.wav") -> str:
    source = f'<SOURCE WAVE\nFILE "{file}"\n>\n' if file else ""
    return f'<ITEM\nPOSITION {position}\nLENGTH {length}\nNAME "{name}"\nMUTE 0 0\n{source}{chr(10).join(lines)}\n>\n'


def notes(*lines: str) -> str:
    return "\n".join(["<NOTES", *(f"  |{line}" for line in lines), ">"])


def track(*items: str, name: str = "FEET", muted: int = 0) -> str:
    return f'<TRACK {{A}}\nNAME "{name}"\nMUTESOLO {muted} 0 0\n{"".join(items)}>\n'


def project(*content: str, start: str = "0", rate: str | None = "24 0") -> str:
    mode = f"TIMEMODE 1 5 -1 {rate} 0 -1\n" if rate else "TIMEMODE 1 0 -1\n"
    return f'<REAPER_PROJECT 0.1 "7.0/x64" 1\nPROJOFFS {start} 0 0\n{mode}{"".join(content)}>\n'


@pytest.fixture
def read(tmp_path):
    def read(text: str, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "reel.rpp"
        path.write_bytes(text.encode())
        assert is_reaper_project(path.read_bytes()[:4096])
        return read_reaper_project(path, clock)

    return read


def test_a_media_item_becomes_an_item(read):
    own = notes('pisada: {"gain_db": "-3", "stem": "FEET"}', "hard floor")
    timeline = read(project(track(item("1.5", "0.25", own))))
    assert timeline.items == [
        TimelineItem(
            "clip", "heel", "FEET", 72_000, 12_000, 7, "hard floor", Path("in/heel.wav"),
            {"pisada.gain_db": "-3", "pisada.stem": "FEET"},
        )
    ]  # fmt: skip
    assert (timeline.format, timeline.clock, timeline.remarks) == ("REAPER project", Clock(48_000, RATES["24"]), [])


@settings(deadline=None)
@given(samples=st.integers(0, 24 * 3600 * 96_000), rate=st.sampled_from([44_100, 48_000, 96_000]))
def test_decimals_return_to_their_sample(tmp_path_factory, samples, rate):
    """REAPER writes 14 decimals."""
    samples %= 23 * 3600 * rate
    path = tmp_path_factory.getbasetemp() / "exact.rpp"
    whole, rest = divmod(samples, rate)
    path.write_text(project(track(item(f"{whole}.{round(Fraction(rest * 10**14, rate)):014d}", "1"))))
    assert read_reaper_project(path, Clock(rate)).items[0].start_samples == samples


def test_a_half_sample_goes_up_and_is_never_a_float(read):
    """0.5/48000 s, and one that binary cannot hold just below half of a sample."""
    texts = ["0.00001041666666666666666667", "0.00001041666666666666666666", "3600.00003125"]
    items = read(project(track(*(item(text) for text in texts)))).items
    assert [clip.start_samples for clip in items] == [1, 0, 172_800_002]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("24 0", "24"), ("24 2", "23.976"), ("25 0", "25"), ("30 1", "29.97df"), ("30 2", "29.97ndf"), ("30 0", "30"),
        ("48 0", "48"), ("50 0", "50"), ("60 2", "59.94ndf"), ("60 1", "59.94df"), ("48 2", "47.952"), ("60 0", "60"),
    ],
)  # fmt: skip
def test_rate_and_start_come_from_the_project(read, text, name):
    rate = RATES[name]
    first = frames_of(f"01:00:00{':;'[rate.drop]}00", rate)
    start = f"{float(first / rate.exact):.14f}"
    content = track(item("0"), item("0.0000208333333333333"))
    timeline = read(project(content, start=start, rate=text))
    assert timeline.clock == Clock(48_000, rate, first)
    assert [clip.start_samples for clip in timeline.items] == [0, 1]
    earlier = read(project(content, start=start, rate=text), Clock(48_000, rate, first - 48))
    shift = samples_at(first, rate, 48_000) - samples_at(first - 48, rate, 48_000)
    assert [clip.start_samples for clip in earlier.items] == [shift, shift + 1]


def test_reapers_default_rate_does_not_contradict_fps(read):
    timeline = read(project(track(item("2")), start="3600", rate="30 0"), FILM)
    assert (timeline.clock, timeline.items[0].start_samples) == (FILM, 96_000)
    assert timeline.remarks == ["line 3: REAPER's default of 30 fps is not used: the project counts seconds"]


def test_other_rates_are_no_rates_of_film(read):
    timeline = read(project(track(item("2")), rate="75 0"), FILM)
    assert timeline.remarks == ["line 3: not a frame rate of film, so not used: 75 (kind 0)"]


def test_a_start_inside_a_frame_is_remarked(read):
    timeline = read(project(track(item("0")), start="3600.01"), FILM)
    assert timeline.items[0].start_samples == 480
    assert timeline.remarks == ["line 2: the project's start, 3600.01 s, lies inside a frame"]


def test_markers_and_regions(read):
    lines = 'MARKER 1 2 "door slam" 0 0 1 R {A} 0\nMARKER 1 4 walk 1 0 1 R {B} 0 1\nMARKER 2 5 "" 8\nMARKER 1 6 "" 1\n'
    timeline = read(project(lines + "MARKER 9 7 open 1\n"))
    assert [(s.kind, s.name, s.start_samples, s.duration_samples, s.row, s.extra) for s in timeline.items] == [
        ("marker", "door slam", 96_000, None, 4, {"number": "1"}),
        ("region", "walk", 192_000, 96_000, 5, {"number": "1"}),
        ("marker", "", 240_000, None, 6, {"number": "2"}),
        ("region", "open", 336_000, None, 8, {"number": "9"}),
    ]
    assert timeline.remarks == ["line 8: regions without an end: no duration"]


def test_first_takes_mutes_and_nameless_tracks(read):
    second = "TAKE SEL\nNAME other\n<SOURCE WAVE\nFILE other.wav\n>"
    nested = "<SOURCE SECTION\nLENGTH 1\n<SOURCE WAVE\nFILE `a \"b\" 'c'.wav` 1\n>\n>"
    text = item("0", "1", nested, file="", name="'it's`").replace("\"'it's`\"", "'it\"s`'").replace("MUTE 0", "MUTE 1")
    timeline = read(project(track(item("0", "1", second), name="", muted=1), track(text, name="a'b")))
    first, muted = timeline.items
    assert (first.name, first.track, first.source) == ("heel", "Track 1", Path("in/heel.wav"))
    assert first.extra == {"track_muted": "yes", "takes": "2"}
    assert (muted.name, muted.track, muted.extra) == ('it"s`', "a'b", {"muted": "yes"})
    assert muted.source == Path("a \"b\" 'c'.wav")


def test_unread_lines_are_reported(read):
    midi = item("0", "0", "<SOURCE MIDI\nE 0 90 3c 60\n>", file="", name="")
    frozen = "<FREEZE 1\n<ITEM\nPOSITION x\n>\n>\n"
    timeline = read(project(track(frozen, midi)) + "more\n")
    assert [(s.name, s.duration_samples) for s in timeline.items] == [("", None)]
    assert timeline.remarks == [
        "line 8: items of frozen tracks, as they were before: not read",
        "line 17: MIDI items: their notes are not read",
        "line 23: outside the project: not read",
        "line 12: items without length: no duration",
    ]
    assert timeline.unreadable == []


def version(seconds: int, name: str) -> str:
    return project(track(item("1", name=name))).replace('"7.0/x64" 1\n', f'"7.0/x64" {seconds}\n')


def test_of_several_versions_in_a_backup_the_newest_is_read(read):
    backup = version(1_700_000_000, "old") + version(1_700_086_400, "new") + version(1_699_000_000, "older")
    timeline = read(backup)
    assert [(s.name, s.row) for s in timeline.items] == [("new", 25)]
    assert timeline.remarks == [
        "line 19: holds 3 versions of a project; the newest is read, saved on 2023-11-15 at 22:13:20 UTC; "
        "the others are not"
    ]
    for undated in (version(5, "a") + version(5, "b"), version(0, "a") + version(0, "b")):
        with pytest.raises(CueSheetError, match="2 versions of a project that do not say which was saved last"):
            read(undated)


def test_names_are_cleaned(read):
    timeline = read(project(track(item("0", name="a\x07b\x85c\u2028d", file="../../etc/x.wav"))))
    assert (timeline.items[0].name, timeline.items[0].source) == ("abcd", Path("../../etc/x.wav"))
    assert timeline.remarks == ["unprintable characters were taken out: line 10"]


ONE = track(item("1"))
BAD = {
    "another rate": (project(ONE, rate="25 0"), FILM, ["row 3", "25 fps", "24"]),
    "a start without a rate": (project(ONE, start="3600", rate=None), Clock(), ["row 2", "no frame rate", "--fps"]),
    "position": (project(track(item("nan"))), Clock(), ["row 8", "POSITION 'nan' is not a number of seconds"]),
    "gigantic": (project(track(item("9" * 9))), Clock(), ["row 8", "more than 24 hours"]),
    "more gigantic": (project(track(item("9" * 5000))), Clock(), ["row 8", "over 4096 characters"]),
    "gigantic power": (project(track(item("1e999999999"))), Clock(), ["row 8", "not a number of seconds"]),
    "length": (project(track(item("1", "1:00"))), Clock(), ["row 9", "LENGTH '1:00'"]),
    "no position": (project(track("<ITEM\nLENGTH 1\n>\n")), Clock(), ["row 7", "no POSITION"]),
    "cut off": (project(ONE)[:-4], Clock(), ["does not end"]),
    "nested": (project("<A\n" * 100), Clock(), ["row 67", "64 deep"]),
    "marker": (project("MARKER 1 2\n"), Clock(), ["row 4", "MARKER needs"]),
    "region backwards": (project("MARKER 1 2 a 1\nMARKER 1 1 a 1\n"), Clock(), ["row 4", "ends before it starts"]),
    "quotes": (project(track(item("1")).replace('"heel"', '"heel')), Clock(), ["row 10", "quotes that do not close"]),
    "own note": (project(track(item("1", "1", notes("pisada: {]")))), Clock(), ["row 16", "JSON object of strings"]),
    "start": (project(ONE, start="one"), Clock(), ["row 2", "'one' is not a number of seconds"]),
}


@pytest.mark.parametrize(("text", "clock", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, clock, fragments):
    with pytest.raises(CueSheetError) as caught:
        check_whole(read(text, clock), tmp_path / "reel.rpp")
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert (caught.value.file, "\n" in str(caught.value)) == (tmp_path / "reel.rpp", False)


def test_five_thousand_items_are_read_quickly(read):
    own = notes('pisada: {"gain_db": "-3"}')
    text = project(track(*(item(f"{n * 1.44:.2f}", "0.5", own) for n in range(5000))))
    assert len(read(text).items) == 5000


def test_an_item_outside_every_project_is_reported(read):
    assert "an item within ITEM" in str(read(project(track(item("1", "1"))) + "\n<ITEM\n>\n").unreadable)


WALK = "MARKER 1 4 walk 1\nMARKER 1 6 walk 1\n"
GOOD = version(7, "old") + project(WALK, track(item("1", "1", notes('pisada: {"a": "b"}', "x"))))


@settings(deadline=None)
@given(
    place=st.integers(20, len(GOOD)),
    patch=st.one_of(st.text(max_size=12), st.sampled_from(["\t", "\n", "../..", "9" * 40, "<", ">", '"', "\0", " | "])),
    cut=st.integers(0, 60),
    clock=st.sampled_from([FILM, Clock()]),
)
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut, clock):
    path = tmp_path_factory.getbasetemp() / "any.rpp"
    text = GOOD[:place] + patch + GOOD[place + len(patch) :]
    path.write_bytes(text[: len(text) - cut].encode("utf-8", "replace"))
    try:
        for clip in read_reaper_project(path, clock).items:
            assert not NOT_IN_LINES.search(clip.name) and isinstance(clip.start_samples, int)
    except CueSheetError as error:
        assert error.file == path
        assert "\n" not in str(error)
