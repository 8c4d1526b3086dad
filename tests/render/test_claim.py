"""One version, one run, whoever else renders into the folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from render.delivery.claim import claimed_version, sweep
from render.plan import make_plan, read_sheet
from render.project import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def planned(write_sheet, impulse_bank):
    project = Project(show="T", bank=str(impulse_bank), model="pcm")
    sheet = write_sheet([{"id": "a", "start": "0.5", "stem": "A", "preset": "click"}])
    return make_plan(project, read_sheet(sheet, project)), project, sheet


def test_two_runs_at_once_take_two_numbers(planned, tmp_path):
    plan, project, _ = planned
    with claimed_version(plan, project, tmp_path) as one, claimed_version(plan, project, tmp_path) as other:
        assert (one, other) == (1, 2)
    assert list(tmp_path.iterdir()) == [tmp_path / "cues.csv"]


def test_a_number_that_was_finished_in_between_is_not_taken_again(planned, tmp_path, monkeypatch):
    plan, project, _ = planned
    import render.delivery.claim as claim

    real, asked = claim.next_version, []

    def finished_meanwhile(*arguments):
        asked.append(real(*arguments))
        (tmp_path / "T_R1_FOLEY_v001_report.json").touch()
        return asked[-1]

    monkeypatch.setattr(claim, "next_version", finished_meanwhile)
    with claimed_version(plan, project, tmp_path) as version:
        assert (asked[0], version) == (1, 2)


def test_only_what_died_long_ago_is_swept(tmp_path):
    old, new, other = (tmp_path / name for name in (".T_R1_x.wav.1.part", ".T_R1_y.wav.2.part", ".U_R1_x.wav.1.part"))
    clips = tmp_path / ".T_R1_FOLEY_v001_clips.1.part"
    clips.mkdir()
    (clips / "0001_A_a.wav").touch()
    for path, age in ((old, 2), (new, 0), (other, 2), (clips, 2)):
        path.touch()
        os.utime(path, (time.time() - age * 24 * 3600,) * 2)
    sweep(tmp_path, "T_R1")
    assert sorted(tmp_path.iterdir()) == sorted([new, other])


@pytest.mark.slow
def test_three_commands_at_once_leave_three_whole_versions(planned, tmp_path, impulse_bank):
    _, _, sheet = planned
    command = [sys.executable, "-m", "studio", "render", sheet, "--bank", impulse_bank, "--model", "pcm"]
    command = [*map(str, command), "--out", str(tmp_path / "out")]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    told = {run.communicate()[0].decode() for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(told) == 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 3 * 4 + 1
    assert sum("_v001_" in name for name in names) == sum("_v003_" in name for name in names) == 4
