"""XLSX cue sheets: the same cues as CSV, and the errors of tricky and bad files."""

import datetime
import io
import struct
import zipfile
import zlib

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues import read_cues
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["24"], 86_400)
HEAD = ["id", "start", "stem", "preset", "gain_db"]
ROW = ["a", "01:00:01:00", "FEET", "step", -6]


def workbook(**sheets: list[list]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    def read(data: bytes | list[list], clock: Clock = FILM):
        path = tmp_path / "reel.xlsx"
        path.write_bytes(data if isinstance(data, bytes) else workbook(cues=data))
        return read_cues(path, clock)

    return read


def test_the_same_cues_as_the_same_csv(read, tmp_path):
    rows = [
        ["id", " Start ", "STEM", "preset", "duration", "gain_db", "pan", "source", "seed", "note", "gate", "Scene"],
        [1, "01:00:01:00", "FEET", "step", 1.5, -6, -0.5, "in/a.wav", "9223372036854775807", "heel\ntoe", "yes", 12],
        [],
        ["F2", "01:00:00:12", "FEET", "step", "12smp", None, None, None, 7, " =1+1", None, "12A"],
        [None, "", " "],
    ]
    sheet = read(rows)
    text = "\n".join(",".join("" if cell is None else f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "reel.csv").write_text(text)
    csv = read_cues(tmp_path / "reel.csv", FILM)
    assert (sheet.format, csv.format, sheet.remarks) == ("XLSX", "CSV", [])
    assert sheet.unknown_columns == csv.unknown_columns == ["Scene"]
    assert [cue.row for cue in sheet.cues] == [4, 2]
    assert [(cue.id, cue.start_samples, cue.duration_samples, cue.note, cue.gate) for cue in sheet.cues] == [
        ("F2", 24_000, 12, "=1+1", False),
        ("1", 48_000, 72_000, "heel\ntoe", True),
    ]
    assert [repr(cue).replace("row=4", "") for cue in sheet.cues] == [  # a text of two lines moves the rows of CSV
        repr(cue).replace("row=5", "") for cue in csv.cues
    ]


def test_the_first_sheet_with_a_start_is_read_and_the_others_are_named(read):
    sheet = read(workbook(Notes=[["see", "below"]], Reel_1=[HEAD, ROW], Reel_2=[HEAD, ROW], empty=[]))
    assert [cue.id for cue in sheet.cues] == ["a"]
    assert sheet.remarks == ["the sheet 'Reel_1' was read; 'Notes', 'Reel_2' not"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("start", datetime.time(1, 0, 10), "column 'start': '01:00:10' came as a time of day, which has no frames"),
        ("start", datetime.timedelta(hours=25), "column 'start': '1 day, 1:00:00' came as a time of day"),
        ("duration", datetime.datetime(2024, 5, 1, 1), "column 'duration': '2024-05-01 01:00:00' came as"),
        ("id", datetime.datetime(2024, 5, 1), "column 'id': '2024-05-01 00:00:00' came as a date or time: format"),
    ],
)
def test_times_and_dates_are_refused_because_their_frames_are_lost(read, column, value, message):
    cells = dict(zip(HEAD, ROW, strict=True)) | {column: value}
    with pytest.raises(CueSheetError, match="row 2, ") as caught:
        read([list(cells), list(cells.values())])
    assert message in str(caught.value)
    assert "format the column as text" in str(caught.value)


def test_dates_in_unknown_columns_are_kept(read):
    (cue,) = read([[*HEAD, "Day"], [*ROW, datetime.date(2024, 5, 1)]]).cues
    assert cue.extra == {"Day": "2024-05-01 00:00:00"}


def test_a_formula_counts_by_its_value_and_one_never_calculated_is_refused(read, tmp_path):
    with pytest.raises(CueSheetError, match="row 3: E3 of the sheet 'cues' holds a formula that was never calculated"):
        read([HEAD, ROW, ["b", "1.5", "FEET", "step", "=E2*2"]])
    data = changed(workbook(cues=[HEAD, ["b", "1.5", "FEET", "step", "=1-4"]]), b"<v></v>", b"<v>-3</v>", b"<v />")
    assert read(data).cues[0].gain_db == -3.0


def changed(data: bytes, *alternatives: bytes, member: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The workbook with the first (or any later) of the byte strings in a member replaced by the second."""
    old, new, *others = alternatives
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name in archive.namelist():
            content = archive.read(name)
            if name == member:
                found = next(each for each in (old, *others) if each in content)
                content = content.replace(found, new)
            out.writestr(name, content)
    return buffer.getvalue()


def bomb(size: int, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    return changed(workbook(cues=[HEAD, ROW]), b"</sheetData>", b" " * size + b"</sheetData>", member=name)


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
GOOD = workbook(cues=[HEAD, ROW, ["b", "01:00:02:00", "PROPS", "cup", None]])
BAD = {
    "not a workbook": (lambda: archive({"a.txt": b"x"}), "a ZIP archive, but no XLSX workbook"),
    "cut off": (lambda: GOOD[:-30], "not a whole XLSX file"),
    "magic alone": (lambda: b"PK\x03\x04", "not a whole XLSX file"),
    "no header": (lambda: workbook(A=[["x"]], B=[]), "no sheet has a header with a column 'start'; it has 'A', 'B'"),
    "no preset": (lambda: workbook(A=[HEAD[:3], ROW[:3]]), "row 1: there is no column 'preset'"),
    "no cues": (lambda: workbook(A=[HEAD]), "a header and no cues"),
    "id twice": (lambda: workbook(A=[HEAD, ROW, ROW]), "row 3, column 'id': 'a' is already the id of row 2"),
    "bare number": (lambda: workbook(A=[HEAD, ["a", 12, "F", "p"]]), "column 'start': '12' could be seconds, frames"),
    "rounded seed": (lambda: workbook(A=[["seed", *HEAD], [1e18 + 0.5, *ROW]]), "column 'seed': '1e+18' is not"),
    "error cell": (lambda: workbook(A=[HEAD, ["a", "1.5", "F", "#REF!"]]), "column 'preset': the cell holds the error"),
    "field too many": (lambda: workbook(A=[HEAD, [*ROW, "x"]]), "row 2: 6 fields, but the header has 5"),
    "control": (lambda: workbook(A=[HEAD, ["a", "1.5", "F", "x_x0007_"]]), "row 2, column 'preset': the cell holds a"),
    "columns": (lambda: workbook(A=[HEAD, [*ROW, *[None] * 300, "x"]]), "row 2: more than 256 columns"),
    "rows": (
        lambda: changed(changed(GOOD, b'<row r="3"', b'<row r="1048576"'), b'r="A3"', b'r="A1048576"'),
        "more than 100000 rows",
    ),
    "row past the last": (lambda: changed(GOOD, b'<row r="3"', b'<row r="99999999999"'), "more cells than a cue sheet"),
    "wide rows": (lambda: workbook(A=[HEAD, *[[*ROW, *[None] * 16_370, "x"]] * 2]), "row 2: more than 256 columns"),
    "bomb by ratio": (lambda: bomb(8 * 2**20), "'xl/worksheets/sheet1.xml' unpacks to more than 200 times its size"),
    "bomb by size": (lambda: bomb(65 * 2**20), "bytes when unpacked; at most 64 MiB"),
    "lying about size": (lambda: lying(bomb(8 * 2**20)), "not a whole XLSX file"),
    "many files": (lambda: archive({"xl/workbook.xml": b""} | {str(n): b"" for n in range(2000)}), "2001 files in the"),
    "entities in the cells": (lambda: changed(GOOD, b"<worksheet", ENTITIES + b"<worksheet"), "sheet1.xml' defines"),
    "entities in UTF-16": (
        lambda: changed(GOOD, b"<workbook ", ENTITIES.decode().encode("utf-16"), member="xl/workbook.xml"),
        "workbook.xml' defines entities: refused",
    ),
}


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return buffer.getvalue()


def lying(data: bytes) -> bytes:
    """The archive with every size in its directory given as 1000 bytes."""
    at = data.index(b"PK\x01\x02")
    while data[at : at + 4] == b"PK\x01\x02":
        data = data[: at + 24] + struct.pack("<L", 1000) + data[at + 28 :]
        at += 46 + sum(struct.unpack("<HHH", data[at + 28 : at + 34]))
    return data


@pytest.mark.parametrize("name", BAD)
def test_bad_files(read, tmp_path, name):
    make, message = BAD[name]
    with pytest.raises(CueSheetError) as caught:
        read(make())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.file == tmp_path / "reel.xlsx"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(read):
    import tracemalloc

    for data in (bomb(65 * 2**20), lying(bomb(65 * 2**20))):
        tracemalloc.start()
        with pytest.raises(CueSheetError):
            read(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20


def test_no_more_is_unpacked_than_the_directory_states(read):
    """Who lies about a size may have the checksum of what is said: the rest is never unpacked."""
    data = bomb(65 * 2**20)
    with zipfile.ZipFile(io.BytesIO(data)) as whole, whole.open("xl/worksheets/sheet1.xml") as sheet:
        start = zlib.crc32(sheet.read(1000))
        true = struct.pack("<L", whole.getinfo("xl/worksheets/sheet1.xml").CRC)
    with pytest.raises(CueSheetError, match="not a whole XLSX file"):
        read(lying(data).replace(true, struct.pack("<L", start)))


def test_a_workbook_packed_in_another_way_is_refused(read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as whole, zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as out:
        for name in whole.namelist():
            out.writestr(name, whole.read(name))
    with pytest.raises(CueSheetError, match="is packed in a way that no workbook uses"):
        read(buffer.getvalue())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), patch=st.binary(min_size=1, max_size=6), cut=st.integers(0, 300))
def test_a_damaged_archive_raises_no_traceback(read, tmp_path, place, patch, cut):
    place %= len(GOOD)
    data = GOOD[:place] + patch + GOOD[place + len(patch) :]
    refused_or_read(read, tmp_path, data[: len(data) - cut * (cut % 3 == 0)])


with zipfile.ZipFile(io.BytesIO(GOOD)) as whole:
    CONTENT = {name: whole.read(name) for name in whole.namelist()}
READ = ("workbook.xml", "styles.xml", "sheet1.xml", "sharedStrings.xml", ".rels", "[Content_Types].xml")
MEMBERS = [name for name in CONTENT if name.endswith(READ)]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    member=st.sampled_from(MEMBERS),
    place=st.integers(0, 5_000),
    patch=st.one_of(
        st.binary(max_size=6), st.sampled_from([b"<c/>", b'"', b"NaN", b"-1", b"99999999999", b"<f>", b""])
    ),
    gone=st.integers(0, 30),
)
def test_damaged_xml_raises_no_traceback(read, tmp_path, member, place, patch, gone):
    content = CONTENT[member]
    place %= len(content)
    mutated = content[:place] + patch + content[place + gone :]
    refused_or_read(read, tmp_path, archive(CONTENT | {member: mutated}))


def refused_or_read(read, tmp_path, data: bytes) -> None:
    try:
        assert all(cue.start_samples >= 0 for cue in read(data).cues)
    except CueSheetError as error:
        assert error.file == tmp_path / "reel.xlsx"
        assert "\n" not in str(error)


def test_five_thousand_rows_are_read_quickly(read):
    rows = [[f"c{i}", f"01:{i // 1440 % 60:02d}:{i // 24 % 60:02d}:{i % 24:02d}", "A", "p", -3] for i in range(5_000)]
    data = workbook(cues=[HEAD, *rows])
    assert len(read(data).cues) == 5_000
