"""Sheets saved by spreadsheet programs in other countries; all errors of a sheet are reported at once."""

import datetime

import mido
import openpyxl
import pytest
from click.testing import CliRunner

from plugin_backend.errors import CueSheetError
from plugin_backend.similar_names import did_you_mean
from render.batch.jobs.read import read_jobs
from render.cues.read import read_cues
from render.project.timecode import RATES, Clock
from studio.cli import pisada

FILM = Clock(48_000, RATES["24"], 86_400)
HEAD = "id,start,stem,preset\n"


@pytest.fixture
def read(tmp_path):
    def read(data: str | bytes, clock: Clock = FILM):
        (tmp_path / "cues.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_cues(tmp_path / "cues.csv", clock)

    return read


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments])


GERMAN = "id;start;duration;stem;preset;gain_db;pan;note\nF1;12,5;0,25;FEET;step-wood;-3,5;,5;Füße, naß\n"


@pytest.mark.parametrize(
    ("encoding", "remarks"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("cp1252", ["its text is not UTF-8: read as Windows-1252 (ANSI)"]),
        ("utf-16", []),
        ("utf-16-le", []),
        ("utf-16-be", []),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_excel_in_germany(read, encoding, remarks, line_end):
    """Semicolons, decimal commas, and the encodings of "CSV", "CSV UTF-8" and "Unicode Text"."""
    sheet = read(GERMAN.replace("\n", line_end).encode(encoding))
    (cue,) = sheet.cues
    assert (cue.start_samples, cue.duration_samples) == (600_000, 12_000)
    assert (cue.gain_db, cue.pan, cue.note) == (-3.5, 0.5, "Füße, naß")
    columns = ("start", "duration", "gain_db", "pan")
    assert sheet.remarks == [
        *remarks,
        *(f"decimal commas read as points in column {name!r}: row 2" for name in columns),
    ]


def test_unicode_text_with_tabs(read):
    assert read(GERMAN.replace(";", "\t").encode("utf-16")).cues[0].note == "Füße, naß"


def test_decimal_commas_in_a_sheet_of_commas_want_quotes(read):
    assert read(HEAD + 'a,"12,5",A,p\n').cues[0].start_samples == 600_000
    with pytest.raises(CueSheetError, match="5 fields, but the header has 4: put quotes"):
        read(HEAD + "a,12,5,A,p\n")


def test_excels_line_that_names_the_separator(read):
    sheet = read("sep=|\nid|start|stem|preset\na|1.0|A|p\n")
    assert [(cue.id, cue.row) for cue in sheet.cues] == [("a", 3)]
    assert read('"sep=;"\r\nid;start;stem;preset\r\nb;2,5;A;p\r\n').cues[0].start_samples == 120_000


def test_files_that_are_no_text_are_still_refused(read):
    for data, message in (
        (HEAD.encode() + b"caf\x81,1.0,A,p\n", r"row 2: byte 24 \(0x81\) is not UTF-8 nor Windows-1252"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le") + b"\0\xd8", "is not UTF-16"),
        (HEAD.encode("utf-16") + "a\x07".encode("utf-16-le"), r"row 2: character 23 is a control character \(0x07\)"),
    ):
        with pytest.raises(CueSheetError, match=message):
            read(data)


DATES = ["10. Dez", "12-Oct", "Oct-12", "1. Mai", "03. Jun", "5-août", "Mrz 10", "12.10.2025", "2025-10-12", "10/12/25"]
DATES += ["10.12.", "12.10.2025 01:00:10", "01:00:10", "1:00:10 AM", "1:00"]


@pytest.mark.parametrize("text", DATES)
@pytest.mark.parametrize("column", ["start", "duration", "gain_db", "offset"])
def test_dates_made_by_a_spreadsheet_are_refused(read, text, column):
    cells = {"id": "a", "start": "1.0", "stem": "A", "preset": "p"} | {column: text}
    with pytest.raises(CueSheetError) as caught:
        read(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    assert f"row 2, column '{column}': {text!r} is a date or a time of day" in str(caught.value)
    assert "format the column as text, then type it again" in str(caught.value)


def test_all_dates_in_a_workbook_are_reported(tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["id", "start", "stem", "preset", "gain_db"],
        ["a", datetime.time(1, 0, 10), "A", "p", None],
        ["b", "01:00:00:00", "A", "p", datetime.datetime(2025, 6, 3)],
        ["c", "01:00:00:12", "A", "p", "-3,5"],
    ):
        book.active.append(row)
    book.save(tmp_path / "cues.xlsx")
    with pytest.raises(CueSheetError) as caught:
        read_cues(tmp_path / "cues.xlsx", FILM)
    assert [(p.row, p.field) for p in (caught.value, *caught.value.others)] == [(2, "start"), (3, "gain_db")]


BAD = (
    "id,start,stem,preset,gain_db,pan,gate\n"
    "a,01:00:00:24,FEET,Step-Gravel,loud,0.5,\n"
    "a,01:00:01:00,FEET,step-wood,,,\n"
    "a,01:00:02:00,FEET,STEP-GRAVEL,,,\n"
    ",soon,,step-wood,,9,perhaps\n"
    "e,01:00:04:00,F/EET,step_gravel,,,\n"
    "f,01:00:05:00,FEET,step-wood,,,,,extra\n"
)


def test_all_errors_are_reported_at_once_with_row_and_column(tmp_path):
    (tmp_path / "cues.csv").write_text(BAD)
    problem = run("render", tmp_path / "cues.csv", "--fps", "24", "--start-tc", "01:00:00:00", "--dry-run").exception
    assert [(each.row, each.field) for each in (problem, *problem.others)] == [
        (2, "start"), (2, "gain_db"), (2, "preset"), (3, "id"), (4, "id"), (4, "preset"), (5, "start"), (5, "id"),
        (5, "stem"), (5, "pan"), (5, "gate"), (6, "stem"), (6, "preset"), (7, None),
    ]  # fmt: skip
    assert str(problem).endswith("(and 13 more)")
    assert "\n" not in str(problem)
    lines = run_as_a_program(tmp_path / "cues.csv")
    assert lines[0].startswith(f"pisada: {tmp_path / 'cues.csv'}, row 2, column 'start': '01:00:00:24': frame 24")
    assert len(lines) == 14


def run_as_a_program(path) -> list[str]:
    import subprocess
    import sys

    command = [sys.executable, "-m", "studio", "render", str(path), "--dry-run", "--fps", "24"]
    command += ["--start-tc", "01:00:00:00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stderr.splitlines()


def test_unknown_names_are_reported_with_a_suggestion(tmp_path):
    rows = ["Step-Gravel", "STEP-GRAVEL", "step_gravel", "step-gravle", "xyzzy"]
    (tmp_path / "cues.csv").write_text(HEAD + "".join(f"c{n},{n}.0,FEET,{name}\n" for n, name in enumerate(rows)))
    problem = run("render", tmp_path / "cues.csv", "--dry-run").exception
    lines = problem.lines
    assert [(each.row, each.field) for each in (problem, *problem.others)] == [(row, "preset") for row in range(2, 7)]
    assert all("; did you mean 'step-gravel'" in line for line in lines[:4])
    assert "did you mean" not in lines[4]
    checked = run("cues", "check", tmp_path / "cues.csv")
    assert "no preset 'STEP-GRAVEL' in the bank; did you mean 'step-gravel'" in checked.stdout


def test_unknown_stems_and_columns_get_a_suggestion(tmp_path, read):
    (tmp_path / "show.toml").write_text('[[stems]]\nname = "FEET"\n')
    (tmp_path / "cues.csv").write_text(HEAD + "a,1.0,Fee,step-wood\n")
    problem = run("render", tmp_path / "cues.csv", "--dry-run", "--project", tmp_path / "show.toml").exception
    assert str(problem).endswith("column 'stem': no stem 'Fee' in the project; it has FEET; did you mean 'FEET'?")
    with pytest.raises(CueSheetError, match="no column 'preset'; .*; did you mean 'presets'"):
        read("id,start,stem,presets\na,1.0,A,p\n")


@pytest.mark.parametrize("command", [("render", "--dry-run"), ("cues", "check")])
def test_names_in_rows_with_other_errors_are_checked_too(tmp_path, command):
    rows = "a,soon,FEET,step-gravle\nb,1.0,a b,step-wood\nc,x,c d,mine.preset.safetensors\n,2.0,,\nd,3.0,FEET,xyzzy\n"
    (tmp_path / "cues.csv").write_text(HEAD + rows)
    name, *options = command
    problem = run(name, *options, tmp_path / "cues.csv").exception
    assert [(each.row, each.field) for each in (problem, *problem.others)] == [
        (2, "start"), (2, "preset"), (3, "stem"), (4, "start"), (4, "stem"), (4, "preset"),
        (5, "id"), (5, "stem"), (5, "preset"), (6, "preset"),
    ]  # fmt: skip
    assert "did you mean 'step-gravel'" in problem.lines[1]
    (tmp_path / "show.toml").write_text('[[stems]]\nname = "HANDS"\n')
    problem = run(name, *options, tmp_path / "cues.csv", "--project", tmp_path / "show.toml").exception
    rows_of_stems = [each.row for each in (problem, *problem.others) if each.field == "stem"]
    assert rows_of_stems == [2, 3, 4, 5, 6][: 4 if name == "cues" else 5]  # the check lists a stem once


def test_at_most_fifty_errors_are_listed(tmp_path):
    (tmp_path / "cues.csv").write_text(HEAD + "".join(f"c{n},soon,FEET,step-wood\n" for n in range(60)))
    problem = run("render", tmp_path / "cues.csv", "--dry-run").exception
    assert len(problem.lines) == 51
    assert problem.lines[-1] == "and 10 more problems, not listed here"


def test_near_names():
    names = ["step-gravel", "step-grass", "wood-creak"]
    assert did_you_mean("Wood Creak", names) == "; did you mean 'wood-creak'?"
    assert did_you_mean("STEP_GRAVEL", names) == "; did you mean 'step-gravel'?"
    assert did_you_mean("step-gra", names) == "; did you mean 'step-grass' or 'step-gravel'?"
    assert did_you_mean("qqq", names) == did_you_mean("", names) == ""


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Feet Anna", "Feet-Anna"),
        ("Füße", "Fusse"),
        ("Øvre ært", "Ovre-aert"),
        ("FEET", "FEET"),
        ("", "CH1"),
        ("靴", "CH1"),
    ],
)
def test_midi_tracks_are_cleaned_as_sessions_are(tmp_path, name, stem):
    file, track = mido.MidiFile(charset="utf-8"), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name=name))
    track += [mido.Message("note_on", note=60, time=480), mido.Message("note_off", note=60, time=240)]
    file.save(tmp_path / "steps.mid")
    from render.project.project import MidiMapping

    sheet = read_cues(tmp_path / "steps.mid", Clock(), MidiMapping(programs={0: "p"}))
    assert [cue.stem for cue in sheet.cues] == [stem]
    message = f"the stem of the track {name!r} is called {stem!r}"
    assert (message in sheet.remarks) is (bool(name) and name != stem)


def test_two_tracks_that_differ_in_capitals_are_one_stem(tmp_path):
    file = mido.MidiFile()
    for name in ("Feet", "FEET"):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name), mido.Message("note_on", note=60, time=48)])
        file.tracks.append(track)
    file.save(tmp_path / "steps.mid")
    from render.project.project import MidiMapping

    sheet = read_cues(tmp_path / "steps.mid", Clock(), MidiMapping(programs={0: "p"}))
    assert [(cue.id, cue.stem) for cue in sheet.cues] == [("Feet-0001", "Feet"), ("Feet-0002", "Feet")]


def test_tables_of_jobs_are_read_alike(tmp_path):
    """Semicolons, ANSI and decimal commas; ``start_tc`` is ``start``."""
    table = "name;cues;fps;start_tc;tail_s;note\nr1;reel.csv;24;01:00:00:00;2,5;Füße\n"
    (tmp_path / "jobs.csv").write_bytes(table.encode("cp1252"))
    (job,) = read_jobs(tmp_path / "jobs.csv").jobs
    assert (job.fields["start"], job.fields["tail_s"], job.fields["note"]) == ("01:00:00:00", 2.5, "Füße")
