"""Every run has a version number of its own, even if several runs use the same folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugin_backend.errors import OutputError
from plugin_backend.staged_files import recover_staged_files
from render.delivery.deliver import deliver
from render.delivery.version_lock import lock_version, remove_stale_files
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.project import Project
from render.session import write_session
from render.session.from_delivery import session_from_delivery, session_path
from tests.power_cut import PowerCut

ROOT = Path(__file__).parents[3]


@pytest.fixture
def planned(write_sheet, impulse_bank):
    project = Project(show="T", bank=str(impulse_bank), model="pcm")
    sheet = write_sheet([{"id": "a", "start": "0.5", "stem": "A", "preset": "click"}])
    return make_plan(project, read_sheet(sheet, project)), project, sheet


def test_two_runs_at_once_take_two_numbers(planned, tmp_path):
    plan, project, _ = planned
    with lock_version(plan, project, tmp_path) as (one, _), lock_version(plan, project, tmp_path) as (other, _):
        assert (one, other) == (1, 2)
    assert list(tmp_path.iterdir()) == [tmp_path / "cues.csv"]


def test_a_number_that_was_finished_in_between_is_not_taken_again(planned, tmp_path, monkeypatch):
    plan, project, _ = planned
    import render.delivery.version_lock as claim

    real, asked = claim.next_version, []

    def finished_meanwhile(*arguments):
        asked.append(real(*arguments))
        (tmp_path / "T_R1_FOLEY_v001_report.json").touch()
        return asked[-1]

    monkeypatch.setattr(claim, "next_version", finished_meanwhile)
    with lock_version(plan, project, tmp_path) as (version, _):
        assert (asked[0], version) == (1, 2)


def test_only_old_leftovers_are_removed(tmp_path):
    old, new, other = (tmp_path / name for name in (".T_R1_x.wav.1.part", ".T_R1_y.wav.2.part", ".U_R1_x.wav.1.part"))
    clips = tmp_path / ".T_R1_FOLEY_v001_clips.1.part"
    clips.mkdir()
    (clips / "0001_A_a.wav").touch()
    for path, age in ((old, 2), (new, 0), (other, 2), (clips, 2)):
        path.touch()
        os.utime(path, (time.time() - age * 24 * 3600,) * 2)
    remove_stale_files(tmp_path, "T_R1")
    assert sorted(tmp_path.iterdir()) == sorted([new, other])


def test_a_running_process_keeps_its_number_whatever_the_age_of_its_lock(planned, tmp_path):
    """If the machine slept or its clock was changed, the other run takes the next number, and both stay."""
    plan, project, _ = planned
    out = tmp_path / "out"

    def another(samples):
        if not list(out.glob("*_v002_report.json")):
            for path in out.rglob("*"):
                os.utime(path, (0, 0))
            deliver(plan, project, out)

    first = deliver(plan, project, out, progress=another)
    assert first.report.name == "T_R1_FOLEY_v001_report.json"
    names = sorted(path.name for path in out.iterdir())
    assert [sum(f"_v00{version}_" in name for name in names) for version in (1, 2)] == [4, 4]
    assert len(names) == 2 * 4 + 1


def test_a_name_taken_in_the_meantime_is_not_replaced(planned, tmp_path):
    plan, project, _ = planned
    theirs = tmp_path / "out" / "T_R1_FOLEY-A_v001_48k_24b.wav"
    with pytest.raises(OutputError, match="File exists"):
        deliver(plan, project, tmp_path / "out", progress=lambda samples: theirs.write_text("theirs"))
    assert [(path, path.read_text()) for path in (tmp_path / "out").iterdir()] == [(theirs, "theirs")]


def test_after_a_power_cut_a_version_is_complete_or_missing(write_sheet, impulse_bank, tmp_path, monkeypatch):
    project = Project(show="T", bank=str(impulse_bank), model="pcm", tail_s=0.0)
    sheet = write_sheet([{"id": "a", "start": "0.0", "end": "0.02", "stem": "A", "preset": "hum"}])
    plan, out = make_plan(project, read_sheet(sheet, project)), tmp_path / "out"
    deliver(plan, project, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    cut = PowerCut(out, monkeypatch)
    with cut.recording():
        second = deliver(plan, project, out, clips=True, extra_files=sessions_beside(out))
    whole = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert len(whole) == len(before) + 6
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    latest = {before["report.json"], whole["report.json"]}
    ends = set()
    for disk in cut.disks(tmp_path / "disks"):
        there = {path.relative_to(disk).as_posix(): path.read_bytes() for path in disk.rglob("*") if path.is_file()}
        assert all(there[name] == data for name, data in before.items() if name != "report.json")
        assert there["report.json"] in latest
        if second.report.name in there:
            assert all(there[name] == data for name, data in whole.items() if name != "report.json")
        recover_staged_files(disk, "*")
        end = {path.relative_to(disk).as_posix(): path.read_bytes() for path in disk.rglob("*") if path.is_file()}
        assert end in (before, whole)
        ends.add(len(end))
    assert ends == {len(before), len(whole)}


def sessions_beside(out):
    return lambda report: [write_session(session_from_delivery(report), session_path(report, "rpp"), "rpp", home=out)]


@pytest.mark.slow
def test_three_commands_at_once_leave_three_whole_versions(planned, tmp_path, impulse_bank):
    _, _, sheet = planned
    command = [sys.executable, "-m", "studio", "render", sheet, "--bank", impulse_bank, "--model", "pcm"]
    command = [*map(str, command), "--out", str(tmp_path / "out")]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    message = {run.communicate()[0].decode() for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(message) == 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 3 * 4 + 1
    assert sum("_v001_" in name for name in names) == sum("_v003_" in name for name in names) == 4
