"""Every way of rendering gives the same files of the example scene."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[3]
SCENE = ROOT / "examples" / "night_walk"


def pisada(*arguments: object) -> None:
    command = [sys.executable, "-m", "studio", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def stems_in(folder: Path) -> dict[str, bytes]:
    """Return stem name → samples, because the files also hold the date."""
    return {path.name: soundfile.read(path, dtype="int32")[0].tobytes() for path in folder.rglob("*.wav")}


@pytest.fixture
def scene(tmp_path) -> tuple[Path, Path]:
    """Return sheet and project of the scene's first half minute, in which all stems are audible."""
    with open(SCENE / "cues.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["start"] < "01:00:28"]
    for row in rows:
        row["duration"] = row["duration"] and "00:00:30:00"
        row["end"] = row["end"] and min(row["end"], "01:00:29:00")
        row["surface"] = row["surface"].split(",")[0]
    cues, project = tmp_path / "cues.csv", tmp_path / "project.toml"
    with open(cues, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    project.write_text((SCENE / "project.toml").read_text().replace('end = "01:02:00:00"', 'end = "01:00:30:00"'))
    assert {row["stem"] for row in rows} == {"FEET", "PROPS", "CLOTH", "AMB"}
    assert {"walk", "follow"} <= {row["kind"] for row in rows}
    return cues, project


@pytest.mark.slow
def test_offline_streamed_in_two_processes_and_in_a_batch_the_files_are_equal(scene, tmp_path):
    cues, project = scene
    sheet = (cues, "--project", project, "--no-cache")
    pisada("render", *sheet, "--out", tmp_path / "offline")
    offline = stems_in(tmp_path / "offline")
    assert len(offline) == 5
    pisada("render", *sheet, "--out", tmp_path / "stream", "--stream")
    pisada("render", *sheet, "--out", tmp_path / "jobs", "--jobs", 2)
    jobs = tmp_path / "jobs.toml"
    job = f"name = 'night'\ncues = '{cues}'\nproject = '{project}'\n"
    jobs.write_text(f"schema = 1\n[[jobs]]\n{job}")
    pisada("batch", jobs, "--out", tmp_path / "batch", "--workers", 1, "--no-cache")
    for settings in ("stream", "jobs", "batch"):
        other = stems_in(tmp_path / settings)
        assert sorted(other) == sorted(offline), settings
        for name, file in offline.items():
            assert other[name] == file, (settings, name)
