"""A run that stops early, continues, or must not continue."""

import dataclasses
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.training import trainer
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import MEANS_BATCHES
from plugin_backend.training.trainer import Trainer
from tests.plugin_backend.training_runs import CROP, RATE, SETTINGS, noise_bursts, quiet_run, sampler

pytestmark = pytest.mark.slow


def test_a_state_of_other_settings_is_an_error(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).save()
    with pytest.raises(CheckpointError, match="other settings stopped here"):
        quiet_run(out, dataclasses.replace(SETTINGS, seed=9))


@pytest.mark.parametrize(("side", "word"), [(0, "training sounds"), (1, "validation sounds")])
def test_a_run_does_not_continue_with_other_sounds(tmp_path, side, word):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).save()
    samplers = [sampler("musical"), sampler()]
    samplers[side] = sampler(sounds=noise_bursts(5))
    with pytest.raises(CheckpointError, match=f"a run with other {word} stopped here"):
        Trainer(SETTINGS, *samplers, out, RunOptions(device="cpu"))


def test_a_run_that_overwrites_its_start_keeps_the_record_it_began_with(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    again = dataclasses.replace(SETTINGS, start=str(out), steps=2, refine_share=0.0)
    quiet_run(out, again).save()  # stopped: the start is overwritten
    record = quiet_run(out, again).train()
    assert [run["steps"] for run in record["history"]] == [1]


def test_a_run_stopped_at_any_moment_continues_to_the_same_weights(tmp_path):
    """A timer of processor time stops it later each time: within steps, updates, validations and saves."""
    settings = dataclasses.replace(SETTINGS, refine_share=0.5)
    quiet_run(tmp_path / "whole.safetensors", settings).train()
    out, stops, after_s = tmp_path / "stopped.safetensors", 0, 0.4
    record = None
    while record is None:
        run = quiet_run(out, settings)
        before = signal.signal(signal.SIGPROF, lambda *_, run=run: run.stop_request.request())
        signal.setitimer(signal.ITIMER_PROF, after_s)
        try:
            record = run.train()
        except KeyboardInterrupt:
            stops += 1
            run.save(measured=False)
            assert read_training(out)["steps"] == run.state.step
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
        after_s *= 2
    assert stops >= 3
    expected, resumed = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert [row[:2] + row[3:] for row in record["curve"]] == [
        row[:2] + row[3:] for row in read_training(tmp_path / "whole.safetensors")["curve"]
    ]


def test_a_change_of_weights_is_finished_before_a_run_stops():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer, stop = torch.optim.SGD([weight], lr=1.0), StopRequest()
    stop.watch(optimizer)
    weight.grad = torch.ones(1)
    optimizer.step()  # the weights have begun to change
    stop.request()
    with pytest.raises(KeyboardInterrupt), stop.uninterrupted():
        weight.data += 5.0
    assert weight.item() == 5.0
    stop.request()  # again, during the save
    with pytest.raises(KeyboardInterrupt):
        StopRequest().request()


class DamagedSampler(CropSampler):
    """Crops that are NaN from one step to another."""

    first, last = 0, 0

    def batch(self, size, seed, step):
        audio = super().batch(size, seed, step)
        return np.where(self.first <= step <= self.last, np.float32(np.nan), audio)


def damaged_run(out, settings, first, last, messages):
    sounds = sampler()
    crops = DamagedSampler(sounds.sounds, sounds.probabilities, CROP, RATE)
    crops.first, crops.last = first, last
    return Trainer(settings, crops, sampler(), out, RunOptions(device="cpu", report=messages.append))


@pytest.mark.parametrize("refine_share", [0.0, 1.0])
def test_a_step_that_is_not_finite_is_skipped_and_reported(tmp_path, refine_share):
    messages, at = [], MEANS_BATCHES + 1
    settings = dataclasses.replace(SETTINGS, refine_share=refine_share, steps=at + 3)
    run = damaged_run(tmp_path / "t.safetensors", settings, at, at, messages)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train()
    assert messages.count(f"step {at}: the losses are not finite; this step is skipped") == 1
    after = load_file(tmp_path / "t.safetensors")
    assert all(value.isfinite().all() for value in (*after.values(), *run.discriminators.state_dict().values()))
    assert any(not torch.equal(after[name], before[name]) for name in after if name.startswith("decoder.backbone"))


def test_many_such_steps_end_the_phase_with_its_best_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "MOST_FAILED_STEPS", 8)
    messages, at = [], MEANS_BATCHES + 1
    settings = dataclasses.replace(SETTINGS, refine_share=1.0, steps=10_000)
    run = damaged_run(tmp_path / "t.safetensors", settings, at, 10_000, messages)
    assert run.train()["steps"] == at + 8
    assert all(value.isfinite().all() for value in load_file(tmp_path / "t.safetensors").values())
    assert "8 steps in a row without a finite loss: the phase 'refine' ends with the best weights it had" in messages


def test_patience_does_not_end_the_second_phase(tmp_path):
    settings = dataclasses.replace(SETTINGS, refine_share=1.0, patience=1, validate_every_steps=1)
    assert quiet_run(tmp_path / "tiny.safetensors", settings).train()["steps"] == settings.steps


def test_a_damaged_state_is_an_error(tmp_path):
    run = quiet_run(tmp_path / "tiny.safetensors")
    run.state_path.write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="not a readable training state"):
        quiet_run(tmp_path / "tiny.safetensors")


def test_a_phase_without_progress_ends_early(tmp_path):
    settings = dataclasses.replace(
        SETTINGS, steps=400, refine_share=0.0, patience=2, validate_every_steps=1, peak_rate=0.0, last_rate=0.0
    )
    record = quiet_run(tmp_path / "still.safetensors", settings).train()
    assert record["steps"] < 10
