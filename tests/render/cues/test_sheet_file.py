"""A sheet is opened once, however many parts of Pisada look into it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.sheet_file import SheetFile, open_sheet
from tests.soak.readers import _sheets

COUNT = """
import json, os, sys
from pathlib import Path

import msgspec

from plugin_backend.errors import PisadaError
from render.plan.resolve import read_sheet
from render.project.project import Project

opened = []


def note_opened(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(note_opened)
counts = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    for fps in (None, "24"):
        try:
            sheet = read_sheet(path, Project(show="T", fps=fps, start="01:00:00:00", bank=sys.argv[2]))
            cues = len(sheet.cues)
        except PisadaError as problem:
            cues = str(problem)
        counts[f"{path.name} at {fps}"] = opened.count(str(path)), cues
        opened.clear()
print(json.dumps(counts))
"""


@pytest.fixture(scope="module")
def sheets(tmp_path_factory) -> Path:
    """A folder with a small sheet of every format."""
    folder = tmp_path_factory.mktemp("sheets")
    for name, data in _sheets(tmp_path_factory.mktemp("work")).items():
        (folder / name).write_bytes(data)
    return folder


def test_every_format_is_opened_once(sheets, impulse_bank):
    command = [sys.executable, "-c", COUNT, str(sheets), str(impulse_bank)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert {name: opens for name, (opens, _) in counts.items() if opens != 1} == {}
    assert {Path(name.split()[0]).suffix for name in counts} >= {".csv", ".mid", ".xlsx", ".aaf", ".otio", ".edl"}
    read = {name.split()[0] for name, (_, cues) in counts.items() if isinstance(cues, int) and cues > 0}
    print(counts)
    assert read >= {"s.csv", "out.xlsx"}


def test_bytes_are_the_files_whatever_was_read_before(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)))
    with open_sheet(path) as sheet:
        assert sheet.bytes(4) == bytes(range(4))
        sheet.file.seek(99)  # as a reader of a large file does
        assert [sheet.bytes(2), sheet.bytes(300), sheet.bytes()] == [b"\0\1", bytes(range(256)), bytes(range(256))]
        with open_sheet(sheet) as again:
            assert again is sheet
        assert not sheet.file.closed
    assert sheet.file.closed and isinstance(sheet, SheetFile)


def test_a_folder_is_refused_with_its_name(tmp_path):
    with pytest.raises(CueSheetError, match="a folder or a device") as caught, open_sheet(tmp_path):
        pass
    assert caught.value.file == tmp_path
