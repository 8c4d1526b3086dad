"""Devices: choice, channels, sample rates; and drivers that die."""

import os
import time
from multiprocessing import Pipe

import numpy as np
import pytest

from plugin_backend.errors import DeviceError
from render.live.devices.audio_callback import HEAD, AudioCallback
from render.live.devices.audio_loop import AudioLoop
from render.live.devices.audio_process import StreamRequest, _plausible
from render.live.devices.audio_stream import ClockStream
from render.live.devices.device_list import Device, choose, list_devices
from render.live.devices.driver_process import DriverProcess
from render.live.devices.file_io import FileOutput, file_input
from render.live.devices.rate_adapter import RateAdapter, RateAdapterEnd, upmix

RATE = 48_000
DEVICES = [
    Device(0, "default", "ALSA", 2, 2, 44_100, ("input", "output")),
    Device(1, "Scarlett 2i2", "ALSA", 2, 2, 48_000),
    Device(2, "Speakers", "ALSA", 0, 2, 48_000),
    Device(3, "system", "JACK Audio Connection Kit", 2, 2, 48_000, ("input", "output")),
]


@pytest.mark.parametrize(
    "expected, way, host, number",
    [
        (None, "input", None, 3),
        (None, "output", "ALSA", 0),
        ("1", "input", None, 1),
        ("scar", "output", None, 1),
        ("(jack", "input", None, 3),
        ("default", "input", None, 0),
        ("Speakers (ALSA)", "output", None, 2),
    ],
)
def test_device_is_chosen_by_number_or_part_of_name(expected, way, host, number):
    assert choose(DEVICES, expected, way, host).number == number


@pytest.mark.parametrize(
    "expected, way, message",
    [
        ("speak", "input", r"input device 'speak': not there; there are: 0 default \(ALSA\), 1 Scarlett"),
        ("alsa", "output", r"more than one fits; there are: 0 default \(ALSA\), 1 Scarlett 2i2 \(ALSA\), 2 Speakers"),
        ("9", "input", "not there; there are"),
    ],
)
def test_error_lists_devices_when_none_or_several_fit(expected, way, message):
    with pytest.raises(DeviceError, match=message):
        choose(DEVICES, expected, way)
    with pytest.raises(DeviceError, match="no input device; `pisada live --list`"):
        choose([], None, "input")


def test_channels_are_repeated_or_averaged_in_turn():
    one, two = np.array([[1.0, 2.0]], np.float32), np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    assert upmix(one, 2).tolist() == [[1, 2], [1, 2]]
    assert upmix(two, 1).tolist() == [[2, 4]]
    assert upmix(two, 3).tolist() == [[1, 2], [3, 6], [1, 2]]
    assert upmix(two, 2) is not None and upmix(two, 2).tolist() == two.tolist()
    assert upmix(np.zeros((0, 4), np.float32), 2).tolist() == [[0] * 4] * 2
    assert upmix(two, 0).shape == (0, 2)


@pytest.mark.parametrize("device_hz", [44_100, 96_000, 48_000])
@pytest.mark.parametrize("device_block", [64, 500, 512])
def test_rate_adapter_has_constant_latency(device_hz, device_block):
    adapter = RateAdapter(lambda block: block, RateAdapterEnd(1, 512, RATE), RateAdapterEnd(2, device_block, device_hz))
    count = 3 * device_hz // device_block * device_block
    sound = 0.5 * np.sin(2 * np.pi * 997 / device_hz * np.arange(count)).astype(np.float32)
    output = np.concatenate(
        [adapter.process(sound[at : at + device_block, None]) for at in range(0, count, device_block)]
    )
    late, same = adapter.latency_samples, slice(1_000, count - adapter.latency_samples)
    assert output.shape == (count, 2) and (late == 0) == ((device_hz, device_block) == (RATE, 512))
    assert late <= 0.055 * device_hz
    np.testing.assert_array_equal(output[:, 0], output[:, 1])
    np.testing.assert_allclose(output[late:, 0][same], sound[same], atol=0 if device_hz == RATE else 2e-6)


def test_wrapped_latencies_are_unwrapped():
    assert _plausible((2**32 - 512) / RATE, RATE) * RATE == -512
    assert _plausible(1024 / RATE, RATE) * RATE == 1024


def silent(pipe):
    time.sleep(60)


def dying(pipe):
    os.abort()


def failing(pipe):
    raise DeviceError("it is on fire")


def test_driver_death_or_failure_is_one_line():
    for target, message in ((dying, "the driver's process died"), (failing, "it is on fire")):
        with pytest.raises(DeviceError, match=message):
            DriverProcess(target)


def test_missing_output_is_replaced_by_aligned_input():
    our_end, theirs = Pipe()
    callback = AudioCallback(theirs, {"input": [0], "output": [0, 1]}, False)
    callback.begin(128, 1, 64, RATE)  # the connection's block, and the player's
    sound = np.sin(np.arange(64 * 40) / 20).astype(np.float32)[:, None]
    output, waiting = np.zeros((len(sound), 2), np.float32), [np.zeros((64, 2), np.float32)]
    for number, at in enumerate(range(0, len(sound), 64)):
        callback.both_ways(sound[at : at + 64], output[at : at + 64], 64, None, False)
        message = our_end.recv_bytes()
        assert HEAD.unpack_from(message)[0] == number
        waiting.append(np.repeat(np.frombuffer(message, np.float32, offset=HEAD.size)[:, None], 2, axis=1))
        if number not in (10, 11, 12, 13, 14, 15, 30):
            our_end.send_bytes(HEAD.pack(number, 0, 0) + (2 * waiting[number]).tobytes())
    assert callback._missed == 7
    late = np.concatenate([np.zeros((128, 1), np.float32), sound])[: len(sound)]
    np.testing.assert_array_equal(output[: 11 * 64], 2 * np.repeat(late, 2, axis=1)[: 11 * 64])
    dry = slice(11 * 64 + 5 * 48, 17 * 64)  # from 5 ms after the first missing block
    np.testing.assert_array_equal(output[dry], late[dry].repeat(2, axis=1))
    np.testing.assert_array_equal(output[24 * 64 : 31 * 64], 2 * late[24 * 64 : 31 * 64].repeat(2, axis=1))
    assert np.abs(np.diff(output, axis=0)).max() < 1.5 * np.abs(np.diff(2 * late, axis=0)).max()


def test_missing_blocks_are_silence_and_time_goes_on():
    class Gaps(ClockStream):
        def blocks(self, stop):
            for number in (0, 1, 4):
                yield number, np.full((64, 1), number + 1, np.float32)

    output = []
    loop = AudioLoop(
        lambda into, out: output.append(float(into[0, 0])),
        0,
        StreamRequest(None, None, RATE, 64, 1),
        iter(()),
        output.append,
    )
    loop._source = loop._sink = None
    loop._stream = Gaps(RATE, 64)
    loop.start()
    assert loop.ended.wait(10) and loop.failure is None
    assert output == [1, 2, 0, 0, 5]


def test_failure_of_player_ends_loop():
    def play(into, out):
        raise ValueError("not now")

    loop = AudioLoop(
        play, 0, StreamRequest(None, None, RATE, 64, 1), iter([np.zeros((1, 64), np.float32)]), lambda block: None
    )
    loop.start()
    assert loop.ended.wait(10) and str(loop.failure) == "ValueError: not now"
    loop.stop()


def test_file_input_and_output(tmp_path):
    sound = np.random.default_rng(0).uniform(-1, 1, (2, 1_000)).astype(np.float32)
    written = FileOutput(tmp_path / "a.wav", 2, RATE)
    written.write(sound)
    written.close()
    blocks = list(file_input(tmp_path / "a.wav", 2, 256, RATE, 100))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1)[:, :1_000], sound)
    assert len(blocks) == 5 and not blocks[-1].any(axis=0)[-100:].any()
    mono = np.concatenate(list(file_input(tmp_path / "a.wav", 1, 256, RATE, 0)), axis=1)
    np.testing.assert_array_equal(mono[0, :1_000], sound.mean(axis=0, dtype=np.float32))


@pytest.mark.alone("a sound server plays by the clock")
def test_devices_of_jack_server_are_listed(jack_server):
    assert ("system", 2, 2, RATE) in [(one.name, one.inputs, one.outputs, one.rate_hz) for one in list_devices()]
    jack_server.kill()
    assert "system" not in [device.name for device in list_devices()]


def test_blocks_are_sent_again_after_stall():
    """The parent reads nothing for 100 blocks, of which only a few may wait; then it replies to all that came."""
    our_end, theirs = Pipe()
    callback = AudioCallback(theirs, {"input": list(range(8)), "output": [0]}, False)
    callback.begin(4096, 1, 2048, RATE)
    block, output = np.ones((2048, 8), np.float32), np.zeros((2048, 1), np.float32)
    for _ in range(100):
        callback.both_ways(block, output, 2048, None, False)
    received = []
    for _ in range(3):
        while our_end.poll(0):
            received.append(HEAD.unpack_from(our_end.recv_bytes())[0])
            our_end.send_bytes(HEAD.pack(received[-1], 0, 0) + output.tobytes())
        callback.both_ways(block, output, 2048, None, False)
    assert received == [0, 1, 2, 101]


def test_opening_a_hung_driver_can_be_cancelled():
    with pytest.raises(DeviceError, match="opening the driver was cancelled"):
        DriverProcess(silent, stop=lambda: True)


def test_output_file_without_audio_is_removed(tmp_path):
    FileOutput(tmp_path / "a.wav", 1, RATE).close()
    assert list(tmp_path.iterdir()) == []
