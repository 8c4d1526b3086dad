"""``pisada live`` through a real sound server, and through files."""

import ctypes.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from pythonosc.udp_client import SimpleUDPClient

from plugin_backend.errors import DeviceError, OutputError
from studio.commands.live import live_replay
from tests.studio.live_run import BLOCK, PLAIN, RATE, Running, log_of, run


@pytest.fixture
def peer(jack_server, tmp_path):
    """Start a known sound. The returned function ends it, and returns what was played and what came back."""
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
    """Return delay → number of samples that came back with it; assert that each of them was played."""
    order = np.argsort(played)
    sounding = np.flatnonzero(kept)
    found = np.minimum(np.searchsorted(played, kept[sounding], sorter=order), len(played) - 1)
    np.testing.assert_array_equal(played[order[found]], kept[sounding])
    late, counts = np.unique((sounding - order[found]) % len(played), return_counts=True)
    return dict(zip(late.tolist(), counts.tolist(), strict=True))


@pytest.mark.alone("a sound server plays by the clock")
def test_audio_through_jack_has_reported_latency(peer, impulse_bank, tmp_path):
    end = peer()
    ends = ("--in", "source", "--out", "sink", "--channels", 1, "--out-channels", 1)
    playing = Running(tmp_path, *PLAIN, *ends, "--bank", impulse_bank, "--record", tmp_path / "take")
    playing.until("source → sink: 48000 Hz, blocks of 512, ")
    printed_ms = float(re.search(r"([\d.]+) ms late", playing.printed)[1])
    time.sleep(3)
    summary = playing.end()
    found = delays(*end())
    common = max(found, key=found.get)
    assert common == round(printed_ms * RATE / 1000) and found[common] > 20 * BLOCK, found
    assert {(late - common) % BLOCK for late in found} == {0}  # an xrun moves the server's clock by a whole period
    counts = dict(
        zip(("late", "blocks"), map(int, re.search(r"(\d+) of (\d+) blocks late", summary).groups()), strict=True)
    )
    log = log_of(tmp_path / "take")
    assert counts["blocks"] * BLOCK == soundfile.info(tmp_path / "take" / "input.wav").frames
    assert sum(line["late"][1] for line in log if "late" in line) == counts["late"]


@pytest.mark.slow
@pytest.mark.alone("a sound server plays by the clock")
def test_lost_device_is_reported_and_opened_again(peer, jack_server, impulse_bank, tmp_path):
    peer("first")
    take = tmp_path / "take"
    playing = Running(tmp_path, *PLAIN, "--in", "source", "--out", "sink", "--bank", impulse_bank, "--record", take)
    playing.until("blocks of 512")
    time.sleep(1)
    jack_server.kill()
    playing.until("source → sink: it is gone; looking for it every second")
    jack_server.start(rate_hz=44_100)  # at another rate than before
    end = peer("second")
    playing.until("source → sink: it is back, at 44100 Hz")
    time.sleep(2)
    summary = playing.end()
    assert str(take) in summary
    assert np.abs(end()[1]).max() > 0.25
    message = CliRunner().invoke(
        live_replay,
        [str(take), "--out", str(tmp_path / "again.wav"), "--bank", str(impulse_bank)],
        catch_exceptions=False,
    )
    assert message.stdout == f"{tmp_path / 'again.wav'}\n"
    output, again = (soundfile.read(path, dtype="float32")[0] for path in (take / "output.wav", tmp_path / "again.wav"))
    assert len(output) > 2 * RATE
    np.testing.assert_array_equal(again, output)


def test_files_replace_devices(impulse_bank, tmp_path):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound, RATE, "FLOAT")
    files = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav")
    message = run(*PLAIN, *files, "--channels", 2, "--bank", impulse_bank)
    late = round(float(re.search(r"([\d.]+) ms latency", message.stdout)[1]) * RATE / 1000)
    assert message.stdout.splitlines()[1:] == [str(tmp_path / "out.wav")]
    audio = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    np.testing.assert_array_equal(audio[late : late + RATE], sound)
    np.testing.assert_array_equal(audio[:late], 0)


def test_learned_osc_binding_is_saved_while_playing(impulse_bank, tmp_path):
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


def test_unsaved_map_is_reported_and_playing_goes_on(impulse_bank, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(20 * RATE), RATE)
    ends = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--bank", impulse_bank)
    performer = ("--osc", 57_131, "--map", tmp_path / "absent" / "m.toml", "--learn", "gain_db")
    playing = Running(tmp_path, *PLAIN, *ends, *performer, "--record", tmp_path / "take")
    playing.until("move a controller for gain_db")
    hand = SimpleUDPClient("127.0.0.1", 57_131)
    hand.send_message("/my/fader", 1.0)
    playing.until("absent: cannot write here (No such file or directory); what was learned is not saved")
    hand.send_message("/pisada/mix", 5.0)
    playing.until("note: mix 5")
    summary = playing.end(signal.SIGTERM, DeviceError.exit_status)
    assert summary.splitlines()[1:] == [str(tmp_path / "take"), str(tmp_path / "out.wav")]
    assert playing.printed.splitlines()[-1].startswith(f"pisada: {tmp_path / 'absent'}: cannot write here")
    assert [line["action"]["value"] for line in log_of(tmp_path / "take") if "action" in line] == [24]


@pytest.mark.parametrize(
    "missing, message",
    [
        (("--midi", "nowhere"), "MIDI port 'nowhere': not there"),
        (("--osc", "57132"), "OSC port 57132: "),
        (("--record", "kept"), "input.wav: is there already"),
    ],
)
def test_missing_parts_are_reported_before_files_are_made(impulse_bank, tmp_path, missing, message):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "input.wav").touch()
    before = sorted(tmp_path.rglob("*"))
    ends = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav", "--record", tmp_path / "take")
    missing = tuple(tmp_path / part if part == "kept" else part for part in missing)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken,
        pytest.raises((DeviceError, OutputError), match=message),
    ):
        taken.bind(("127.0.0.1", 57_132))
        run(*PLAIN, *ends, *missing, "--bank", impulse_bank)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(
    os.path.exists("/dev/snd") or not ctypes.util.find_library("portaudio"),
    reason="PortAudio and a machine without sound are needed",
)
def test_no_devices_is_reported(monkeypatch):
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "none")
    assert run("--list").stdout.splitlines() == ["no sound devices were found", "no MIDI inputs were found"]


@pytest.mark.alone("a sound server plays by the clock")
def test_devices_are_listed_and_unknown_device_is_refused(jack_server, impulse_bank):
    message = run("--list").stdout
    assert re.search(r"^ *\d+ \*\* system \(JACK Audio Connection Kit\): 2 in, 2 out, 48000 Hz$", message, re.MULTILINE)
    with pytest.raises(DeviceError, match="input device 'nothing': not there; there are: .*system"):
        run(*PLAIN, "--in", "nothing", "--bank", impulse_bank)
