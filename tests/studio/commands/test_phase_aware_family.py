"""Phase-aware models as users have them: train, capture, render, stream, batch and apply."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.evaluation.metrics.score_clips import reconstruct, score_pair
from plugin_backend.models import registry
from tests.plugin_backend.models.mclt_vae.tiny_models import saved, tiny_model

pytestmark = pytest.mark.slow
ROOT, RATE = Path(__file__).parents[3], 48_000
SIZES = {"bins": 64, "frames": 18, "fade_samples": 64}
SHEET = """id,start,duration,stem,preset,source
a,0.5,,FEET,knock,
b,1.5,,FEET,knock,
c,0.1,,PROPS,step-wood,
d,0.2,1.2,PROPS,hum,
e,1.1,0.7,FEET,,long.wav
"""
PROJECT = """
show = "T"
models = ["complex.safetensors", "foley"]
bank = ["bank", "factory"]
bits = 32
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A folder with a model, recordings, presets, a sheet, and a function that runs a command in it."""
    folder = tmp_path_factory.mktemp("scene")
    model = tiny_model("complex-mclt", **SIZES)
    saved(model, folder).rename(folder / "complex.safetensors")
    (folder / "tiny.json").rename(folder / "complex.json")
    hit = np.exp(-np.arange(RATE // 2) / 4_000) * np.sin(np.arange(RATE // 2) / 7) * 0.5
    (folder / "sounds").mkdir()
    for file, audio in {
        "hits.wav": np.concatenate([np.zeros(2_000), hit, hit * 0.7]),
        "long.wav": np.random.default_rng(0).standard_normal(RATE * 2) * 0.1,
        "sounds/one.wav": hit,
        "sounds/two.wav": hit[::-1],
    }.items():
        soundfile.write(folder / file, audio, RATE, subtype="FLOAT")
    (folder / "cues.csv").write_text(SHEET)
    (folder / "project.toml").write_text(PROJECT)

    def run(*arguments: str) -> str:
        paths = {"PYTHONPATH": str(ROOT), "PISADA_CACHE": str(folder / "cache")}
        command = [sys.executable, "-m", "studio", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | paths, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    options = ["--bank", "bank", "--model", "complex.safetensors"]
    run("capture", "hits.wav", "--name", "knock", *options)
    run("capture", "long.wav", "--name", "hum", "--kind", "texture", *options)
    return folder, run


def stems(folder):
    return {path.name: soundfile.read(path, dtype="float32")[0] for path in sorted(folder.rglob("*.wav"))}


def test_one_sheet_of_two_families_renders_streams_and_batches_to_the_same_samples(scene):
    folder, run = scene
    run("render", "cues.csv", "--project", "project.toml", "--out", "stems", "--no-cache")
    whole = stems(folder / "stems")
    assert len(whole) == 3 and all(np.abs(stem).max() > 1e-3 for stem in whole.values())
    run("render", "cues.csv", "--project", "project.toml", "--out", "streamed", "--no-cache", "--stream", "--jobs", "2")
    (folder / "jobs.csv").write_text("name,project,cues\none,project.toml,cues.csv\n")
    run("batch", "jobs.csv", "--out", "batch", "--workers", "1")
    for other in ("streamed", "batch"):
        found = stems(folder / other)
        assert len(found) == len(whole)
        assert all(np.array_equal(*pair) for pair in zip(found.values(), whole.values(), strict=True))


def test_a_preset_is_applied_to_a_long_recording(scene):
    folder, run = scene
    run("apply", "knock", "long.wav", "--bank", "bank", "--model", "complex.safetensors", "--out", "applied")
    (applied,) = stems(folder / "applied").values()
    assert len(applied) >= 2 * RATE and np.isfinite(applied).all() and np.abs(applied).max() > 1e-3


def test_blocks_of_a_host_return_what_the_whole_sound_does(scene):
    codec = registry.load_codec(str(scene[0] / "complex.safetensors"))
    sound = soundfile.read(scene[0] / "long.wav", dtype="float32")[0][:12_000]
    stream, pieces, at = BlockStream(codec), [], 0
    for size in (1, 500, 1023, 1025, 4_000, 5_451):
        pieces.append(stream.push(sound[at : at + size]))
        at += size
    late = np.concatenate(pieces)[stream.latency_samples :]
    whole = codec.decode(codec.encode(sound[None]))[0]
    assert np.array_equal(late[: 8 * codec.spec.hop_samples], whole[: late.size][: 8 * codec.spec.hop_samples])
    scores = score_pair(reconstruct(codec)(sound, RATE), sound, RATE, codec.spec.hop_samples, with_visqol=False)
    assert np.isfinite(scores["log_mel_error_db"]) and -1 <= scores["phase_coherence"] <= 1


def test_the_command_trains_a_configuration(scene):
    folder, run = scene
    options = ["--family", "mclt-vae", "--configuration", "magnitude-stft", "--steps", "1", "--augment", "none"]
    run("train", "sounds", "--name", "new", "--out", ".", "--threads", "1", *options)
    codec = registry.load_codec(str(folder / "new.safetensors"))
    assert (codec.spec.hop_samples, codec.spec.latent_dim, codec.spec.latency_samples) == (8192, 257, 1024)
