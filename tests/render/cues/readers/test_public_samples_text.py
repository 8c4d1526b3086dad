"""Every sample of the text libraries' own test suites reads without loss (``python tests/fetch_samples.py``)."""

import io
import re
import tarfile
from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.readers.edl import is_edl, read_edl
from render.cues.readers.reaper_project import is_reaper_project, read_reaper_project
from render.project.timecode import RATES, Clock
from tests.fetch_samples import FOLDER, unpack

LABEL = r"\d\d:\d\d:\d\d[:;]\d\d"
EDL_EVENT = re.compile(rf"\d+\s.*(\s{LABEL}){{4}}\s*|\* ?LOC:\s*{LABEL}.*")
RPP_EVENT = re.compile(r"<ITEM|MARKER .*")
RATES_TRIED = ("24", "25", "30", "29.97df")


def samples(suffix: str) -> list:
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix.lower() == suffix and path.is_file())
    absent = pytest.mark.skip(reason="no .samples folder: run python tests/fetch_samples.py")
    return [pytest.param(path, id=path.name) for path in found] or [pytest.param(None, marks=absent, id="absent")]


def lines_with(path: Path, event: re.Pattern) -> list[int]:
    """The lines that a second pair of eyes takes for clips and markers."""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return [row for row, line in enumerate(lines, 1) if event.fullmatch(line.strip())]


def accounted(timeline) -> set[int]:
    """Lines that became spots, or that a remark names."""
    matches = (re.match(r"lines? ([0-9, ]+):", remark) for remark in timeline.remarks)
    return {item.row for item in timeline.items} | {
        int(row) for match in matches if match for row in match[1].split(",")
    }


@pytest.mark.parametrize("path", samples(".edl"))
def test_edls_read_without_loss(path):
    assert is_edl(path.read_bytes()[:4096])
    for name in RATES_TRIED:
        try:
            timeline = read_edl(path, Clock(48_000, RATES[name]))
            break
        except CueSheetError as error:
            assert "rate" in str(error)
    expected = lines_with(path, EDL_EVENT)
    assert expected and set(expected) <= accounted(timeline)


@pytest.mark.parametrize("path", samples(".rpp"))
def test_reaper_projects_read_without_loss(path):
    assert is_reaper_project(path.read_bytes()[:4096])
    timeline = read_reaper_project(path, Clock())
    rows = lines_with(path, RPP_EVENT)
    ends = sum(item.kind == "region" for item in timeline.items)
    assert len(set(rows) & accounted(timeline)) == len(rows) - ends


def test_only_regular_files_below_the_folder_are_unpacked(tmp_path):
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("p/tests/a.edl", "p/../../b.edl", "/c.edl", "p/d.py"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("p/e.edl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    assert unpack(archive, (".edl",), tmp_path / "out") == [tmp_path / "out" / "tests" / "a.edl"]
    assert sorted(path.name for path in tmp_path.rglob("*") if not path.is_dir()) == ["a.edl", "a.tar.gz"]
