"""A recording is rendered again to the same samples."""

import itertools
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import CheckpointError, OutputError, PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.instrument.effect_chain import Effect
from render.live import audio_worker as worker
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.offline_player import blocks_from, play_through
from render.live.recording.recorder import Recorder, spans
from render.live.recording.replay import replay
from render.live.rig import Rig

pytestmark = pytest.mark.slow

RATE = 48_000
EFFECTS = [Effect(name="lfo", settings={}), Effect(name="gain", settings={"gain_db": -3.0})]


def clapping(seconds: float, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(8)
    sound = 1e-3 * rng.standard_normal((channels, round(seconds * RATE)))
    for at in range(RATE // 5, sound.shape[1] - RATE // 5, RATE // 4):
        sound[:, at : at + 4_800] += rng.uniform(0.1, 0.5) * rng.uniform(-1, 1, 4_800) * np.exp(-np.arange(4_800) / 500)
    return sound.astype(np.float32)


def played(folder, rig: Rig, sound: np.ndarray, actions=(), stalls=None, bank=FACTORY_BANK) -> Player:
    instrument = Instrument(rig, load_codec(rig.model), Bank(bank))
    player = Player(instrument, rig.block_samples, 1, Recorder(folder, rig, instrument), threaded=False)
    for at, control, value, text in actions:
        player.control(control, value, text, at_samples=at)
    play_through(player, blocks_from(sound, rig.channels, rig.block_samples, RATE), stalls=stalls)
    player.close()
    assert player.meter().problem == ""
    return player


def of(path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


DEEDS = [
    (1_000, "mix", 0.7, ""),
    (9_999, "strike", 0.8, "36"),
    (12_000, "preset", 0.0, "step-snow"),
    (15_001, "fx.1.gain_db", -9.0, ""),
    (21_000, "strike", 0.5, "amb-wind"),
    (40_000, "follow", 0.5, ""),
    (50_000, "release", 0.0, ""),
    (52_000, "bypass", 1.0, ""),
    (55_000, "bypass", 0.0, ""),
]


@pytest.mark.parametrize("mode", ["transfer", "hits"])
def test_recording_is_rendered_again_to_the_bit(tmp_path, mode):
    rig = Rig(preset="step-gravel", mode=mode, channels=2, effects=EFFECTS, pads={"36": "door-slam"}, seed=3)
    sound = clapping(1.6, 2)
    stalls = {20: 2, 40: 1, 60: 50, 112: 3}
    player = played(tmp_path / "take", rig, sound, DEEDS, stalls)
    meter = player.meter()
    assert meter.late_blocks > 50
    assert meter.restarts == 1
    output = of(tmp_path / "take" / "output.wav")
    np.testing.assert_array_equal(of(tmp_path / "take" / "input.wav")[: sound.shape[1]], sound.T)
    np.testing.assert_array_equal(of(replay(tmp_path / "take", tmp_path / "again.wav")), output)


@pytest.mark.parametrize("block_s, shed", [(0.02, 4), (0.008, 0)], ids=["cannot be carried", "was held up once"])
def test_shed_sounds_are_shed_again_in_replay(tmp_path, impulse_bank, monkeypatch, block_s, shed):
    """A block has 10.7 ms; of six held sounds as many are ended as reduce 20 ms to 8."""
    clock = itertools.count()
    monkeypatch.setattr(worker, "perf_counter", lambda: next(clock) * block_s)
    actions = [(1_000 * n, "strike", 0.5 + 0.1 * n, "hum") for n in range(6)]
    rig, take = Rig(model="pcm", preset="hum"), tmp_path / "take"
    player = played(take, rig, clapping(1.6), actions, {60: 50}, bank=impulse_bank)
    assert (player.meter().restarts, player.meter().shed, player._instrument.held) == (1, shed, 6 - shed)
    again = replay(take, tmp_path / "again.wav", bank=impulse_bank)
    np.testing.assert_array_equal(of(again), of(take / "output.wav"))
    whole = of(replay(take, tmp_path / "whole.wav", as_played=False, bank=impulse_bank))
    assert np.abs(whole[-512:] - of(again)[-512:]).max() > 0.01 * bool(shed)


def test_undisturbed_replay_equals_playing_without_late_blocks(tmp_path):
    rig, sound = Rig(preset="step-gravel"), clapping(1)
    actions = [(2_000, "mix", 0.5, ""), (30_000, "strike", 1.0, "water-drop")]
    played(tmp_path / "late", rig, sound, actions, {10: 4, 50: 2})
    played(tmp_path / "calm", rig, sound, actions)
    undisturbed = of(replay(tmp_path / "late", tmp_path / "late.wav", as_played=False))
    np.testing.assert_array_equal(undisturbed, of(tmp_path / "calm" / "output.wav"))


def test_threaded_recording_is_rendered_again_to_the_bit(tmp_path):
    rig = Rig(preset="step-gravel")
    instrument = Instrument(rig, load_codec("foley"), Bank(FACTORY_BANK))
    player = Player(instrument, 512, 1, Recorder(tmp_path / "take", rig, instrument))
    blocks = list(blocks_from(clapping(1.5), 1, 512, RATE))

    def playing():
        for number, block in enumerate(blocks):
            if number in (20, 60):
                player.control("strike", 0.9, "door-slam")
            if number in (30, 50, 80):
                player.control("preset", text=("amb-rain", "cloth-leather", "step-snow")[number // 30])
                player.control("blend", number / 100)
            yield block

    play_through(player, playing(), sample_rate=RATE)
    player.close()
    output = of(tmp_path / "take" / "output.wav")
    assert len(output) == len(blocks) * 512
    np.testing.assert_array_equal(of(replay(tmp_path / "take", tmp_path / "again.wav")), output)
    header, *lines = map(json.loads, (tmp_path / "take" / "control.jsonl").read_text().splitlines())
    assert header["latency_samples"] == 512 + load_codec("foley").spec.latency_samples + 64
    assert set(header["presets"]) == {"step-gravel"}
    actions = [line["action"] for line in lines if "action" in line]
    blends = [action["at_samples"] for action in actions if action["control"] == "blend"]
    assert all(first * 512 <= at for first, at in zip((30, 50, 80), blends, strict=True))
    assert lines[-1] == {"end": len(output)}


def test_changed_model_preset_or_log_is_refused(tmp_path):
    rng, codec, bank = np.random.default_rng(0), load_codec("pcm"), tmp_path / "bank"
    save_preset(encode_pieces(codec, "knock", [rng.uniform(-1, 1, 2_048).astype(np.float32)], "hit"), bank)
    rig = Rig(model="pcm", preset="knock", mode="hits", bank=str(bank))
    played(tmp_path / "take", rig, clapping(0.5), bank=bank)
    with pytest.raises(OutputError, match="control.jsonl: is there already|input.wav: is there already"):
        played(tmp_path / "take", rig, clapping(0.5), bank=bank)
    with pytest.raises(CheckpointError, match=r"^it was played with model 'pcm' \(pcm\), not with "):
        replay(tmp_path / "take", tmp_path / "out.wav", model="foley")
    save_preset(encode_pieces(codec, "knock", [rng.uniform(-1, 1, 2_048).astype(np.float32)], "hit"), bank)
    with pytest.raises(PresetError, match="^preset 'knock' in .* is not what was played"):
        replay(tmp_path / "take", tmp_path / "out.wav")
    log = tmp_path / "take" / "control.jsonl"
    header = log.read_text().splitlines()[0]
    log.write_text(header + '\n{"late": [1, "many"]}\n')
    with pytest.raises(ProjectError, match="control.jsonl, line 2: Expected `int`, got `str`"):
        replay(tmp_path / "take", tmp_path / "out.wav")
    log.write_text("")
    with pytest.raises(ProjectError, match="control.jsonl: its first line is missing"):
        replay(tmp_path / "take", tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_replay_is_dry_after_worker_failure(tmp_path, impulse_bank):
    rig, sound = Rig(model="pcm", bank=str(impulse_bank), controls={"gain_db": -6.0}), clapping(1)
    player = played(tmp_path / "take", rig, sound, bank=impulse_bank)
    with open(tmp_path / "take" / "control.jsonl", "a") as log:
        log.write('{"failed": 20480}\n{"late": [41, 60]}\n{"late": [10')  # the last line is cut off
    again = of(replay(tmp_path / "take", tmp_path / "again.wav"))
    output = of(tmp_path / "take" / "output.wav")
    np.testing.assert_array_equal(again[: 41 * 512], output[: 41 * 512])
    np.testing.assert_array_equal(
        again[41 * 512 + 240 :, 0], sound[0][41 * 512 + 240 - player.latency_samples :][: len(again) - 41 * 512 - 240]
    )


PLAYER = """
import sys, resource
import numpy as np
from pathlib import Path
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from render.live import audio_worker as worker
from render.live.recording.offline_player import blocks_from, play_through
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.recorder import Recorder
from render.live.rig import Rig
bank, folder, seconds, bytes = sys.argv[1:]
if int(bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(bytes), int(bytes)))
rig = Rig(model="pcm", bank=bank, controls={"gain_db": -6.0}, pads={"36": "burst"})
instrument = Instrument(rig, load_codec("pcm"), Bank(Path(bank)))
player = Player(instrument, 512, 1, Recorder(Path(folder), rig, instrument))
sound = np.random.default_rng(0).uniform(-0.5, 0.5, (1, int(float(seconds) * 48000))).astype(np.float32)
def blocks():
    for number, block in enumerate(blocks_from(sound, 1, 512, 48000)):
        if number % 25 == 0:
            player.control("strike", 0.5, "36")
        yield block
played = play_through(player, blocks(), sample_rate=48000 if not int(bytes) else None)
player.close()
print(player.meter().problem, played.shape[1], float(np.abs(played[0, -48000:]).max()) > 0.1, flush=True)
"""


def playing_elsewhere(bank, folder, seconds: float, most_bytes: int = 0) -> subprocess.Popen:
    command = [sys.executable, "-c", PLAYER, bank, folder, str(seconds), str(most_bytes)]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)


def test_recording_of_killed_process_can_be_rendered(tmp_path, impulse_bank):
    folder = tmp_path / "take"
    with playing_elsewhere(impulse_bank, folder, 60) as process:
        while not (folder / "output.wav").exists() or (folder / "output.wav").stat().st_size < 4 * RATE:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    output = of(folder / "output.wav")
    again = of(replay(folder, tmp_path / "again.wav"))
    count = min(len(output), len(again))
    assert count > RATE // 2
    assert abs(len(output) - len(again)) <= RATE // 2
    np.testing.assert_array_equal(again[:count], output[:count])


def test_full_disk_is_reported_and_playing_goes_on(tmp_path, impulse_bank):
    folder = tmp_path / "take"
    with playing_elsewhere(impulse_bank, folder, 8, 2**20) as process:
        message, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "recording stopped after" in message
    assert message.strip().endswith(f"{-(-8 * RATE // 512) * 512} True")
    output, again = of(folder / "output.wav"), of(replay(folder, tmp_path / "again.wav"))
    count = min(len(output), len(again))
    assert count > 4 * RATE
    np.testing.assert_array_equal(again[:count], output[:count])


def test_spans_are_runs():
    assert spans([3, 4, 5, 9, 11, 12]) == [(3, 3), (9, 1), (11, 2)]
    assert spans([]) == []


def test_recording_that_cannot_begin_leaves_nothing(tmp_path, impulse_bank):
    (tmp_path / "take").mkdir()
    (tmp_path / "take" / "output.wav").symlink_to(tmp_path / "absent" / "output.wav")
    with pytest.raises(OutputError, match="cannot write here"):
        played(tmp_path / "take", Rig(model="pcm", bank=str(impulse_bank)), clapping(0.1), bank=impulse_bank)
    assert [path.name for path in (tmp_path / "take").iterdir()] == ["output.wav"]


def test_preset_files_work_and_controllers_cannot_name_more(tmp_path, impulse_bank):
    rng, codec = np.random.default_rng(0), load_codec("pcm")
    paths = [
        save_preset(encode_pieces(codec, name, [rng.uniform(-1, 1, 2_048).astype(np.float32)], "hit"), tmp_path / "own")
        for name in ("knock", "click")  # the bank has a click too
    ]
    rig = Rig(model="pcm", preset=str(paths[0]), pads={"36": str(paths[1])}, mode="hits", bank=str(impulse_bank))
    actions = [(10_000, "strike", 1.0, "36"), (20_000, "strike", 1.0, str(paths[0])), (30_000, "preset", 0.0, "burst")]
    player = played(tmp_path / "take", rig, clapping(0.8), actions, bank=impulse_bank)
    with pytest.raises(PresetError, match="no preset '"):
        player.control("preset", text=str(tmp_path / "elsewhere.preset.safetensors"))
    _, *lines = map(json.loads, (tmp_path / "take" / "control.jsonl").read_text().splitlines())
    assert [line["action"]["text"] for line in lines if "action" in line] == ["click", "knock", "burst"]
    output = of(tmp_path / "take" / "output.wav")[player.latency_samples :, 0]
    bare = played(tmp_path / "bare", rig, clapping(0.8), actions[2:], bank=impulse_bank)
    strikes = (output - of(tmp_path / "bare" / "output.wav")[bare.latency_samples :, 0])[10_000:12_000]
    assert np.sqrt(np.square(strikes).mean()) > 0.2  # noise, limited; the bank's click is one sample
    np.testing.assert_array_equal(
        of(replay(tmp_path / "take", tmp_path / "again.wav"))[player.latency_samples :, 0], output
    )
    (tmp_path / "other").mkdir()
    twin = (tmp_path / "other" / paths[0].name).absolute()
    twin.write_bytes(paths[0].read_bytes())
    with pytest.raises(PresetError, match="two presets of one name"):
        Instrument(Rig(model="pcm", preset=str(paths[0]), to=str(twin)), codec, Bank(impulse_bank))


def test_nothing_stays_if_nothing_was_played(tmp_path, impulse_bank):
    rig = Rig(model="pcm", bank=str(impulse_bank))
    instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank))
    player = Player(instrument, 512, 1, Recorder(tmp_path / "a" / "take", rig, instrument))
    assert len(list((tmp_path / "a" / "take").iterdir())) == 3
    player.close()
    assert list(tmp_path.iterdir()) == []
