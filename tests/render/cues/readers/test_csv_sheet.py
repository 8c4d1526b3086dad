"""CSV cue sheets: exact positions, and the errors of bad sheets."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues import Cue, read_cues
from render.cues.readers.csv_sheet import read_csv
from render.project.timecode import RATES, Clock, frames_of

PLAIN = Clock(48_000)
FILM = Clock(48_000, RATES["24"], 86_400)
HEAD = "id,start,stem,preset\n"


@pytest.fixture
def read(tmp_path):
    def read(sheet: str | bytes, clock: Clock = FILM):
        path = tmp_path / "reel.csv"
        path.write_bytes(sheet if isinstance(sheet, bytes) else sheet.encode())
        return read_cues(path, clock)

    return read


def nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def test_every_column(read, tmp_path):
    sheet = read(
        "id,Start , STEM,preset,duration,gain_db,pan,velocity,pitch_semitones,source,seed,note,Scene\n"
        'F1,01:00:01:00,FEET,step,1.5,-6,-.5,0.25,+2,../in/a b.wav,9223372036854775807,"heel, toe",12A\n'
        "F2,01:00:00:12,FEET,step,,,,,,,,,\n"
    )
    assert sheet.cues == [
        Cue("F2", 24_000, "FEET", "step", row=3, extra={"Scene": ""}),
        Cue(
            "F1", 48_000, "FEET", "step", 72_000, -6.0, -0.5, 0.25, 2.0, tmp_path.resolve().parent / "in" / "a b.wav",
            2**63 - 1, "heel, toe", 2, False, {"Scene": "12A"},
        ),
    ]  # fmt: skip
    assert (sheet.path, sheet.unknown_columns, sheet.remarks) == (tmp_path / "reel.csv", ["Scene"], [])


# rate, programme's start, cue's start and end, and the three as frames from midnight
RATE_CASES = [
    ("23.976", "01:00:00:00", "01:00:03:23", "01:00:05:01", (86400, 86495, 86521)),
    ("24", "01:00:00:00", "01:00:03:23", "01:00:05:01", (86400, 86495, 86521)),
    ("25", "10:00:00:00", "10:00:03:24", "10:00:04:00", (900000, 900099, 900100)),
    ("29.97df", "00:59:58;00", "00:59:59;29", "01:00:00;01", (107832, 107891, 107893)),
    ("29.97ndf", "01:00:00:00", "01:00:03:29", "01:00:04:01", (108000, 108119, 108121)),
    ("30", "01:00:00:00", "01:00:02:17", "01:00:02:18", (108000, 108077, 108078)),
]


@pytest.mark.parametrize(("name", "first", "start", "end", "frames"), RATE_CASES, ids=[c[0] for c in RATE_CASES])
def test_timecode_lands_on_exact_samples(read, name, first, start, end, frames):
    rate = RATES[name]
    at_first, at_start, at_end = (nearest(f / rate.exact * 48_000) for f in frames)
    length = (
        f"00:00:{(frames[2] - frames[1]) // rate.nominal:02d}{start[8]}{(frames[2] - frames[1]) % rate.nominal:02d}"
    )
    clock = Clock(48_000, rate, frames_of(first, rate))
    sheet = read(f"id,start,end,duration,stem,preset\na,{start},{end},,A,p\nb,{start},,{length},A,p\n", clock)
    assert [(cue.start_samples, cue.duration_samples) for cue in sheet.cues] == [
        (at_start - at_first, at_end - at_start),
        (at_start - at_first, at_end - at_start),
    ]


@pytest.mark.parametrize(
    ("clock", "start", "end", "duration", "samples"),
    [
        (PLAIN, "12.5", "", "", (600_000, None)),
        (PLAIN, "0.0", "", ".00002", (0, 1)),  # 0.96 of a sample
        (PLAIN, "0.1", "", "12.333333333333334", (4800, 592_000)),
        (PLAIN, "48000smp", "48001 SMP", "", (48_000, 1)),
        (PLAIN, "1.0", "", "7smp", (48_000, 7)),
        (Clock(44_100), "0.5", "1.0", "", (22_050, 22_050)),
        (FILM, "1.0", "01:00:02:00", "", (48_000, 48_000)),
        (FILM, "01:00:01:00", "2.0", "", (48_000, 48_000)),
        (FILM, "7smp", "", "00:00:00:01", (7, 2000)),
        (Clock(48_000, RATES["29.97df"], 0), "0.5", "", "00:01:00;02", (24_000, 2_882_880)),
        # 29.97: frame 1 begins at 1602, frame 2 at 3203, so a frame is 1602 or 1601 samples long
        (Clock(48_000, RATES["29.97ndf"], 0), "00:00:00:01", "", "00:00:00:01", (1602, 1601)),
        (Clock(48_000, RATES["29.97ndf"], 0), "0.0", "", "00:00:00:01", (0, 1602)),
    ],
)
def test_every_time_format(read, clock, start, end, duration, samples):
    (cue,) = read(f"id,start,end,duration,stem,preset\na,{start},{end},{duration},A,p\n", clock).cues
    assert (cue.start_samples, cue.duration_samples) == samples


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_delimiters_newlines_and_byte_order_marks(read, delimiter, newline, bom):
    rows = [["preset", "id", "STEM", "start", "note"], ["p", "é", "A", "1.0", f'"a{newline}b"'], [""] * 5]
    rows += [["p", "b", "A", "0.5", ""], ["p", "c", "A", "1.0"]]
    sheet = read(bom + newline.join(delimiter.join(row) for row in rows).encode())
    assert [(cue.id, cue.row, cue.note) for cue in sheet.cues] == [
        ("b", 5, ""),
        ("é", 2, f"a{newline}b"),
        ("c", 6, ""),
    ]


def test_drop_frame_in_a_semicolon_sheet_wants_quotes(read):
    clock = Clock(48_000, RATES["29.97df"])
    sheet = "id;start;stem;preset\na;{};A;p\n"
    assert read(sheet.format('"00:01:00;02"'), clock).cues[0].start_samples == 2_882_880
    with pytest.raises(CueSheetError, match="row 2: 5 fields, but the header has 4: put quotes"):
        read(sheet.format("00:01:00;02"), clock)


def test_a_source_replaces_a_preset(read, tmp_path):
    (cue,) = read("id,start,stem,source\na,1.0,A,/sounds/x.wav\n").cues
    assert (cue.preset, cue.source) == (None, Path("/sounds/x.wav"))


def test_a_million_commas_after_the_header_are_padding_too(read):
    assert read(f"id,start,stem,preset{',' * 10**6}\na,1.0,A,p{',' * 10**6}\n").unknown_columns == []


def test_errors_quote_little_of_a_long_cell(read):
    with pytest.raises(CueSheetError, match=r"column 'start': '9{290,} … .*or samples \(48000smp\)$") as caught:
        read(row(start="9" * 100_000))
    assert len(str(caught.value)) < 800


def test_nameless_columns_at_the_end_are_spreadsheet_padding(read):
    sheet = read("id,start,stem,preset,,\na,1.0,A,p,,\n")
    assert (sheet.unknown_columns, sheet.cues[0].extra) == ([], {})


def row(**cells) -> str:
    """A sheet of one cue, with these cells changed or added."""
    cells = {"id": "a", "start": "01:00:00:00", "stem": "A", "preset": "p"} | cells
    return ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"


BAD = {
    "empty file": ("", ["the sheet is empty"]),
    "blank lines": ("\n \n,,\n", ["the sheet is empty"]),
    "only a byte-order mark": (b"\xef\xbb\xbf", ["the sheet is empty"]),
    "no rows": (HEAD, ["row 1", "a header and no cues"]),
    "no rows but blank ones": (HEAD + ",,,\n", ["a header and no cues"]),
    "no stem column": ("id,start,preset\na,1.0,p\n", ["row 1", "no column 'stem'", "id, start, preset"]),
    "no preset column": ("id,start,stem\na,1.0,A\n", ["row 1", "no column 'preset'", "id, start, stem"]),
    "not a sheet": ("hello\nworld\n", ["no column 'id'", "found are: hello"]),
    "column twice": ("id,start,stem,preset,START\na,1.0,A,p,2.0\n", ["row 1", "two columns are called 'start'"]),
    "columns": (",".join(["id,start,stem,preset", *(f"c{n}" for n in range(253))]), ["row 1", "more than 256 columns"]),
    "nameless column": ("id,,start,stem,preset\na,x,1.0,A,p\n", ["row 1", "column 2 has no name"]),
    "too many fields": (HEAD + "a,1.0,A,p,heel, toe\n", ["row 2", "6 fields", "header has 4", "quotes"]),
    "id twice": (HEAD + "a,1.0,A,p\n\na,2.0,A,p\n", ["row 4", "column 'id'", "'a' is already the id of row 2"]),
    "no id": (row(id=""), ["row 2", "column 'id'", "must be filled in"]),
    "no start": (row(start=""), ["row 2", "column 'start'", "must be filled in"]),
    "no stem": (row(stem=""), ["row 2", "column 'stem'", "must be filled in"]),
    "no preset": (row(preset=""), ["row 2", "column 'preset'", "a preset or a source"]),
    "no preset nor source": (row(preset="", source=""), ["row 2", "a preset or a source"]),
    "short row": (HEAD + "a,1.0\n", ["row 2", "column 'stem'", "must be filled in"]),
    "line break in id": (HEAD + '"a\nb",1.0,A,p\n', ["row 2", "column 'id'", "line break"]),
    "tab in stem": (HEAD + "a,1.0,A\tB,p\n", ["row 2", "column 'stem'", "control character"]),
    "NUL": (HEAD + "a,1.0,A\0,p\n", ["row 2", "control character (0x00)", "character 29"]),
    "escape in a note": (row(note="\x1b[31m"), ["row 2", "control character (0x1b)"]),
    "no encoding": (HEAD.encode() + b"caf\x81,1.0,A,p\n", ["row 2", "byte 24 (0x81)", "save it as UTF-8"]),
    "UTF-16 without rows": (HEAD.encode("utf-16"), ["row 1", "a header and no cues"]),
    "open quote": (HEAD + 'a,1.0,A,p\n"b,1.0,A,p\nc,1.0,A,p\n', ["row 3", "not readable as CSV", "quotes"]),
    "text after a quote": (HEAD + '"a"b,1.0,A,p\n', ["row 2", "not readable as CSV"]),
    "huge field": (HEAD + f"a,1.0,A,{'p' * 200_000}\n", ["row 2", "not readable as CSV", "field limit"]),
    "bare number": (row(start="12"), ["row 2", "column 'start'", "timecode (01", "point (12.5)", "samples (48000smp)"]),
    "bare duration": (row(duration="12"), ["column 'duration'", "seconds, frames or samples"]),
    "not a time": (row(start="soon"), ["column 'start'", "'soon' is not a time"]),
    "two commas": (row(start='"12,500,5"'), ["'12,500,5' is not a time", "decimal point"]),
    "exponent": (row(start="1.5e3"), ["'1.5e3' is not a time"]),
    "not a number": (row(start="nan"), ["'nan' is not a time"]),
    "thousands of digits": (row(start="9" * 5000 + ".0"), ["is not a time"]),
    "past a day": (row(start="86401.0"), ["column 'start'", "more than 24 hours"]),
    "duration past a day": (row(duration="9999999999smp"), ["column 'duration'", "more than 24 hours"]),
    "frame of another rate": (row(start="01:00:00:24"), ["column 'start'", "frame 24 does not exist", "wrong rate?"]),
    "drop-frame mark": (row(start="01:00:00;00"), ["column 'start'", "24 fps", "write 01:00:00:00"]),
    "bad end": (row(end="1:0:0:0"), ["row 2", "column 'end'", "write HH:MM:SS:FF"]),
    "before the programme": (
        row(start="00:59:59:23"),
        ["row 2", "column 'start'", "'00:59:59:23' is before the programme's start, 01:00:00:00", "--start-tc"],
    ),
    "negative seconds": (row(start="-0.5"), ["'-0.5' is before the programme's start"]),
    "end and duration": (row(end="01:00:01:00", duration="1.0"), ["row 2", "both end and duration", "keep one"]),
    "end at the start": (row(end="01:00:00:00"), ["column 'end'", "not after the start '01:00:00:00'"]),
    "end before the start": (row(start="2.0", end="1.0"), ["column 'end'", "'1.0' is not after the start '2.0'"]),
    "no duration": (row(duration="00:00:00:00"), ["column 'duration'", "not above 0"]),
    "negative duration": (row(duration="-1.0"), ["column 'duration'", "not above 0"]),
    "too loud": (row(gain_db="25"), ["row 2", "column 'gain_db'", "'25' is not a number from -120 to 24"]),
    "NaN gain": (row(gain_db="nan"), ["column 'gain_db'", "-120 to 24"]),
    "infinite pan": (row(pan="inf"), ["column 'pan'", "-1 to 1"]),
    "overflow": (row(pitch_semitones="1e999"), ["column 'pitch_semitones'", "-48 to 48"]),
    "velocity in words": (row(velocity="loud"), ["column 'velocity'", "'loud' is not a number from 0 to 1"]),
    "underscored": (row(velocity="0_1"), ["column 'velocity'", "0 to 1"]),
    "negative seed": (row(seed="-1"), ["column 'seed'", "a whole number from 0 to 9223372036854775807"]),
    "seed of 64 bits": (row(seed=str(2**63)), ["column 'seed'", "9223372036854775807"]),
    "fractional seed": (row(seed="1.0"), ["column 'seed'", "a whole number"]),
}


@pytest.mark.parametrize(("sheet", "fragments"), BAD.values(), ids=BAD)
def test_bad_sheets(read, tmp_path, sheet, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(sheet)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == tmp_path / "reel.csv"


def test_timecode_without_a_rate_asks_for_one(read):
    with pytest.raises(CueSheetError, match=r"reel.csv, row 2, column 'start': .* needs a frame rate: give --fps"):
        read(row(), PLAIN)


def test_a_missing_file_and_a_folder(tmp_path):
    for path, problem in ((tmp_path / "none.csv", "no such file"), (tmp_path, "a folder")):
        for reader in (read_cues, read_csv):
            with pytest.raises(CueSheetError, match=problem) as caught:
                reader(path, PLAIN)
            assert caught.value.file == path


@given(sheet=st.text(alphabet='aid,start;stem\tpreset:0123456789."\n\r\0', max_size=80))
def test_no_text_raises_a_traceback(tmp_path_factory, sheet):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((HEAD + sheet).encode())
    try:
        assert [cue.start_samples >= 0 for cue in read_csv(path, FILM).cues].count(False) == 0
    except CueSheetError as error:
        assert error.file == path


def test_ten_thousand_rows_are_read_in_order(read):
    rows = [f"c{i},01:{i // 1440 % 60:02d}:{i // 24 % 60:02d}:{i % 24:02d},00:00:01:00,A,p" for i in range(10_000)]
    sheet = read("id,start,duration,stem,preset\n" + "\n".join(rows))
    assert [cue.id for cue in sheet.cues] == [f"c{i}" for i in range(10_000)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_million_empty_lines_are_refused_before_they_are_read(tmp_path, end):
    (tmp_path / "long.csv").write_bytes(("id,start,stem,preset" + end * 1_000_001).encode())
    with pytest.raises(CueSheetError, match="more than 1000000 lines"):
        read_cues(tmp_path / "long.csv", Clock())
