"""``pisada train --family``: vector models from recordings and from notes."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError, ProjectError
from plugin_backend.models import registry
from studio.cli import pisada
from tests.plugin_backend.models.spectral_vae import tiny_spectral
from tests.plugin_backend.models.spectral_vae.tiny_spectral import RATE, tone
from tests.plugin_backend.training.note_folder import write_notes

FAMILY = "plugin_backend.models.spectral_vae.family"


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(f"{FAMILY}.FAMILY", tiny_spectral.TinyFamily())


def train(*arguments):
    return CliRunner().invoke(pisada, ["train", *map(str, arguments), "--family", "spectral-vae"])


def test_notes_train_a_model_that_decodes_their_pitch(tiny, tmp_path):
    write_notes(tmp_path / "notes", "train", {"flute_a": "flute", "flute_b": "flute"})
    write_notes(tmp_path / "notes", "valid", {"flute_c": "flute"})
    out = tmp_path / "models"
    done = train(tmp_path / "notes", "--name", "tiny", "--out", out, "--steps", 1, "--threads", 1)
    assert done.exit_code == 0, done.output
    assert "4 notes to train on, 2 held out" in done.output
    record = registry.read_training(str(out / "tiny.safetensors"))
    assert (record["notes"], record["held_out_sources"], record["steps"]) == (4, ["flute_c"], 1)
    codec = registry.load_codec(str(out / "tiny.safetensors"))
    vector = codec.encode(tone(52)[None, : codec.spec.hop_samples])
    assert vector[0, 0, codec.spec.pitch_dim] == pytest.approx(-8 / 12, abs=0.003)
    again = train(tmp_path / "notes", "--name", "tiny", "--out", out, "--steps", 1)
    assert "is there already" in str(again.exception)


def test_recordings_train_the_published_model(tiny, tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for note in range(3):
        soundfile.write(sounds / f"{note}.wav", np.tile(tone(50 + note), 2), RATE)
    options = ("--configuration", "published", "--steps", 1, "--out", tmp_path, "--name", "tiny")
    done = train(sounds, *options, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert registry.describe_codec(str(tmp_path / "tiny.safetensors")).pitch_dim is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--configuration", "other"], "--configuration other: 'spectral-vae' has own, published"),
        (["--from", "scratch"], "--from: not for models of --family"),
        (["--likeness", "3"], "--likeness: not for models of --family"),
        (["--refine-share", "0.5"], "--refine-share: not for models of --family"),
        (["--patience", "2"], "--patience: not for models of --family"),
        (["--hold-out", "nobody"], "--hold-out nobody: no such source; sources here: flute_a"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, options, message):
    write_notes(tmp_path, "train", {"flute_a": "flute"})
    done = train(tmp_path, "--name", "tiny", "--out", tmp_path / "out", "--steps", 1, *options)
    assert isinstance(done.exception, ProjectError) and message in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_configuration_needs_a_family_and_the_family_must_exist(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(50), RATE)
    arguments = ["train", str(tmp_path), "--name", "tiny", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(pisada, [*arguments, "--configuration", "own"])
    assert str(done.exception) == "--configuration: only with --family"
    done = CliRunner().invoke(pisada, [*arguments, "--family", "rave"])
    assert "--family rave: no such family of vector models" in str(done.exception)


def test_a_note_that_cannot_be_read_stops_the_training_in_one_line(tiny, tmp_path):
    write_notes(tmp_path, "train", {"flute_a": "flute", "flute_b": "flute"})
    for path in (tmp_path / "nsynth-train" / "audio").iterdir():
        soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT")
    done = train(tmp_path, "--name", "tiny", "--out", tmp_path / "out", "--steps", 1)
    assert isinstance(done.exception, AudioFileError) and "nsynth-train/audio" in str(done.exception)
