"""Takes struck by actions and by the hits of the input: at their samples, with their levels."""

import numpy as np
import pytest

from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import HITS, Settings
from presets.bank import Bank
from presets.capture import encode_pieces
from render.apply.applier import Applier
from render.instrument.actions import Action
from render.instrument.take_pool import EFFORTS
from render.instrument.voices import FADE_SAMPLES, MOST_VOICES, Voice, Voices, channel_gains
from render.live.hits_mode import HitEnvelope, ReferenceLevel
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.offline_player import blocks_from, play_through
from render.live.rig import Rig

RATE = 48_000
STILL = {"strength": 0.0, "blend": 0.0}


def play_aligned(rig: Rig, bank, sound: np.ndarray, actions=()) -> np.ndarray:
    """Return the output, aligned with the input and as long."""
    player = Player(Instrument(rig, load_codec(rig.model), bank), rig.block_samples, rig.ahead_blocks, threaded=False)
    for at, control, value, text in actions:
        player.control(control, value, text, at_samples=at)
    blocks = blocks_from(sound, rig.channels, rig.block_samples, RATE, player.latency_samples)
    return play_through(player, blocks)[:, player.latency_samples :][:, : sound.shape[1]]


def clapped(onsets: list[int], levels: list[float], length: int) -> np.ndarray:
    """Return bursts that begin with their loudest sample."""
    rng, audio = np.random.default_rng(4), np.zeros((1, length), np.float32)
    for at, level in zip(onsets, levels, strict=True):
        burst = rng.uniform(-1, 1, RATE // 10) * np.exp(-np.arange(RATE // 10) / (RATE / 100))
        burst[0] = 1.0
        audio[0, at : at + burst.size] += level * burst
    return audio


@pytest.mark.parametrize("block", [64, 333, 512, 2048])
@pytest.mark.parametrize("mode", ["transfer", "hits"])
def test_strike_begins_at_its_sample_with_squared_velocity(impulse_bank, block, mode):
    strikes = [(0, 1.0), (3_001, 0.5), (3_002, 0.25), (20_000, 0.1)]
    rig = Rig(model="pcm", mode=mode, block_samples=block, controls=STILL if mode == "transfer" else {})
    actions = [(at, "strike", velocity, "click") for at, velocity in strikes]
    out = play_aligned(rig, Bank(impulse_bank), np.zeros((1, 24_000), np.float32), actions)
    assert np.flatnonzero(out[0]).tolist() == [at for at, _ in strikes]
    np.testing.assert_allclose(out[0, [at for at, _ in strikes]], [0.5 * v * v for _, v in strikes], rtol=1e-6)


def test_pad_strikes_its_preset_and_texture_sounds_until_release(impulse_bank):
    rig = Rig(model="pcm", controls=STILL, pads={"36": "click", "40": "hum"}, channels=2)
    actions = [(1_000, "strike", 1.0, "40"), (9_000, "strike", 1.0, "36"), (30_000, "release", 0.0, "40")]
    out = play_aligned(rig, Bank(impulse_bank), np.zeros((2, 48_000), np.float32), actions)
    np.testing.assert_array_equal(out[0], out[1])
    assert not out[:, :1_000].any()
    tone = np.sqrt(np.square(out[0, 4_000:30_000].reshape(-1, 2_000)).mean(axis=1))
    assert (tone > 0.1).all()
    assert not out[:, 30_000 + FADE_SAMPLES :].any()
    assert out[0, 30_000 : 30_000 + FADE_SAMPLES // 2].any()
    assert abs(out[0, 9_000] - out[0, 9_048]) > 0.4  # the click on top of a tone whose period is 48
    without = play_aligned(rig, Bank(impulse_bank), np.zeros((2, 48_000), np.float32), actions[:1] + actions[2:])
    assert np.flatnonzero((out != without)[0]).tolist() == [9_000]


def test_oldest_of_too_many_voices_fades_out():
    voices, out = Voices(), np.zeros((1, 4_000), np.float32)
    for number in range(MOST_VOICES + 3):
        voices.start(Voice("a", number, np.full(4_000, 2.0**-10, np.float32), 1.0))
    voices.add_to(out, 0)
    np.testing.assert_allclose(out[0, 1_000:], MOST_VOICES * 2.0**-10, rtol=1e-6)
    assert np.abs(np.diff(out[0, MOST_VOICES + 3 :], 2)).max() < 1e-5


class Counted:
    """A held sound of level 0.1 that counts its calls."""

    def __init__(self):
        self.made, self.skipped = 0, []

    def __next__(self):
        self.made += 1
        return np.full((1, 512), 0.1, np.float32)

    def skip(self, samples):
        self.skipped.append(samples)


def test_skipped_time_of_held_sound_is_not_decoded_and_it_fades_in():
    voices, sound, let_go = Voices(), Counted(), Counted()
    for one, name in ((sound, "stays"), (let_go, "goes")):
        voices.start(Voice(name, 0, one, 1.0))
    voices.add_to(np.zeros((1, 512), np.float32), 0)
    voices.release("goes", 512)
    later = np.zeros((1, 1_024), np.float32)
    voices.add_to(later, 60 * RATE)
    assert (sound.made, sound.skipped, let_go.made) == (1 + 2, [60 * RATE - 512], 1)
    assert abs(later[0, 0]) < 1e-5 and np.all(np.diff(later[0]) >= 0)
    np.testing.assert_allclose(later[0, FADE_SAMPLES:], 0.1)


def test_quietest_then_oldest_held_sounds_are_shed():
    voices, out = Voices(), np.zeros((1, 1_024), np.float32)
    for gain in (0.5, 0.25, 0.25, 1.0):
        voices.start(Voice("a", 0, Counted(), gain))
    voices.start(Voice("hit", 0, np.full(4_000, 1e-4, np.float32), 1.0))
    voices.add_to(out, 0)
    oldest = voices._voices[1]
    voices.shed(1)
    assert oldest not in voices._voices and voices.held == 3
    voices.shed(2)
    after = np.zeros((1, 512), np.float32)
    voices.add_to(after, 1_024)
    np.testing.assert_allclose(after, 0.1001, rtol=1e-5)


def test_held_textures_are_decoded_in_one_call_and_go_on_after_gap(tiny_models, monkeypatch):
    codec, calls, rng = load_codec(str(tiny_models[0])), [], np.random.default_rng(5)
    hum = encode_pieces(codec, "hum", [rng.uniform(-0.1, 0.1, 16_384).astype(np.float32)], "texture")
    instrument = Instrument(Rig(model=str(tiny_models[0]), controls=STILL), codec, {"hum": hum})
    decode_rows = codec.decode_rows
    monkeypatch.setattr(
        codec, "decode_rows", lambda latents, past: (calls.append(latents.shape[:2]), decode_rows(latents, past))[1]
    )
    for _ in range(6):
        instrument.act(instrument.resolve(Action(0, "strike", 0.8, "hum")))
    silence = np.zeros((1, 512), np.float32)
    for _ in range(4):
        instrument.push(silence)
    calls.clear()
    instrument.push(silence)
    assert calls == [(6, 1), (6, 1)]
    instrument.skip(100 * 512)
    calls.clear()
    assert instrument.push(silence).any()
    assert len(calls) < 10 and {rows for rows, _ in calls} == {6}


def test_mono_goes_to_both_channels_or_to_centre():
    assert channel_gains(1, 1).tolist() == [[1]]
    assert channel_gains(1, 2).tolist() == [[1], [1]]
    assert channel_gains(1, 6)[:, 0].tolist() == [0, 0, 1, 0, 0, 0]
    assert channel_gains(2, 3).tolist() == [[1, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize("offset", [0.0, -0.2])
@pytest.mark.parametrize("block", [64, 333, 2048])
def test_take_begins_at_each_clap_with_its_level(impulse_bank, block, offset):
    onsets, levels = [9_017, 24_001, 47_997, 70_345], [0.5, 0.125, 0.5, 0.25]
    rig = Rig(model="pcm", preset="click", mode="hits", block_samples=block)
    out = play_aligned(rig, Bank(impulse_bank), clapped(onsets, levels, 2 * RATE) + np.float32(offset))
    assert np.flatnonzero(out[0]).tolist() == onsets
    np.testing.assert_allclose(out[0, onsets], 0.5 * np.array(levels) / 0.5, rtol=1e-5)
    even = Rig(model="pcm", preset="click", mode="hits", controls={"follow": 0.0}, block_samples=block)
    still = play_aligned(even, Bank(impulse_bank), clapped(onsets, levels, 2 * RATE))
    np.testing.assert_allclose(still[0, onsets], 0.5, rtol=1e-6)


def test_take_has_level_of_each_channel_and_dry_is_mixed(impulse_bank):
    mono = clapped([24_001], [0.5], RATE)
    sound = np.concatenate([mono, 0.5 * mono])
    rig = Rig(model="pcm", preset="click", mode="hits", channels=2, controls={"mix": 0.5, "gain_db": 6.0206})
    out = play_aligned(rig, Bank(impulse_bank), sound) - 0.5 * sound
    np.testing.assert_allclose(out[:, 24_001], [0.5, 0.25], rtol=1e-5)
    out[:, 24_001] = 0
    assert np.abs(out).max() < 1e-7


def test_hit_that_grows_after_detection_is_followed():
    """Result are 128 samples of level 0.05; from 300 samples after the onset on it is 0.4, in one channel of two."""
    full, sound = ReferenceLevel(), np.full((2, 2_000), 0.05)
    full.add(0.5)
    sound[0, 1_300:] = 0.4
    sound[:, :1_000] = 0
    envelope = HitEnvelope(1_000, 144, sound, 0, 1_128, full, 1.0)
    envelope.update(sound, 0, 1_150)
    assert not envelope.complete
    np.testing.assert_allclose(envelope.curve(0, 6), 0.1, rtol=1e-6)
    envelope.update(sound, 0, 2_000)
    assert envelope.complete
    levels = envelope.curve(0, 1_000)
    np.testing.assert_allclose(levels[:, 999], [0.8, 0.1], rtol=1e-6)
    assert (np.diff(levels[0]) >= 0).all()
    assert levels[0, 128] < 0.11  # the 272 samples detected by then are quiet
    np.testing.assert_allclose(levels[0, 256:], 0.8, rtol=1e-6)
    assert np.diff(levels[0]).max() < 0.02  # it glides


def test_hits_play_same_takes_as_apply(tmp_path):
    import soundfile

    pieces = [np.full(2_000, level, np.float32) for level in (0.1, 0.2, 0.3, 0.4)]
    codec = load_codec("pcm")
    preset = encode_pieces(codec, "four", pieces, "hit", variation=0.0, fade_in_samples=0, fade_out_samples=0)
    onsets = list(range(10_000, 130_000, 10_000))
    sound = clapped(onsets, [0.5] * len(onsets), 140_000)
    soundfile.write(tmp_path / "claps.wav", sound.T, RATE, "FLOAT")
    applier = Applier(codec, preset, Settings(HITS, seed=11, bits=32))
    offline = soundfile.read(applier.apply(tmp_path / "claps.wav", tmp_path / "out.wav").path, dtype="float32")[0]
    live = play_aligned(Rig(model="pcm", preset="four", mode="hits", seed=11), {"four": preset}, sound)[0]
    np.testing.assert_allclose(live[[at + 500 for at in onsets]], offline[[at + 500 for at in onsets]], rtol=0.01)
    assert len(set(np.round(live[[at + 500 for at in onsets]], 2))) > 2


def test_decoding_ahead_changes_no_sample(impulse_bank):
    sounds = []
    for fetched in (False, True):
        rig = Rig(model="pcm", preset="burst", mode="hits")
        instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank))
        if fetched:
            instrument.fetch()
            assert instrument.missing_takes() == []
        else:
            instrument._takes._takes.clear()
        instrument.act(instrument.resolve(Action(100, "strike", 1.0, "click")))
        sound = clapped([5_000, 15_000], [0.5, 0.5], 24_064)
        sounds.append(np.concatenate([instrument.push(sound[:, at : at + 512]) for at in range(0, 24_064, 512)], 1))
    assert np.abs(sounds[0]).max() > 0.3
    np.testing.assert_array_equal(*sounds)


def test_many_pads_are_ready_and_unneeded_takes_are_discarded():
    codec, click = load_codec("pcm"), np.ones(600, np.float32)
    bank = {f"p{number}": encode_pieces(codec, f"p{number}", [click], "hit") for number in range(60)}
    rig = Rig(model="pcm", mode="hits", preset="p0", pads={str(number): f"p{number}" for number in range(40)})
    instrument = Instrument(rig, codec, bank)
    instrument.fetch()
    assert instrument.missing_takes() == []
    for number in range(60):
        instrument.prepare(Action(0, "preset", text=f"p{number}"))
    instrument.fetch()
    assert instrument.missing_takes() == []
    assert len(instrument._takes._takes) <= 6 + 40 * 2 * len(EFFORTS) + 32
