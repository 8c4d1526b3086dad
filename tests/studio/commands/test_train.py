"""``pisada train`` as a user runs it: a folder in, a usable model out, stopped and gone on with."""

import ctypes
import io
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
import torch
from rich.console import Console
from rich.progress import Progress
from safetensors.torch import load_file

from plugin_backend.evaluation.data.evaluation_set import held_out_of, read_evaluation_set
from plugin_backend.models.registry import load_codec
from plugin_backend.training.schedule import PHASES
from plugin_backend.training.stop_request import StopRequest
from plugin_backend.training.time_budget import TrainingProgress
from studio.workflows.train import held_out_before, progress_columns, state_of, stopped_by_signals

pytestmark = pytest.mark.slow

RATE = 48_000


def make_doors(folder):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(5):
        slam = rng.standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / 2_400) * 0.2
        soundfile.write(folder / f"{number}.wav", slam, RATE)
        soundfile.write(folder / f"copy-{number}.flac", slam / 2, RATE)
    (folder / "notes.wav").write_text("this is text")
    return folder


@pytest.fixture
def doors(tmp_path):
    return make_doors(tmp_path / "doors")


def command(doors, out, *options):
    return [sys.executable, "-m", "studio", "train", str(doors), "--name", "my-doors", "--out", str(out), *options]


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "1", "--from", "nothing"], "no model 'nothing'"),
        (["--steps", "1", "--minutes", "1"], "either minutes or steps"),
        (["--steps", "1", "--name", "../mine"], "--name ../mine: use a-z"),
        (["--steps", "1", "--device", "mps"], "--device mps: not on this machine"),
        (["--steps", "1", "--name", "pcm"], "--name pcm: this is the identity codec's name"),
        (["--minutes", "nan"], "a budget of nan minutes is not a number above 0"),
        (["--steps", "1", "--likeness", "nan"], "likeness nan is not a number above 0"),
        (
            ["--steps", "1", "--from", "scratch", "--hold-out", "user", "--hold-out", "dors"],
            "--hold-out dors: no such source; sources here: ",
        ),
        (["--steps", "1", "--cache", "/dev/null/x"], "/dev/null/x: cannot write here"),
        (["--steps", "1", "--tensorboard", "/dev/null/x"], "/dev/null/x: cannot write TensorBoard's files here"),
    ],
)
def test_wrong_options_are_one_line(doors, tmp_path, options, words):
    done = run(doors, tmp_path / "models", *options)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "models").glob("*")) if (tmp_path / "models").exists() else True


def test_held_out_sources_of_start_model_are_held_out_again():
    factory = {"minetest-data", "openarena-data", "scratch"}
    assert held_out_before("foley", {"scratch", "mine", "minetest-data"}) == ("minetest-data", "scratch")
    assert held_out_before("foley", factory) == ()
    assert held_out_before("foley", {"mine"}) == ()
    assert held_out_before("scratch", {"scratch", "mine"}) == ()


@pytest.mark.slow
def test_folder_becomes_model_that_is_not_overwritten(doors, tmp_path):
    out = tmp_path / "models"
    done = run(doors, out, "--steps", "2")
    assert done.returncode == 0, done.stderr
    assert "dropped notes.wav: " in done.stderr
    few = "only about 2 steps fit into this budget: expect little more than the sound of 'foley'"
    assert few in " ".join(done.stderr.split())
    assert sorted(path.name for path in out.iterdir()) == ["my-doors.json", "my-doors.safetensors"]
    record = json.loads((out / "my-doors.json").read_text())["training"]
    assert (record["steps"], record["settings"]["start"], record["sounds"]) == (2, "foley", 3)
    assert record["held_out_copies"] == [f"copy-{file.removesuffix('.wav')}.flac" for file in record["held_out_files"]]
    material = read_evaluation_set(doors, RATE, held_out_of(str(out / "my-doors.safetensors")))
    assert [sound.file for sound in material.evaluated] == record["held_out_files"]
    codec = load_codec(str(out / "my-doors.safetensors"))
    assert codec.decode(codec.encode(np.zeros((1, 4_800), np.float32))).shape == (1, 5_120)
    again = run(doors, out, "--steps", "2")
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_unwritable_cache_error_names_the_option(doors, tmp_path):
    (doors / ".pisada-corpus").write_text("in the way")
    done = run(doors, tmp_path / "models", "--steps", "1")
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith("name another folder for the prepared corpus with --cache")


def test_progress_bar_fits_80_columns():
    console = Console(width=80, file=io.StringIO(), force_terminal=True)
    moment = TrainingProgress("spectral", 0.5, 123_456, 59_999.0, {"spectral": 12.345, "envelope": 1.0})
    with Progress(*progress_columns(), console=console, expand=True) as bar:
        for phase in PHASES:
            bar.update(bar.add_task(phase, total=1.0, state=""), completed=0.5, state=state_of(moment))
        lines = [line for line in console.render_lines(bar.get_renderable())]
    shown = ["".join(part.text for part in line) for line in lines]
    for phase, line in zip(PHASES, shown, strict=True):
        assert line.startswith(f"{phase} ")
        assert "1000.0 min left, step 123456, loss 12.35" in line
        assert "…" not in line


class Screen(io.StringIO):
    """A terminal's text, and whether "saving…" is in it."""

    def __init__(self):
        super().__init__()
        self.says_saving = threading.Event()

    def write(self, text):
        if "saving…" in text:
            self.says_saving.set()
        return super().write(text)


def test_a_stop_is_reported_while_the_main_thread_computes():
    """The main thread is inside C, as in a long step, until the message has appeared."""
    (reading, writing), screen, reported = os.pipe(), Screen(), []

    def press_ctrl_c():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        reported.append(screen.says_saving.wait(60))
        os.write(writing, b"x")

    thread = threading.Thread(target=press_ctrl_c)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals(StopRequest(), Console(file=screen)):
        thread.start()
        ctypes.CDLL(None).read(reading, ctypes.create_string_buffer(1), 1)
        thread.join()
    thread.join()  # the interrupt may come before the message is counted
    assert reported == [True]
    assert screen.getvalue() == "saving…\n"


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """Return sounds, and the result of four uninterrupted steps on them."""
    folder = tmp_path_factory.mktemp("whole")
    doors = make_doors(folder / "doors")
    done = run(doors, folder / "models", "--steps", "4")
    assert done.returncode == 0, done.stderr
    return doors, load_file(folder / "models" / "my-doors.safetensors")


def stopped(doors, out, number):
    """Send a signal to a run while it trains; return its exit status and its output."""
    process = subprocess.Popen(command(doors, out, "--steps", "4"), stderr=subprocess.PIPE, text=True)
    assert any("sounds to train on" in line for line in iter(process.stderr.readline, ""))
    process.send_signal(number)
    _, message = process.communicate(timeout=120)
    return process.returncode, message


@pytest.mark.slow
def test_interrupted_training_resumes_to_same_weights(whole_run, tmp_path):
    doors, expected = whole_run
    for number in (signal.SIGINT, signal.SIGHUP):  # ctrl-c, a closed terminal
        status, message = stopped(doors, tmp_path, number)
        assert status == 130, message
        assert message.index("saving…") < message.index("the same command goes on")
    assert stopped(doors, tmp_path, signal.SIGKILL)[0] == -signal.SIGKILL
    done = run(doors, tmp_path, "--steps", "4")
    assert done.returncode == 0, done.stderr
    assert "continuing from step" in done.stderr
    resumed = load_file(tmp_path / "my-doors.safetensors")
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
