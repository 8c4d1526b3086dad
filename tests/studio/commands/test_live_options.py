"""``pisada live``: options and rigs, the meter, and failures while playing."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from plugin_backend.errors import InputError
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
from studio.terminal import live_meter
from studio.terminal.live_meter import LiveMeter, Reading
from studio.workflows.live_monitor import LiveMonitor
from studio.workflows.live_rig import rig_from
from tests.studio.live_run import BLOCK, PLAIN, RATE, run


def test_failure_while_playing_is_reported_once(impulse_bank):
    class Lines(list):
        print_line, show = list.append, lambda self, reading: None

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
    printed = Lines()
    monitor = LiveMonitor(
        loop, player, ControllerRouter(player.control, {}, LiveMap(), {}, {}), [], rig, printed, Path("m.toml")
    )
    loop.start()
    monitor.run(None)
    for _ in range(2):
        monitor.check(1.0)
    loop.stop()
    player.close()
    assert printed == ["note: RuntimeError: the string broke"]


def test_bad_options_are_refused_before_opening(impulse_bank, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    files = ("--in", tmp_path / "in.wav", "--out", tmp_path / "out.wav")
    (tmp_path / "m.toml").write_text('[[binding]]\nsource = "cc.1.1"\ncontrol = "loudness"\n')
    for wrong, message in (
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
        with pytest.raises(InputError, match=message):
            run(*wrong, *files, "--bank", impulse_bank)
        assert not (tmp_path / "out.wav").exists()


def test_flags_override_rig_and_model_comes_from_preset_file(impulse_bank, tmp_path):
    own = impulse_bank / "click.preset.safetensors"
    rig = rig_from(None, {"mix": 0.5}, ("3:off",), {"preset": str(own)}, ("hum=0.5",), ("m.safetensors:hum=-6", "tone"))
    assert (rig.model, rig.preset, rig.sum, rig.controls) == ("pcm", str(own), {"hum": 0.5}, {"mix": 0.5})
    assert rig.add == [Added(preset="hum", model="m.safetensors", gain_db=-6.0), Added(preset="tone")]
    (tmp_path / "rig.toml").write_text(
        'preset = "click"\n[sum]\ntone = 0.1\nhum = 0.2\n[[add]]\npreset = "burst"\ngain_db = -3.0\n'
    )
    joined = rig_from(tmp_path / "rig.toml", {}, (), {}, ("hum=0.5",))
    assert (joined.sum, joined.add) == ({"tone": 0.1, "hum": 0.5}, [Added(preset="burst", gain_db=-3.0)])


def test_meter_shows_peaks_counts_and_problem():
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
    assert shown.count("in 1") == 2 and shown.count("-12.0 dBFS") == 2  # the second time the peak is held
    for words in (
        "out 2",
        "-inf dBFS",
        "late 3 of 1000   restarts 1   device 2 lost, 1 missed, 1 reopened",
        "it is gone",
    ):
        assert words in shown
