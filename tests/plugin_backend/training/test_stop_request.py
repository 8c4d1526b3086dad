"""How a run ends early, goes on, or refuses to."""

import dataclasses
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from plugin_backend.errors import CheckpointError
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import MEANS_BATCHES
from plugin_backend.training.trainer import MOST_FAILED_STEPS, Trainer
from tests.plugin_backend.training_runs import CROP, RATE, SETTINGS, quiet_run, sampler, steps_of_noise

pytestmark = pytest.mark.slow


def test_another_runs_state_is_refused_by_name(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).save()
    with pytest.raises(CheckpointError, match="other settings stopped here"):
        quiet_run(out, dataclasses.replace(SETTINGS, seed=9))


@pytest.mark.parametrize(("side", "word"), [(0, "sounds to learn from"), (1, "sounds to judge by")])
def test_a_run_does_not_go_on_with_other_sounds(tmp_path, side, word):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out).save()
    samplers = [sampler("musical"), sampler()]
    samplers[side] = sampler(sounds=steps_of_noise(5))
    with pytest.raises(CheckpointError, match=f"a run with other {word} stopped here"):
        Trainer(SETTINGS, *samplers, out, device="cpu")


def test_a_run_over_its_own_start_goes_on_with_the_record_it_began_with(tmp_path):
    out = tmp_path / "tiny.safetensors"
    quiet_run(out, dataclasses.replace(SETTINGS, steps=1, refine_share=0.0)).train()
    again = dataclasses.replace(SETTINGS, start=str(out), steps=2, refine_share=0.0)
    quiet_run(out, again).save()  # stopped: the start is overwritten by what it is so far
    record = quiet_run(out, again).train()
    assert [run["steps"] for run in record["history"]] == [1]


def test_a_run_stopped_at_any_moment_goes_on_to_the_same_weights(tmp_path):
    """By a clock of processor time, later each time: within steps, changes of weights, judgements and saves."""
    settings = dataclasses.replace(SETTINGS, refine_share=0.5)
    quiet_run(tmp_path / "whole.safetensors", settings).train()
    out, stops, after_s = tmp_path / "stopped.safetensors", 0, 0.4
    record = None
    while record is None:
        run = quiet_run(out, settings)
        before = signal.signal(signal.SIGPROF, lambda *_, run=run: run.stopping.ask())
        signal.setitimer(signal.ITIMER_PROF, after_s)
        try:
            record = run.train()
        except KeyboardInterrupt:
            stops += 1
            run.save(measured=False)
            assert read_training(out)["steps"] == run.at["step"]
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


def test_a_change_of_weights_ends_before_a_run_stops():
    weight = torch.nn.Parameter(torch.ones(1))
    optimiser, stopping = torch.optim.SGD([weight], lr=1.0), StopRequest()
    stopping.watch(optimiser)
    weight.grad = torch.ones(1)
    optimiser.step()  # the step of a run has begun to change what it trains
    stopping.ask()
    with pytest.raises(KeyboardInterrupt), stopping.whole():
        weight.data += 5.0
    assert weight.item() == 5.0
    stopping.ask()  # once more, while it is saved
    with pytest.raises(KeyboardInterrupt):
        StopRequest().ask()


class Spoilt(CropSampler):
    """Crops that are not numbers from one step to another."""

    first, last = 0, 0

    def batch(self, size, seed, step):
        audio = super().batch(size, seed, step)
        return np.where(self.first <= step <= self.last, np.float32(np.nan), audio)


def spoilt_run(out, settings, first, last, told):
    sounds = sampler()
    crops = Spoilt(sounds.sounds, sounds.chances, CROP, RATE)
    crops.first, crops.last = first, last
    return Trainer(settings, crops, sampler(), out, device="cpu", tell=told.append)


@pytest.mark.parametrize("refine_share", [0.0, 1.0])
def test_a_step_that_is_not_finite_is_left_out_and_told(tmp_path, refine_share):
    told, at = [], MEANS_BATCHES + 1
    settings = dataclasses.replace(SETTINGS, refine_share=refine_share, steps=at + 3)
    run = spoilt_run(tmp_path / "t.safetensors", settings, at, at, told)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train()
    assert told.count(f"step {at}: its losses are not finite; it is left out") == 1
    after = load_file(tmp_path / "t.safetensors")
    assert all(value.isfinite().all() for value in (*after.values(), *run.judges.state_dict().values()))
    assert any(not torch.equal(after[name], before[name]) for name in after if name.startswith("decoder.backbone"))


def test_many_such_steps_end_the_phase_with_the_best_weights_it_had(tmp_path):
    told, at = [], MEANS_BATCHES + 1
    settings = dataclasses.replace(SETTINGS, refine_share=1.0, steps=10_000)
    run = spoilt_run(tmp_path / "t.safetensors", settings, at, 10_000, told)
    assert run.train()["steps"] == at + MOST_FAILED_STEPS
    assert all(value.isfinite().all() for value in load_file(tmp_path / "t.safetensors").values())
    assert "50 steps without a finite loss: refine ends with the best weights it had" in told


def test_the_second_phase_takes_all_its_share_whatever_the_patience(tmp_path):
    settings = dataclasses.replace(SETTINGS, refine_share=1.0, patience=1, judge_every_steps=1)
    assert quiet_run(tmp_path / "tiny.safetensors", settings).train()["steps"] == settings.steps


def test_a_damaged_state_is_refused_by_name(tmp_path):
    run = quiet_run(tmp_path / "tiny.safetensors")
    run.state_path.write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="not a readable training state"):
        quiet_run(tmp_path / "tiny.safetensors")


def test_a_phase_without_progress_ends_early(tmp_path):
    settings = dataclasses.replace(
        SETTINGS, steps=400, refine_share=0.0, patience=2, judge_every_steps=1, peak_rate=0.0, last_rate=0.0
    )
    record = quiet_run(tmp_path / "still.safetensors", settings).train()
    assert record["steps"] < 10
