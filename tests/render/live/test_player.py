"""Playing in real time and in virtual time: alignment, late blocks, stalls, failures."""

import threading

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.effects.limiter import limiter_latency
from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from render.instrument.actions import Action
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.preset_loader import PresetLoader
from render.live.recording.offline_player import blocks_from, play_through
from render.live.rig import Rig

RATE, CLICK = 48_000, 10 ** (-60 / 20)
HALF = {"gain_db": -6.0}
"""Makes wet and dry differ."""


@pytest.fixture
def player(impulse_bank):
    """Make players of the identity codec from fields of a rig; they are closed after the test."""
    made = []

    def make(threaded: bool = False, ahead: int = 0, recorder=None, stages=None, **fields) -> Player:
        rig = Rig(**{"model": "pcm", **fields})
        instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank), stages)
        made.append(Player(instrument, rig.block_samples, ahead or rig.ahead_blocks, recorder, threaded))
        return made[-1]

    yield make
    for one in made:
        one.close()


CEILING = limiter_latency(RATE)


def dark(seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 110 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[None]


def sharpest(audio: np.ndarray) -> float:
    return float(np.abs(np.diff(audio.astype(np.float64), 2)).max())


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("block", [64, 128, 333, 512, 2048])
def test_sweep_comes_back_to_the_bit_after_stated_latency(player, block, threaded):
    time = np.arange(RATE)
    sweep = (0.5 * np.sin(2 * np.pi * np.cumsum(np.geomspace(20, 20_000, RATE)) / RATE)).astype(np.float32)[None]
    playing = player(threaded, block_samples=block)
    codec_wait = 512 - np.gcd(512, block)
    assert playing.latency_samples == max(1, -(-512 // block)) * block + codec_wait + CEILING
    out = play_through(playing, blocks_from(sweep, 1, block, RATE, playing.latency_samples))
    assert not out[:, : playing.latency_samples].any()
    np.testing.assert_array_equal(out[:, playing.latency_samples :][:, : time.size], sweep)
    meter = playing.meter()
    assert (meter.late_blocks, meter.restarts, meter.problem) == (0, 0, "")
    np.testing.assert_allclose(meter.input_peak_db + meter.output_peak_db, 20 * np.log10(0.5), atol=0.01)
    assert playing.meter().input_peak_db == (-np.inf,)


@pytest.mark.parametrize("block", [64, 333, 512, 2048])
def test_late_block_is_dry_aligned_and_without_click(player, block):
    sound, stalls = dark(4), {20: 3, 40: 1, 41: 1, 60: 2}
    whole, slow = (player(block_samples=block, controls=HALF, ahead=1) for _ in range(2))
    expected = play_through(whole, blocks_from(sound, 1, block, RATE))
    out = play_through(slow, blocks_from(sound, 1, block, RATE), stalls=stalls)
    assert (whole.meter().late_blocks, slow.meter().late_blocks) == (0, 7)
    assert slow.meter().restarts == 0
    dry = np.pad(sound, ((0, 0), (slow.latency_samples, 0)))[:, : out.shape[1]]
    late = np.zeros(out.shape[1], bool)
    for first, count in ((21, 3), (41, 2), (61, 2)):
        late[first * block : (first + count) * block] = True
    fading = np.convolve(np.diff(late, prepend=False), np.ones(240))[: late.size] > 0
    np.testing.assert_array_equal(out[0, late & ~fading], dry[0, late & ~fading])
    np.testing.assert_array_equal(out[0, ~late & ~fading], expected[0, ~late & ~fading])
    assert sharpest(out[0, RATE // 2 :]) < sharpest(sound) + CLICK
    if block > 240:
        assert (late & ~fading).sum() > 7 * block - 6 * 240 - 1


def test_late_blocks_do_not_click_when_wet_differs_from_dry(player):
    """The wet sound is the inverted input, four times as loud."""

    class ChangedParameters(_Nothing):
        def push(self, block):
            return np.float32(-4) * block

    sound = dark(4, 0.2)
    playing = player(ahead=1, stages=[ChangedParameters(1)], block_samples=256)
    stalls = {tag: 1 + tag % 3 for tag in range(30, 700, 7)}
    out = play_through(playing, blocks_from(sound, 1, 256, RATE), stalls=stalls)
    assert playing.meter().late_blocks > 100
    assert sharpest(out[0, RATE // 4 :]) < 4 * sharpest(sound) + CLICK


class _Nothing:
    parameters, latency_samples = {}, 0

    def __init__(self, channels):
        self.channels = channels


def test_worker_far_behind_skips_input_and_stays_aligned(player):
    sound = np.concatenate([dark(2), np.random.default_rng(0).uniform(-0.5, 0.5, (1, RATE)).astype(np.float32)], axis=1)
    playing = player(controls=HALF)
    out = play_through(playing, blocks_from(sound, 1, 512, RATE), stalls={50: 40})
    meter = playing.meter()
    assert meter.restarts == 1
    assert 40 <= meter.late_blocks <= 45
    delayed = np.pad(sound, ((0, 0), (playing.latency_samples, 0)))[0, : out.shape[1]]
    np.testing.assert_array_equal(out[0, 60 * 512 : 90 * 512], delayed[60 * 512 : 90 * 512])
    np.testing.assert_allclose(out[0, 3 * RATE // 2 :], delayed[3 * RATE // 2 :] * 10 ** (-6 / 20), atol=1e-6)
    assert sharpest(out[0, RATE // 4 : 7 * RATE // 4]) < sharpest(dark(1)) + CLICK


def test_release_does_not_wait_for_delayed_blocks(impulse_bank):
    instrument = Instrument(Rig(model="pcm"), load_codec("pcm"), Bank(impulse_bank))
    playing, silence = Player(instrument, 512, 1, threaded=False), np.zeros((1, 512), np.float32)
    for name in ("hum", "hum"):
        playing.control("strike", 1.0, name, at_samples=0)
    playing.play(silence, np.empty_like(silence))
    playing.work()
    assert instrument.held == 2
    for _ in range(12):
        playing.play(silence, np.empty_like(silence))
    playing.control("release")
    playing.work()
    assert instrument.held == 0
    playing.close()


@pytest.mark.parametrize("fault", ["raises", "exits", "makes NaN"])
def test_worker_failure_is_reported_and_dry_input_goes_on(player, fault):
    class Faulty(_Nothing):
        def push(self, block):
            if block.any() and fault == "raises":
                raise RuntimeError("the string broke")
            if block.any() and fault == "exits":
                raise SystemExit("the string broke")
            return np.float32(np.nan) * block if block.any() else block

    playing, sound = player(True, stages=[Faulty(1)]), dark(0.5)
    out = play_through(playing, blocks_from(sound, 1, 512, RATE, playing.latency_samples))
    at = 512 + playing.latency_samples  # the first block is the limiter's
    np.testing.assert_array_equal(out[0, at:][: sound.size - 512], sound[0, 512:])
    message = {"raises": "RuntimeError: the string broke", "exits": "SystemExit: the string broke"}
    assert message.get(fault, "an effect made samples that are not finite") in playing.meter().problem


def test_controls_from_any_thread_and_wrong_values_are_refused(player):
    playing = player(True, preset="click", controls={"strength": 0.0, "blend": 0.0})
    with pytest.raises(ProjectError, match="^mix 3: 0 to 1 can be used$"):
        playing.control("mix", 3.0)

    def turn():
        for step in range(200):
            playing.control("mix", step % 2)
            playing.control("preset", text=["burst", "tone"][step % 2])

    threads = [threading.Thread(target=turn) for _ in range(3)]
    for thread in threads:
        thread.start()
    sound = dark(1)
    out = play_through(playing, blocks_from(sound, 1, 512, RATE, playing.latency_samples))
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(out[0, playing.latency_samples :][: sound.size], sound[0], atol=1e-6)
    assert playing.meter().problem == ""


def test_waiting_requests_are_dropped_on_close():
    started, go_on, prepared = threading.Event(), threading.Event(), []

    class Slow:
        def prepare(self, action):
            started.set()
            go_on.wait()
            prepared.append(action.text)

    loader = PresetLoader(Slow(), lambda action: None, pytest.fail, False)
    for name in ("first", "second", "third"):
        loader.load(Action(0, "preset", text=name))
    started.wait()
    closing = threading.Thread(target=loader.close)
    closing.start()
    while not loader._closing:
        pass
    go_on.set()
    closing.join()
    assert prepared == ["first"]


def test_blocks_of_another_shape_are_refused(player):
    with pytest.raises(ValueError, match=r"\(1, 512\) is played here"):
        player().play(np.zeros((1, 256), np.float32), np.zeros((1, 256), np.float32))


def test_output_is_always_finite(player):
    sound = dark(0.5)
    sound[0, 5_000:6_000] = np.nan
    playing = player()
    out = play_through(playing, blocks_from(sound, 1, 512, RATE), stalls={11: 1})
    assert np.isfinite(out).all()
    assert playing.meter().late_blocks == 1


@pytest.mark.slow
def test_thousand_preset_changes_do_not_click_or_leak():
    """Two dark presets change every 256 samples. A click shows in the second difference with its height."""
    import tracemalloc

    codec, time = load_codec("foley"), np.arange(RATE) / RATE
    rumble = np.fft.irfft(np.fft.rfft(np.random.default_rng(7).standard_normal(RATE)) * (np.arange(24_001) < 900))
    pieces = rumble / np.abs(rumble).max() / 2, 0.5 * np.sin(2 * np.pi * 150 * time) * np.sin(2 * np.pi * 3 * time)
    bank = {
        name: encode_pieces(codec, name, [piece.astype(np.float32)], "texture")
        for name, piece in zip(("rumble", "hum"), pieces, strict=True)
    }
    sound = (0.1 * np.sin(2 * np.pi * 200 * np.arange(1_000 * 256) / RATE)).astype(np.float32)[None]

    def render_switching(names: list[str], length: int) -> np.ndarray:
        playing = Player(Instrument(Rig(preset=names[0]), codec, bank), 512, threaded=False)
        for number in range(length // 256):
            playing.control("preset", text=names[number % len(names)], at_samples=number * 256)
        return play_through(playing, blocks_from(sound[:, :length], 1, 512, RATE))

    calm = max(sharpest(render_switching([name], RATE)[0, RATE // 2 :]) for name in bank)
    tracemalloc.start()
    switched = render_switching(["rumble", "hum"], RATE)
    after_some = tracemalloc.get_traced_memory()[0]
    switched = render_switching(["rumble", "hum"], sound.size)
    after_all = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert np.abs(switched[0, RATE:]).max() > 0.05
    assert sharpest(switched[0, RATE // 2 :]) < calm + CLICK
    assert after_all < after_some + 2 * switched.nbytes


@pytest.mark.slow
@pytest.mark.alone("it keeps two processors busy")
def test_busy_machine_causes_no_click_or_shift():
    """Ten seconds by the clock. Blocks may be late; every sample is dry, wet or between both, and aligned."""
    import multiprocessing

    busy = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(2)]
    for process in busy:
        process.start()
    try:
        codec = PcmCodec()
        playing = Player(Instrument(Rig(model="pcm", controls=HALF), codec, Bank(FACTORY_BANK)), 512)
        sound = dark(10)
        out = play_through(playing, blocks_from(sound, 1, 512, RATE), sample_rate=RATE)
        playing.close()
    finally:
        for process in busy:
            process.kill()
    meter = playing.meter()
    assert (meter.blocks, meter.problem) == (-(-sound.size // 512), "")
    assert sharpest(out[0, RATE // 4 :]) < sharpest(sound) + CLICK
    dry = np.pad(sound, ((0, 0), (playing.latency_samples, 0)))[0, : out.shape[1]]
    neither = np.minimum(np.abs(out[0] - dry), np.abs(out[0] - 10 ** (-6 / 20) * dry))[RATE:] > 1e-6
    assert neither.sum() <= 2 * 240 * meter.late_blocks
    print(f"late: {meter.late_blocks} of {meter.blocks}, restarts {meter.restarts}, worker {meter.worker_share:.0%}")


def _spin():
    while True:
        pass
