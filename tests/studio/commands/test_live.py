"""``pisada live`` through a real sound server, and through files."""

import ctypes.util
import io
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from pythonosc.udp_client import SimpleUDPClient
from rich.console import Console
from studio.workflows.live_monitor import LiveMonitor

from plugin_backend.errors import DeviceError, InputError, OutputError
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from render.live.controllers.controller_map import LiveMap
from render.live.controllers.midi_learn import ControllerRouter
from render.live.devices.audio_loop import AudioLoop
from render.live.devices.audio_process import StreamRequest
from render.live.instrument import Instrument
from render.live.level_meter import LevelMeter
from render.live.player import Player
from render.live.rig import Added, Rig
from studio.commands.live import live, live_replay
from studio.terminal import live_meter
from studio.terminal.live_meter import LiveMeter, Reading
from studio.workflows.live_rig import rig_from

RATE, BLOCK, WINDOW = 48_000, 512, 64
PLAIN = ("--preset", "click", "--strength", 0, "--blend", 0, "--no-meter")
"""Through the identity codec, moved nowhere."""


def run(*arguments):
    return CliRunner().invoke(live, [str(argument) for argument in arguments], catch_exceptions=False)


class Running:
    """``pisada live`` in a process of its own."""

    def __init__(self, folder: Path, *arguments):
        command = [sys.executable, "-m", "studio", "live", *map(str, arguments)]
        self._errors = folder / "stderr.txt"
        with open(self._errors, "w") as errors:
            out = {"stdout": subprocess.PIPE, "stderr": errors, "text": True, "preexec_fn": _in_the_foreground}
            self.process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **out)
        self.said = ""

    def until(self, words: str, seconds: float = 90.0) -> None:
        """Wait until it has said something."""
        end = time.monotonic() + seconds
        while words not in self.said and time.monotonic() < end:
            self.said = self._errors.read_text()
            time.sleep(0.02)
        assert words in self.said, self.said

    def end(self, by: signal.Signals = signal.SIGINT, status: int = 0) -> str:
        """Ctrl-C, or another way to be ended; answers the summary."""
        self.process.send_signal(by)
        summary, _ = self.process.communicate(timeout=90)
        self.said = self._errors.read_text()
        assert (self.process.returncode, "Traceback" in self.said) == (status, False), self.said
        return summary


def _in_the_foreground() -> None:
    """What runs behind a shell is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def log_of(take: Path) -> list[dict]:
    """The lines of a whole recording, which knows how long it is."""
    log = [json.loads(line) for line in (take / "control.jsonl").read_text().splitlines()]
    lengths = [soundfile.info(take / name).frames for name in ("input.wav", "output.wav")]
    assert lengths == 2 * [log[-1]["end"]]
    return log


@pytest.fixture
def peer(jack_server, tmp_path):
    """Starts the known sound; what it answers ends it and gives what was played and what came back."""
    pytest.importorskip("jack")
    running = []

    def start(name: str = "kept"):
        out, stop = tmp_path / f"{name}.npy", tmp_path / f"{name}.stop"
        command = [sys.executable, (Path(__file__).parents[1] / "jack_peer.py"), jack_server.name, out, stop]
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout.readline() == "ready\n"

        def end():
            stop.touch()
            assert process.wait(timeout=20) == 0
            return np.load(out.with_suffix(".played.npy")), np.load(out)

        return end

    yield start
    for process in running:
        process.kill()
        process.wait()


def delays(played: np.ndarray, kept: np.ndarray) -> dict[int, int]:
    """How late samples came back → how many did; asserts that each that is not silence was played, to the bit."""
    order = np.argsort(played)
    sounding = np.flatnonzero(kept)
    found = np.minimum(np.searchsorted(played, kept[sounding], sorter=order), len(played) - 1)
    np.testing.assert_array_equal(played[order[found]], kept[sounding])
    late, counts = np.unique((sounding - order[found]) % len(played), return_counts=True)
    return dict(zip(late.tolist(), counts.tolist(), strict=True))


@pytest.mark.alone("a sound server plays by the clock")
def test_what_comes_back_through_jack_is_the_input_late_by_what_is_told(peer, impulse_bank, tmp_path):
    end = peer()
    ends = ("--in", "source", "--out", "sink", "--channels", 1, "--out-channels", 1)
    playing = Running(tmp_path, *PLAIN, *ends, "--bank", impulse_bank, "--record", tmp_path / "take")
    playing.until("source → sink: 48000 Hz, blocks of 512, ")
    told_ms = float(re.search(r"([\d.]+) ms late", playing.said)[1])
    time.sleep(3)
    summary = playing.end()
    found = delays(*end())
    common = max(found, key=found.get)
    assert common == round(told_ms * RATE / 1000) and found[common] > 20 * BLOCK, found
    assert {late % BLOCK for late in found} == {0}  # an xrun moves the server's clock by a period, and never breaks one
    counts = dict(
        zip(("late", "blocks"), map(int, re.search(r"(\d+) of (\d+) blocks late", summary).groups()), strict=True)
    )
    log = log_of(tmp_path / "take")
    assert counts["blocks"] * BLOCK == soundfile.info(tmp_path / "take" / "input.wav").frames
    assert sum(line["late"][1] for line in log if "late" in line) == counts["late"]


@pytest.mark.slow
@pytest.mark.alone("a sound server plays by the clock")
def test_an_unplugged_device_is_told_and_found_again_and_the_recording_is_whole(
    peer, jack_server, impulse_bank, tmp_path
):
    peer("first")
    take = tmp_path / "take"
    playing = Running(tmp_path, *PLAIN, "--in", "source", "--out", "sink", "--bank", impulse_bank, "--record", take)
    playing.until("blocks of 512")
    time.sleep(1)
    jack_server.kill()
    playing.until("source → sink: it is gone; looking for it every second")
    jack_server.start(rate_hz=44_100)  # and at another rate than before
    end = peer("second")
    playing.until("source → sink: it is back, at 44100 Hz")
    time.sleep(2)
    summary = playing.end()
    assert str(take) in summary
    assert np.abs(end()[1]).max() > 0.25
    told = CliRunner().invoke(
        live_replay,
        [str(take), "--out", str(tmp_path / "again.wav"), "--bank", str(impulse_bank)],
        catch_exceptions=False,
    )
    assert told.stdout == f"{tmp_path / 'again.wav'}\n"
    output, again = (soundfile.read(path, dtype="float32")[0] for path in (take / "output.wav", tmp_path / "again.wav"))
    assert len(output) > 2 * RATE
    np.testing.assert_array_equal(again, output)


def test_a_file_stands_for_either_device(impulse_bank, tmp_path):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound, RATE, "FLOAT")
    files = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav")
    told = run(*PLAIN, *files, "--channels", 2, "--bank", impulse_bank)
    late = round(float(re.search(r"([\d.]+) ms latency", told.stdout)[1]) * RATE / 1000)
    assert told.stdout.splitlines()[1:] == [str(tmp_path / "out.wav")]
    heard = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    np.testing.assert_array_equal(heard[late : late + RATE], sound)
    np.testing.assert_array_equal(heard[:late], 0)


def test_what_osc_teaches_is_kept_while_it_plays(impulse_bank, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(20 * RATE), RATE)
    ends = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--osc", 57_130, "--map", tmp_path / "m.toml")
    playing = Running(
        tmp_path, *PLAIN, *ends, "--bank", impulse_bank, "--record", tmp_path / "take", "--learn", "gain_db"
    )
    playing.until("move a controller for gain_db")
    hand = SimpleUDPClient("127.0.0.1", 57_130)
    hand.send_message("/my/fader", 1.0)
    playing.until("m.toml: osc:/my/fader moves gain_db")
    hand.send_message("/pisada/mix", 0.5)
    hand.send_message("/pisada/mix", 5.0)
    playing.until("note: mix 5: 0 to 1 can be used")
    time.sleep(0.2)
    summary = playing.end()
    assert str(tmp_path / "take") in summary
    assert (tmp_path / "m.toml").read_text() == (
        'schema = 1\n\n[[binding]]\nsource = "osc:/my/fader"\ncontrol = "gain_db"\n'
    )
    log = log_of(tmp_path / "take")
    done = [(line["action"]["control"], line["action"]["value"]) for line in log if line.get("action")]
    assert done == [("gain_db", 24), ("mix", 0.5)]


def test_a_map_that_cannot_be_saved_is_told_and_playing_goes_on(impulse_bank, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(20 * RATE), RATE)
    ends = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--bank", impulse_bank)
    hands = ("--osc", 57_131, "--map", tmp_path / "absent" / "m.toml", "--learn", "gain_db")
    playing = Running(tmp_path, *PLAIN, *ends, *hands, "--record", tmp_path / "take")
    playing.until("move a controller for gain_db")
    hand = SimpleUDPClient("127.0.0.1", 57_131)
    hand.send_message("/my/fader", 1.0)
    playing.until("absent: cannot write here (No such file or directory); what was learned is not saved")
    hand.send_message("/pisada/mix", 5.0)
    playing.until("note: mix 5")
    summary = playing.end(signal.SIGTERM, DeviceError.exit_status)
    assert summary.splitlines()[1:] == [str(tmp_path / "take"), str(tmp_path / "out.wav")]
    assert playing.said.splitlines()[-1].startswith(f"pisada: {tmp_path / 'absent'}: cannot write here")
    assert [line["action"]["value"] for line in log_of(tmp_path / "take") if "action" in line] == [24]


@pytest.mark.parametrize(
    "missing, told",
    [
        (("--midi", "nowhere"), "MIDI port 'nowhere': not there"),
        (("--osc", "57132"), "OSC port 57132: "),
        (("--record", "kept"), "input.wav: is there already"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_made(impulse_bank, tmp_path, missing, told):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "input.wav").touch()
    before = sorted(tmp_path.rglob("*"))
    ends = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--record", tmp_path / "take")
    missing = tuple(tmp_path / part if part == "kept" else part for part in missing)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken,
        pytest.raises((DeviceError, OutputError), match=told),
    ):
        taken.bind(("127.0.0.1", 57_132))
        run(*PLAIN, *ends, *missing, "--bank", impulse_bank)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_while_playing_is_told_at_once_and_once(impulse_bank):
    class Lines(list):
        say, show = list.append, lambda self, reading: None

    class Broken:
        parameters, latency_samples = {}, 0

        def push(self, block):
            raise RuntimeError("the string broke")

    rig = Rig(model="pcm")
    instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank), [Broken()])
    player = Player(instrument, BLOCK)
    loop = AudioLoop(
        player.play, 0, StreamRequest(None, None, RATE, BLOCK, 1), iter([np.zeros((1, BLOCK))] * 20), lambda out: 0
    )
    said = Lines()
    show = LiveMonitor(
        loop, player, ControllerRouter(player.control, {}, LiveMap(), {}, {}), [], rig, said, Path("m.toml")
    )
    loop.start()
    show.run(None)
    for _ in range(2):
        show.look(1.0)
    loop.stop()
    player.close()
    assert said == ["note: RuntimeError: the string broke"]


def test_bad_options_are_told_before_anything_is_opened(impulse_bank, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    files = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav")
    (tmp_path / "m.toml").write_text('[[binding]]\nsource = "cc.1.1"\ncontrol = "loudness"\n')
    for wrong, told in (
        ((), "give --preset NAME, or a --rig FILE that names one"),
        ((*PLAIN, "--mix", 2), "mix 2: 0 to 1 can be used"),
        ((*PLAIN, "--in-channels", "0"), "--in-channels '0': write up to 8 numbers from 1, as in 1,2"),
        ((*PLAIN, "--map", tmp_path / "m.toml"), r"binding\[0\] \(cc.1.1\): no control 'loudness'"),
        ((*PLAIN, "--learn", "loudness"), "no control 'loudness'"),
        ((*PLAIN, "--sum", "hum"), "write PRESET=WEIGHT"),
        ((*PLAIN, "--add", "hum=99"), "gain_db 99: -60 to 24 can be used"),
        ((*PLAIN, "--add", "hums"), "no preset 'hums'"),
        ((*PLAIN[2:], "--preset", tmp_path / "no.preset.safetensors"), "no.preset.safetensors: not a readable preset"),
    ):
        with pytest.raises(InputError, match=told):
            run(*wrong, *files, "--bank", impulse_bank)
        assert not (tmp_path / "out.wav").exists()


def test_flags_join_the_rigs_and_take_the_models_name_from_a_presets_file(impulse_bank, tmp_path):
    own = impulse_bank / "click.preset.safetensors"
    rig = rig_from(None, {"mix": 0.5}, ("3:off",), {"preset": str(own)}, ("hum=0.5",), ("m.safetensors:hum=-6", "tone"))
    assert (rig.model, rig.preset, rig.sum, rig.controls) == ("pcm", str(own), {"hum": 0.5}, {"mix": 0.5})
    assert rig.add == [Added(preset="hum", model="m.safetensors", gain_db=-6.0), Added(preset="tone")]
    (tmp_path / "rig.toml").write_text(
        'preset = "click"\n[sum]\ntone = 0.1\nhum = 0.2\n[[add]]\npreset = "burst"\ngain_db = -3.0\n'
    )
    joined = rig_from(tmp_path / "rig.toml", {}, (), {}, ("hum=0.5",))
    assert (joined.sum, joined.add) == ({"tone": 0.1, "hum": 0.5}, [Added(preset="burst", gain_db=-3.0)])


def test_the_meter_shows_peaks_counts_and_what_is_wrong():
    player = LevelMeter(1_000, 3, 1, (-12.0,), (0.5, -math.inf), 1280, 0.25)
    reading = Reading(
        61.0, player, 37.3, 0.4, 2, 1, 1, "step-gravel", "source → sink", "cc.1.20 → mix 0.5", "it is gone"
    )
    assert live_meter.status_line(reading) == (
        "1:01 in -12 out 0 -inf dBFS | 37.3 ms | late 3, restarts 1, device 2+1 | worker 25%, cpu 40% "
        "| cc.1.20 → mix 0.5"
    )
    meter, console = LiveMeter(), Console(width=120, record=True, file=io.StringIO())
    console.print(meter._picture(reading))
    quieter = replace(player, input_peak_db=(-30.0,))
    console.print(meter._picture(replace(reading, player=quieter)))
    shown = console.export_text()
    assert shown.count("in 1") == 2 and shown.count("-12.0 dBFS") == 2  # the second time it is held
    for words in (
        "out 2",
        "-inf dBFS",
        "late 3 of 1000   restarts 1   device 2 lost, 1 missed, 1 reopened",
        "it is gone",
    ):
        assert words in shown


@pytest.mark.skipif(
    os.path.exists("/dev/snd") or not ctypes.util.find_library("portaudio"),
    reason="PortAudio and a machine without sound are needed",
)
def test_where_no_devices_are_that_is_told(monkeypatch):
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "none")
    assert run("--list").stdout.splitlines() == ["no sound devices were found", "no MIDI inputs were found"]


@pytest.mark.alone("a sound server plays by the clock")
def test_devices_are_listed_and_an_unknown_one_is_told(jack_server, impulse_bank):
    told = run("--list").stdout
    assert re.search(r"^ *\d+ \*\* system \(JACK Audio Connection Kit\): 2 in, 2 out, 48000 Hz$", told, re.MULTILINE)
    with pytest.raises(DeviceError, match="input device 'nothing': there is none such; there are: .*system"):
        run(*PLAIN, "--in", "nothing", "--bank", impulse_bank)
