"""The example scene's stems are the same files, however they are rendered."""

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[2]
SCENE = ROOT / "examples" / "night_walk"


def pisada(*arguments: object) -> None:
    command = [sys.executable, "-m", "studio", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def stems_in(folder: Path) -> dict[str, bytes]:
    """By name their samples; files also say when they were made."""
    return {path.name: soundfile.read(path, dtype="int32")[0].tobytes() for path in folder.rglob("*.wav")}


@pytest.mark.slow
def test_offline_streamed_in_two_processes_and_in_a_batch_the_files_are_equal(tmp_path):
    scene = (SCENE / "cues.csv", "--project", SCENE / "project.toml", "--no-cache")
    pisada("render", *scene, "--out", tmp_path / "offline")
    offline = stems_in(tmp_path / "offline")
    assert len(offline) == 5
    pisada("render", *scene, "--out", tmp_path / "stream", "--stream")
    pisada("render", *scene, "--out", tmp_path / "jobs", "--jobs", 2)
    jobs = tmp_path / "jobs.toml"
    job = f"name = 'night'\ncues = '{SCENE}/cues.csv'\nproject = '{SCENE}/project.toml'\n"
    jobs.write_text(f"schema = 1\n[[jobs]]\n{job}")
    pisada("batch", jobs, "--out", tmp_path / "batch", "--workers", 1, "--no-cache")
    for way in ("stream", "jobs", "batch"):
        other = stems_in(tmp_path / way)
        assert sorted(other) == sorted(offline), way
        for name, file in offline.items():
            assert other[name] == file, (way, name)
