"""A training run of a vector model: it learns, is seeded, and goes on after a stop to the same weights."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.training.clip_sampler import ClipSampler, GapSampler, clips_of
from plugin_backend.training.config import state_path
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.vector_trainer import VectorTrainer, VectorTrainingSettings
from tests.plugin_backend.models.spectral_vae.tiny_spectral import RATE, TinyFamily, sampler, tone

SETTINGS = VectorTrainingSettings("own", steps=4, batch=1, warm_up_steps=2, validate_every_steps=2, peak_rate=3e-3)


def run(out, settings=SETTINGS, notes=(48, 55, 62)):
    options = RunOptions({"sounds": len(notes)}, device="cpu", report=lambda line: None)
    conf = settings.configuration
    samplers = sampler(conf, notes), sampler(conf, (50,))
    return VectorTrainer(TinyFamily(), settings, *samplers, out, options)


def weights(path):
    return {name: value.tobytes() for name, value in load_file(path).items()}


@pytest.mark.parametrize("configuration", ["own", "published"])
def test_a_run_lowers_its_validation_loss_and_keeps_its_record(tmp_path, configuration):
    settings = VectorTrainingSettings(
        configuration, steps=12, batch=3, warm_up_steps=2, validate_every_steps=4, peak_rate=5e-3
    )
    record = run(tmp_path / "a.safetensors", settings).train()
    losses = [values["loss"] for _, _, values in record["curve"]]
    assert losses[-1] < losses[0]
    assert (record["steps"], record["sounds"], record["settings"]["configuration"]) == (12, 3, configuration)
    lowest_db, highest_db = record["measured"]["range_db"]
    assert highest_db - lowest_db == pytest.approx(100, abs=0.01)
    assert load_file(tmp_path / "a.safetensors")["range_db"][1] == pytest.approx(highest_db, abs=1e-3)
    assert not state_path(tmp_path / "a.safetensors").exists()


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    run(tmp_path / "whole.safetensors").train()
    stopped = run(tmp_path / "stopped.safetensors")

    def stop(progress):
        if progress.step == 3:
            stopped.stop_request.request()

    with pytest.raises(KeyboardInterrupt):
        stopped.train(stop)
    stopped.save()
    assert state_path(tmp_path / "stopped.safetensors").exists()
    with pytest.raises(CheckpointError, match="other training sounds"):
        run(tmp_path / "stopped.safetensors", notes=(48, 55, 63))
    run(tmp_path / "stopped.safetensors").train()
    assert weights(tmp_path / "stopped.safetensors") == weights(tmp_path / "whole.safetensors")
    other = VectorTrainingSettings(**SETTINGS.__dict__ | {"seed": 2})
    run(tmp_path / "other.safetensors", other).train()
    assert weights(tmp_path / "other.safetensors") != weights(tmp_path / "whole.safetensors")


@pytest.mark.parametrize("budget", [{}, {"steps": 3, "minutes": 1.0}, {"minutes": float("inf")}, {"steps": 0}])
def test_a_wrong_budget_is_one_line(budget):
    with pytest.raises(ProjectError, match="^training: "):
        VectorTrainingSettings("own", **budget).phase()


def test_clips_begin_with_their_sounds_and_know_their_pitch():
    long, short = tone(57, 4.0), tone(60, 0.5)
    sounds = [Sound("long.wav", "a", "x", 8000.0, long), Sound("short.wav", "b", "y", 8000.0, short)]
    clips = ClipSampler(clips_of(sounds), RATE, RATE, pitched=True)
    audio, pitch = clips.batch(16, 1, 0)
    begins = [index for index in range(16) if np.array_equal(audio[index, :64], long[:64])]
    padded = [index for index in range(16) if not audio[index, short.size :].any()]
    assert begins and padded and len(begins) + len(padded) < 16  # others begin inside the long sound
    assert np.allclose(audio[padded[0], : short.size], short)
    assert np.abs(pitch[padded] - 0).max() < 0.01 and np.abs(np.delete(pitch, padded) + 0.25).max() < 0.01
    assert all(np.array_equal(*pair) for pair in zip(clips.batch(16, 1, 0), (audio, pitch), strict=True))
    assert abs(audio[begins[0], -1]) < 1e-6  # cut sounds are faded
    assert len(clips.every(2, 3)) == 3


def test_clips_with_gaps_have_no_pitch():
    sounds = [Sound("a.wav", "a", "x", 8000.0, tone(57))]
    audio, pitch = GapSampler(sounds, 4096, RATE, None).batch(3, 1, 0)
    assert audio.shape == (3, 4096) and np.isnan(pitch).all()
