"""Cue sheets written and read back: the cues are the same."""

import csv
import dataclasses
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, OutputError
from render.cues import Cue, CueSheet, read_cues
from render.cues.write import WRITERS, write_cues
from render.project.timecode import RATES, Clock, frames_of

NTSC = Clock(48_000, RATES["29.97df"], frames_of("00:59:50;00", RATES["29.97df"]))
SHEET = '''id,start,end,duration,stem,preset,gain_db,pan,velocity,pitch_semitones,source,seed,note,gate,Scene,Colour
a,01:00:00;02,01:00:01;02,,FEET,step-wood,-6.5,.3,0.1,+2,in/a b.wav,9223372036854775807,"heel, ""toe""",,12A,red
b,48001smp,,7smp,FEET,step-wood,,,,,,,,yes,,
c,01:00:00;02,,,PROPS,,0,0,1,0,/abs/ü.wav,0,,no,é,
"c,3",00:59:50;00,,00:01:00;02,PROPS,x,,,,,../q.wav,,,,,
'''
COLUMNS = "id,start,end,duration,stem,preset,gain_db,pan,velocity,pitch_semitones,seed,source,gate,note,Scene,Colour"


@pytest.fixture
def sheet(tmp_path) -> CueSheet:
    (tmp_path / "in.csv").write_text(SHEET, encoding="utf-8")
    return read_cues(tmp_path / "in.csv", NTSC)


def cues_in(sheet: CueSheet) -> list[Cue]:
    """The cues without their rows, by start and id."""
    return sorted((dataclasses.replace(cue, row=0) for cue in sheet.cues), key=lambda cue: (cue.start_samples, cue.id))


def test_timecodes_stay_timecodes_and_other_positions_are_samples(sheet, tmp_path):
    write_cues(sheet, tmp_path / "out.csv", NTSC)
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            COLUMNS.split(","),
            ["c,3", "00:59:50;00", "01:00:50;00", "", "PROPS", "x", "", "", "", "", "", str(tmp_path.parent / "q.wav"),
             "", "", "", ""],
            ["b", "48001smp", "", "7smp", "FEET", "step-wood", "", "", "", "", "", "", "yes", "", "", ""],
            ["a", "01:00:00;02", "01:00:01;02", "", "FEET", "step-wood", "-6.5", "0.3", "0.1", "2",
             "9223372036854775807", "in/a b.wav", "", 'heel, "toe"', "12A", "red"],
            ["c", "01:00:00;02", "", "", "PROPS", "", "", "", "", "", "0", "/abs/ü.wav", "", "", "é", ""],
        ]  # fmt: skip


@pytest.mark.parametrize("suffix", WRITERS)
def test_csv_to_each_format_and_back_is_exact(sheet, tmp_path, suffix):
    write_cues(sheet, tmp_path / "plain.csv", NTSC)
    write_cues(sheet, tmp_path / f"out{suffix}", NTSC)
    back = read_cues(tmp_path / f"out{suffix}", NTSC)
    assert cues_in(back) == cues_in(sheet)
    write_cues(back, tmp_path / "back.csv", NTSC)
    assert (tmp_path / "back.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_a_sheet_without_a_rate_is_in_samples(tmp_path):
    sheet = CueSheet(tmp_path / "x", [Cue("a", 7, "A", "p", 48_000), Cue("b", 48_000, "A", "p")], [], [])
    write_cues(sheet, tmp_path / "out.csv", Clock())
    text = "id,start,duration,stem,preset\r\na,7smp,48000smp,A,p\r\nb,48000smp,,A,p\r\n"
    assert (tmp_path / "out.csv").read_bytes().decode() == text


def test_positions_past_midnight_are_the_next_days_timecodes(tmp_path):
    clock = Clock(48_000, RATES["25"], frames_of("23:59:59:00", RATES["25"]))
    sheet = CueSheet(tmp_path / "x", [Cue("a", 24_000, "A", "p", 48_000), Cue("b", 48_000, "A", "p")], [], [])
    write_cues(sheet, tmp_path / "out.csv", clock)
    text = "id,start,duration,stem,preset\r\na,24000smp,48000smp,A,p\r\nb,00:00:00:00,,A,p\r\n"
    assert (tmp_path / "out.csv").read_bytes().decode() == text
    assert cues_in(read_cues(tmp_path / "out.csv", clock)) == cues_in(sheet)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "＝1"]


def test_formulas_are_text(tmp_path):
    cues = [Cue(text, at, "A", "p", note=text, extra={"=x": text}) for at, text in enumerate(FORMULAS)]
    sheet = CueSheet(tmp_path / "x", cues, ["=x"], [])
    write_cues(sheet, tmp_path / "out.xlsx", Clock())
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}
    write_cues(sheet, tmp_path / "out.csv", Clock())
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [cell[0] for line in lines for cell in next(csv.reader([line])) if cell and cell[0] in "=+-@＝"] == []
    for name in ("out.xlsx", "out.csv"):
        assert cues_in(read_cues(tmp_path / name, Clock())) == cues_in(sheet)


def test_writing_the_same_sheet_twice_gives_the_same_cells(sheet, tmp_path):
    members = []
    for name in ("1.xlsx", "2.xlsx"):
        write_cues(sheet, tmp_path / name, NTSC)
        members.append(zipfile.ZipFile(tmp_path / name).read("xl/worksheets/sheet1.xml"))
    assert members[0] == members[1]


KEPT = {"\t", "\r", "\n"}
letters = st.characters(codec="utf-8").filter(lambda letter: letter in KEPT or not (letter < " " or letter == "\x7f"))
free = st.text(st.sampled_from("\r\n\t_x0D,;\"'=é\ufffe\u2028 ") | letters, max_size=12).map(str.strip)
named = st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])
names = st.text(named, max_size=12).map(str.strip).filter(bool)
cues = st.builds(
    Cue,
    id=names,
    start_samples=st.integers(0, 10**9),
    stem=names,
    preset=names,
    duration_samples=st.none() | st.integers(1, 10**9),
    gain_db=st.floats(-120, 24),
    pan=st.floats(-1, 1),
    velocity=st.floats(0, 1),
    pitch_semitones=st.floats(-48, 48),
    source=st.none() | st.just(Path("/a/b.wav")),
    seed=st.none() | st.integers(0, 2**63 - 1),
    note=free,
    gate=st.booleans(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cues=st.lists(cues, min_size=1, max_size=4, unique_by=lambda cue: cue.id),
    rate=st.sampled_from([*RATES.values(), None]),
)
def test_any_cues_survive_csv_and_xlsx(tmp_path, cues, rate):
    clock = Clock(48_000, rate, rate.nominal if rate else 0)
    sheet = CueSheet(tmp_path / "x", cues, [], [])
    for name in ("out.csv", "out.xlsx"):
        write_cues(sheet, tmp_path / name, clock)
        assert cues_in(read_cues(tmp_path / name, clock)) == cues_in(sheet)


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": {"Pan": "x"}}, "a column cannot be called 'Pan' beside the others"),
        ({"extra": {"Scene": "x", "scene": "y"}}, "a column cannot be called 'Scene'"),
        ({"extra": {"a\nb": "x"}}, r"a column cannot be called 'a\\nb'"),
        ({"extra": {"": "x"}}, "a column cannot be called ''"),
        ({"extra": {f"c{n}": "x" for n in range(253)}}, "257 columns; a sheet has at most 256"),
        ({"note": "x" * 200_000}, "row 2, column 'note': 200000 characters; a cell has at most"),
        ({"duration_samples": 48_000 * 3600 * 25}, "more than 24 hours"),
    ],
)
def test_what_a_sheet_cannot_hold_is_refused_and_nothing_is_left(tmp_path, name, change, message):
    cue = dataclasses.replace(Cue("a", 7, "A", "p"), **change)
    with pytest.raises(CueSheetError, match=message):
        write_cues(CueSheet(tmp_path / "x", [cue], [], []), tmp_path / name, Clock())
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_and_a_missing_folder(sheet, tmp_path):
    with pytest.raises(OutputError, match="cues can be written to .csv, .xlsx, .otio, .rpp, .aaf"):
        write_cues(sheet, tmp_path / "out.edl", NTSC)
    for suffix in WRITERS:
        with pytest.raises(OutputError):
            write_cues(sheet, tmp_path / "none" / f"out{suffix}", NTSC)
