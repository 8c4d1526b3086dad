"""CSV → session of empty clips → cues: every cue comes back as it was, at its sample."""

import dataclasses
import json

import pytest
import rppxml

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues import read_cues
from render.cues.cue import Cue, CueSheet
from render.cues.writers.session import NOMINAL_SAMPLES, cue_columns, write_session_cues
from render.project.timecode import RATES, Clock

FORMATS = ("otio", "rpp", "aaf")
SHEET = """\
id,start,stem,preset,duration,end,gain_db,pan,velocity,pitch_semitones,seed,source,note,gate,Reel Note,empty
one,01:00:00:00,FEET,step-wood,,,,,,,,,,,,
two,01:00:00:01,FEET,step,00:00:02:11,,-12.34567890123456,-0.1,0.3333333333333,-1e-7,899999999,,"a ""b"" `c` 'd'",,x;y,
three,01:00:00:01,PROPS,,,01:00:03:01,,,,,0,sounds/glass 1.wav,> <TRACK |,,,
four,48048001smp,PROPS,prop-wood,1smp,,24,1,0,48,,,"two
lines",yes,\\u0041 {json} ö 名 🎬,
five,02:00:00.5,CLOTH,cloth,,,-120,,,,,../up.wav,,yes,,
"""


def without_row(cues: list[Cue]) -> list[Cue]:
    return sorted((dataclasses.replace(cue, row=0) for cue in cues), key=lambda cue: (cue.start_samples, cue.id))


@pytest.fixture
def clock() -> Clock:
    return Clock(48_000, RATES["23.976"], 86_400)


@pytest.fixture
def sheet(tmp_path, clock) -> CueSheet:
    text = SHEET.replace("02:00:00.5", "3600.5").replace("48048001smp", "480481smp")
    (tmp_path / "cues.csv").write_text(text, encoding="utf-8")
    return read_cues(tmp_path / "cues.csv", clock)


@pytest.mark.parametrize("format", FORMATS)
def test_every_cue_comes_back(format, sheet, clock, tmp_path):
    path = write_session_cues(sheet, tmp_path / f"cues.{format}", clock)
    again = read_cues(path, clock)
    assert without_row(again.cues) == without_row(sheet.cues)
    assert sorted(again.unknown_columns) == sorted(sheet.unknown_columns)
    assert read_cues(path, Clock()).clock == clock  # what the file itself says


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", RATES)
def test_every_rate_is_exact(format, name, tmp_path):
    clock = Clock(48_000, RATES[name], RATES[name].frames_per_day // 3)
    starts = [0, 1, 1601, 1602, 48_000, 1_234_567, 172_799_827]
    cues = [Cue(f"c{start}", start, "FEET", "step", 1 + start % 2_000) for start in starts]
    path = write_session_cues(CueSheet(tmp_path / "x", cues, [], []), tmp_path / f"x.{format}", clock)
    again = read_cues(path, clock)
    assert [(cue.id, cue.start_samples, cue.duration_samples) for cue in again.cues] == [
        (cue.id, cue.start_samples, cue.duration_samples) for cue in cues
    ]


def test_clips_lie_on_tracks_named_by_stem_and_show_a_length(sheet, clock, tmp_path):
    timeline = json.loads(write_session_cues(sheet, tmp_path / "x.otio", clock).read_text(encoding="utf-8"))
    tracks = {track["name"]: track["children"] for track in timeline["tracks"]["children"]}
    assert list(tracks) == ["FEET", "FEET 2", "PROPS", "CLOTH"]
    (one,) = tracks["FEET"]
    assert one["source_range"]["duration"]["value"] == NOMINAL_SAMPLES
    assert one["metadata"]["pisada"] == {
        "id": "one",
        "stem": "FEET",
        "preset": "step-wood",
        "duration": "",
        "Reel Note": "",
        "empty": "",
    }
    assert [child["source_range"]["duration"]["value"] for child in tracks["FEET 2"]] == [2_002, 59 * 2_002]


def test_a_readers_own_parser_sees_the_notes(sheet, clock, tmp_path):
    project = rppxml.loads(write_session_cues(sheet, tmp_path / "x.rpp", clock).read_text())
    notes = [
        line[0]
        for track in project.children
        if isinstance(track, rppxml.RPPXML)
        for item in track.children
        if isinstance(item, rppxml.RPPXML)
        for part in item.children
        if isinstance(part, rppxml.RPPXML) and part.name == "NOTES"
        for line in part.children
    ]
    told = {columns["id"]: columns for columns in (json.loads(note.removeprefix("pisada: ")) for note in notes)}
    assert told == {cue.id: cue_columns(cue, tmp_path, clock) for cue in sheet.cues}


def test_another_suffix_and_a_text_too_long_for_an_aaf_are_refused(clock, tmp_path):
    sheet = CueSheet(tmp_path / "x", [Cue("a", 0, "FEET", "step", note="n" * 40_000)], [], [])
    with pytest.raises(ProjectError, match=r"as .rpp, .aaf, .otio"):
        write_session_cues(sheet, tmp_path / "x.ptx", clock)
    with pytest.raises(CueSheetError, match="'a': its columns hold more text than an AAF keeps"):
        write_session_cues(sheet, tmp_path / "x.aaf", clock)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["otio", "rpp"])
def test_a_long_text_comes_back_and_one_that_would_not_is_refused(format, clock, tmp_path):
    cues = [Cue("a", 0, "FEET", "step", note="n" * 131_000), Cue("b", 9, "FEET", "step", note="ö" * 131_000)]
    path = write_session_cues(CueSheet(tmp_path / "x", cues, [], []), tmp_path / f"x.{format}", clock)
    assert without_row(read_cues(path, clock).cues) == cues
    cue = Cue("c", 0, "FEET", "step", row=7, extra={f"c{n}": "n" * 131_000 for n in range(9)})
    with pytest.raises(CueSheetError, match="row 7: more text than a session keeps"):
        write_session_cues(CueSheet(tmp_path / "x", [cue], [], []), tmp_path / f"y.{format}", clock)
    assert not (tmp_path / f"y.{format}").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_a_sheet_without_a_frame_rate_gets_none(format, tmp_path):
    cues = [Cue("a", 1, "FEET", "step"), Cue("b", 48_000, "FEET", "step")]
    path = write_session_cues(CueSheet(tmp_path / "x", cues, [], []), tmp_path / f"x.{format}", Clock())
    again = read_cues(path, Clock())
    assert (without_row(again.cues), again.clock) == (cues, Clock())


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_thousands_of_cues_come_back(format, clock, tmp_path):
    count = 2_000 if format == "aaf" else 5_000  # an AAF takes ten times as long
    cues = [
        Cue(f"c{n}", n * 69_120, "FEET" if n % 3 else "PROPS", "step", n % 7 or None, note="n") for n in range(count)
    ]
    path = write_session_cues(CueSheet(tmp_path / "x", cues, [], []), tmp_path / f"x.{format}", clock)
    assert without_row(read_cues(path, clock).cues) == without_row(cues)
