"""``pisada live`` between files: nobody waits for an answer, so none is late."""

import json
import math
import re
import time

import numpy as np
import soundfile
from click.testing import CliRunner
from studio.workflows.live_monitor import late_hint

from render.live.devices.audio_stream import ClockStream
from render.live.instrument import Instrument
from render.live.level_meter import LevelMeter
from studio.commands.live import live

RATE, BLOCK = 48_000, 512
PLAIN = ("--preset", "click", "--strength", 0, "--blend", 0, "--no-meter")
"""Through the identity codec, moved nowhere."""


def run(folder, bank, *arguments):
    ends = ("--in", folder / "in.wav", "--out", folder / "out.wav", "--record", folder / "take", "--bank", bank)
    words = map(str, (*PLAIN, *ends, *arguments))
    return CliRunner().invoke(live, list(words), catch_exceptions=False)


def test_no_block_is_late_however_slow_the_machine(impulse_bank, tmp_path, monkeypatch):
    """Each answer takes as long as three blocks sound; one in fifty as long as a worker may be behind."""
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, RATE).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", sound, RATE, "FLOAT")
    push, counted = Instrument.push, []

    def slow(self, block):
        counted.append(None)
        time.sleep(0.3 if len(counted) % 50 == 0 else 0.03)
        return push(self, block)

    monkeypatch.setattr(Instrument, "push", slow)
    told = run(tmp_path, impulse_bank, "--seconds", 0.75)
    blocks = math.ceil(0.75 * RATE / BLOCK) + 1  # the last is the silence in which it ends
    assert f"played, 0 of {blocks} blocks late, 0 restarts" in told.stdout
    assert "late" not in told.stderr.replace("ms late", "")
    heard = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    late = round(float(re.search(r"([\d.]+) ms latency", told.stdout)[1]) * RATE / 1000)
    assert len(heard) == blocks * BLOCK
    np.testing.assert_array_equal(heard[late:], sound[: len(heard) - late])
    log = [json.loads(line) for line in (tmp_path / "take" / "control.jsonl").read_text().splitlines()]
    assert [line for line in log if "late" in line or "restart" in line] == []


def test_nobody_waits_for_the_clock_and_the_recorder_is_waited_for(impulse_bank, tmp_path, monkeypatch):
    """Its ring holds four seconds."""
    soundfile.write(tmp_path / "in.wav", np.zeros(20 * RATE), RATE)
    blocks, paced = ClockStream.blocks, []

    def noted(self, stop):
        paced.append(self._paced)
        return blocks(self, stop)

    monkeypatch.setattr(ClockStream, "blocks", noted)
    told = run(tmp_path, impulse_bank)
    assert paced == [False]
    assert re.match(r"0\.3 min played, 0 of 1\d\d\d blocks late", told.stdout)
    assert soundfile.info(tmp_path / "take" / "input.wav").frames >= 20 * RATE


def test_hands_are_played_at_the_clocks_pace(impulse_bank, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE // 10), RATE)
    blocks, paced = ClockStream.blocks, []

    def noted(self, stop):
        paced.append(self._paced)
        return blocks(self, stop)

    monkeypatch.setattr(ClockStream, "blocks", noted)
    assert " 0 of " in run(tmp_path, impulse_bank, "--osc", 57_133).stdout
    assert paced == [True]


def test_what_helps_against_late_blocks_is_told():
    def meter(late: int) -> LevelMeter:
        return LevelMeter(1_000, late, 0, (0.0,), (0.0,), 0, 0.5)

    assert late_hint(meter(10), 1) == ""
    assert late_hint(meter(571), 2) == (
        "57% of the blocks were late: the machine is too busy; close other programs, or give --ahead 3 or --realtime"
    )
