"""A second family, whose models describe a whole sound by one vector: train, capture, render and batch as users do."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_backend.models import registry
from plugin_backend.training import starting_model
from presets.bank import Bank
from presets.finish_take import LowCut
from presets.performance.draw import Draw
from presets.performance.performance import Performance
from tests.plugin_backend.models.tone_family import tone, write_model
from tests.plugin_backend.models.toy_family import HOP, RATE
from tests.plugin_backend.training_runs import SETTINGS, quiet_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
REGISTER = """
from plugin_backend.models import registry

registry.FAMILIES["toy"] = "tests.plugin_backend.models.toy_family"
registry.FAMILIES["tones"] = "tests.plugin_backend.models.tone_family"
"""
"""Python runs this file at the start of every process, so render and batch workers know the families too."""

SHEET = """id,start,duration,stem,preset,pitch_semitones
a,0.5,,FEET,knock,
b,1.5,,FEET,knock,
c,0.1,,PROPS,step-wood,
d,0.2,,PROPS,note,5
e,1.0,,PROPS,note,-12
"""
PROJECT = """
show = "T"
models = ["foley", "toy.safetensors", "notes.safetensors"]
bank = ["bank", "factory"]
bits = 32
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A folder with a trained model, a recording of two hits, a sheet, and a function that runs a command in it."""
    folder = tmp_path_factory.mktemp("scene")
    (folder / "sitecustomize.py").write_text(REGISTER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.FAMILIES, "toy", "tests.plugin_backend.models.toy_family")
        patch.setattr(starting_model, "NEW_MODELS", "toy")
        quiet_run(folder / "toy.safetensors", dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    hit = np.exp(-np.arange(RATE) / 4_000) * np.sin(np.arange(RATE) / 7) * 0.5
    soundfile.write(folder / "hits.wav", np.concatenate([np.zeros(2_000), hit, hit * 0.7]), RATE, subtype="FLOAT")
    soundfile.write(folder / "note.wav", tone(69, 0.6, RATE, silence_s=0.1), RATE, subtype="FLOAT")
    write_model(folder / "notes.safetensors", 44_100, 13_230, pitched=True)
    (folder / "cues.csv").write_text(SHEET)
    (folder / "project.toml").write_text(PROJECT)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        paths = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PISADA_CACHE": str(folder / "cache")}
        command = [sys.executable, "-m", "studio", *arguments]
        return subprocess.run(command, cwd=folder, env=os.environ | paths, capture_output=True, text=True, check=False)

    options = ["--name", "knock", "--bank", "bank", "--model", "toy.safetensors", "--variation", "0", "--modes", "none"]
    captured = run("capture", "hits.wav", *options)
    assert captured.returncode == 0, captured.stderr
    options = ["--name", "note", "--bank", "bank", "--model", "notes.safetensors", "--split", "file"]
    captured = run("capture", "note.wav", *options)
    assert "note: 1 take longer than 0.30 s, the length of a sound of model 'notes'" in captured.stderr
    return folder, run


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, "toy", "tests.plugin_backend.models.toy_family")


def test_every_take_is_one_vector_and_as_long_as_the_model(scene):
    preset = Bank(scene[0] / "bank")["knock"]
    assert [mean.shape for mean in preset.means] == [(1, 4)] * 2
    assert [(take.skip_samples, take.length_samples) for take in preset.header.takes] == [(0, HOP)] * 2


def test_a_cue_sounds_as_its_vector_decodes_and_streams_and_batches_render_the_same_with_three_models(scene, toy):
    folder, run = scene
    done = run("render", "cues.csv", "--project", "project.toml", "--out", "stems", "--no-cache")
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "stems").glob("*FEET*.wav")
    stem = soundfile.read(path, dtype="float32")[0][:, 0]
    preset, codec = Bank(folder / "bank")["knock"], registry.load_codec(str(folder / "toy.safetensors"))
    for start in (RATE // 2, RATE * 3 // 2):
        played = stem[start : start + HOP]
        mean = next(Performance(preset, Draw(0), codec.spec).latents())  # without variation, of the takes
        decoded = LowCut(preset.header.low_cut_hz, RATE, 1).push(codec.decode(mean))
        inside = slice(48, HOP - HOP // 8)  # without the fades
        errors = []
        for each in decoded:
            gain = np.dot(played[inside], each[inside]) / np.dot(each[inside], each[inside])
            errors.append(np.abs(played[inside] - gain * each[inside]).max() / np.abs(played).max())
        assert min(errors) < 1e-5 and np.abs(played).max() > 1e-3
        assert not stem[start + HOP : start + RATE // 2].any()
    (folder / "jobs.csv").write_text("name,project,cues\none,project.toml,cues.csv\n")
    batch = run("batch", "jobs.csv", "--out", "batch", "--workers", "1")
    assert batch.returncode == 0, batch.stderr
    options = ("--out", "streamed", "--no-cache", "--stream", "--jobs", "2")
    streamed = run("render", "cues.csv", "--project", "project.toml", *options)
    assert streamed.returncode == 0, streamed.stderr
    for path in (folder / "stems").glob("*.wav"):
        whole = soundfile.read(path, dtype="float32")[0]
        assert np.abs(whole).max() > 1e-3
        for other in ("streamed", "batch"):
            (same,) = (folder / other).rglob(path.name)
            assert np.array_equal(soundfile.read(same, dtype="float32")[0], whole), (other, path.name)


def test_preset_show_and_the_check_of_a_sheet_know_vectors(scene):
    _, run = scene
    shown = run("preset", "show", "note", "--bank", "bank")
    assert shown.returncode == 0, shown.stderr
    assert "1: 1 frames of 5 latents" in " ".join(shown.stdout.split())
    checked = run("cues", "check", "cues.csv", "--project", "project.toml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
