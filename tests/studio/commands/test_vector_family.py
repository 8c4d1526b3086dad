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
from tests.plugin_backend.models.toy_family import HOP, RATE
from tests.plugin_backend.training_runs import SETTINGS, quiet_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
REGISTER = """
from plugin_backend.models import registry

registry.FAMILIES["toy"] = "tests.plugin_backend.models.toy_family"
"""
"""Python runs this file at the start of every process, so render and batch workers know the family too."""


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
    (folder / "cues.csv").write_text("id,start,stem,preset\na,0.5,FEET,knock\nb,1.5,FEET,knock\n")
    (folder / "project.toml").write_text('show = "T"\nmodel = "toy.safetensors"\nbank = "bank"\nbits = 32\n')

    def run(*arguments: str) -> subprocess.CompletedProcess:
        paths = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PISADA_CACHE": str(folder / "cache")}
        command = [sys.executable, "-m", "studio", *arguments]
        return subprocess.run(command, cwd=folder, env=os.environ | paths, capture_output=True, text=True, check=False)

    options = ["--name", "knock", "--bank", "bank", "--model", "toy.safetensors", "--variation", "0", "--modes", "none"]
    captured = run("capture", "hits.wav", *options)
    assert captured.returncode == 0, captured.stderr
    return folder, run


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, "toy", "tests.plugin_backend.models.toy_family")


def test_every_take_is_one_vector_and_as_long_as_the_model(scene):
    preset = Bank(scene[0] / "bank")["knock"]
    assert [mean.shape for mean in preset.means] == [(1, 4)] * 2
    assert [(take.skip_samples, take.length_samples) for take in preset.header.takes] == [(0, HOP)] * 2


def test_a_cue_sounds_as_its_vector_decodes_and_a_batch_renders_the_same(scene, toy):
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
    (same,) = (folder / "batch").rglob("*FEET*.wav")
    assert np.array_equal(soundfile.read(same, dtype="float32")[0][:, 0], stem)
