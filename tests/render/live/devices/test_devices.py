"""Devices chosen, channels spread, rates matched; a driver that dies takes nothing with it."""

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
from render.live.devices.rate_adapter import RateAdapter, upmix

RATE = 48_000
DEVICES = [
    Device(0, "default", "ALSA", 2, 2, 44_100, ("input", "output")),
    Device(1, "Scarlett 2i2", "ALSA", 2, 2, 48_000),
    Device(2, "Speakers", "ALSA", 0, 2, 48_000),
    Device(3, "system", "JACK Audio Connection Kit", 2, 2, 48_000, ("input", "output")),
]


@pytest.mark.parametrize(
    "wanted, way, host, number",
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
def test_a_device_is_chosen_by_number_or_a_part_of_its_name(wanted, way, host, number):
    assert choose(DEVICES, wanted, way, host).number == number


@pytest.mark.parametrize(
    "wanted, way, told",
    [
        ("speak", "input", r"input device 'speak': there is none such; there are: 0 default \(ALSA\), 1 Scarlett"),
        ("alsa", "output", r"fits more than one; these: 0 default \(ALSA\), 1 Scarlett 2i2 \(ALSA\), 2 Speakers"),
        ("9", "input", "there is none such"),
    ],
)
def test_what_fits_none_or_several_is_told_with_those_there_are(wanted, way, told):
    with pytest.raises(DeviceError, match=told):
        choose(DEVICES, wanted, way)
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
def test_a_device_at_another_rate_hears_its_input_late_by_a_constant(device_hz, device_block):
    cable = RateAdapter(lambda block: block, 1, 512, RATE, device_hz, device_block, 2)
    count = 3 * device_hz // device_block * device_block
    sound = 0.5 * np.sin(2 * np.pi * 997 / device_hz * np.arange(count)).astype(np.float32)
    heard = np.concatenate([cable.pass_on(sound[at : at + device_block, None]) for at in range(0, count, device_block)])
    late, same = cable.latency_samples, slice(1_000, count - cable.latency_samples)
    assert heard.shape == (count, 2) and (late == 0) == ((device_hz, device_block) == (RATE, 512))
    assert late <= 0.055 * device_hz
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    np.testing.assert_allclose(heard[late:, 0][same], sound[same], atol=0 if device_hz == RATE else 2e-6)


def test_latencies_that_wrapped_are_unwrapped():
    assert _plausible((2**32 - 512) / RATE, RATE) * RATE == -512
    assert _plausible(1024 / RATE, RATE) * RATE == 1024


def silent(pipe):
    time.sleep(60)


def dying(pipe):
    os.abort()


def failing(pipe):
    raise DeviceError("it is on fire")


def test_a_driver_that_dies_or_fails_is_told_in_a_line():
    for target, told in ((dying, "the driver's process died"), (failing, "it is on fire")):
        with pytest.raises(DeviceError, match=told):
            DriverProcess(target)


def test_a_missing_answer_is_the_input_as_late_and_breaks_nothing():
    ours, theirs = Pipe()
    exchange = AudioCallback(theirs, {"input": [0], "output": [0, 1]}, False)
    exchange.begin(128, 1, 64, RATE)  # the link's block, and one more: the player's
    sound = np.sin(np.arange(64 * 40) / 20).astype(np.float32)[:, None]
    heard, waiting = np.zeros((len(sound), 2), np.float32), [np.zeros((64, 2), np.float32)]
    for number, at in enumerate(range(0, len(sound), 64)):
        exchange.both_ways(sound[at : at + 64], heard[at : at + 64], 64, None, False)
        told = ours.recv_bytes()
        assert HEAD.unpack_from(told)[0] == number
        waiting.append(np.repeat(np.frombuffer(told, np.float32, offset=HEAD.size)[:, None], 2, axis=1))
        if number not in (10, 11, 12, 13, 14, 15, 30):
            ours.send_bytes(HEAD.pack(number, 0, 0) + (2 * waiting[number]).tobytes())
    assert exchange._missed == 7
    late = np.concatenate([np.zeros((128, 1), np.float32), sound])[: len(sound)]
    np.testing.assert_array_equal(heard[: 11 * 64], 2 * np.repeat(late, 2, axis=1)[: 11 * 64])
    dry = slice(11 * 64 + 5 * 48, 17 * 64)  # from 5 ms after the first that is missing
    np.testing.assert_array_equal(heard[dry], late[dry].repeat(2, axis=1))
    np.testing.assert_array_equal(heard[24 * 64 : 31 * 64], 2 * late[24 * 64 : 31 * 64].repeat(2, axis=1))
    assert np.abs(np.diff(heard, axis=0)).max() < 1.5 * np.abs(np.diff(2 * late, axis=0)).max()


def test_numbers_that_skip_are_silence_and_time_goes_on():
    class Gaps(ClockStream):
        def blocks(self, stop):
            for number in (0, 1, 4):
                yield number, np.full((64, 1), number + 1, np.float32)

    heard = []
    loop = AudioLoop(
        lambda into, out: heard.append(float(into[0, 0])),
        0,
        StreamRequest(None, None, RATE, 64, 1),
        iter(()),
        heard.append,
    )
    loop._source = loop._sink = None
    loop._link = Gaps(RATE, 64)
    loop.start()
    assert loop.ended.wait(10) and loop.failure is None
    assert heard == [1, 2, 0, 0, 5]


def test_a_failure_of_what_plays_ends_the_loop_and_is_told():
    def play(into, out):
        raise ValueError("not now")

    loop = AudioLoop(
        play, 0, StreamRequest(None, None, RATE, 64, 1), iter([np.zeros((1, 64), np.float32)]), lambda block: None
    )
    loop.start()
    assert loop.ended.wait(10) and str(loop.failure) == "ValueError: not now"
    loop.stop()


def test_a_file_goes_in_and_comes_out_at_the_players_rate_and_channels(tmp_path):
    sound = np.random.default_rng(0).uniform(-1, 1, (2, 1_000)).astype(np.float32)
    written = FileOutput(tmp_path / "a.wav", 2, RATE)
    written.take(sound)
    written.close()
    blocks = list(file_input(tmp_path / "a.wav", 2, 256, RATE, 100))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1)[:, :1_000], sound)
    assert len(blocks) == 5 and not blocks[-1].any(axis=0)[-100:].any()
    mono = np.concatenate(list(file_input(tmp_path / "a.wav", 1, 256, RATE, 0)), axis=1)
    np.testing.assert_array_equal(mono[0, :1_000], sound.mean(axis=0, dtype=np.float32))


@pytest.mark.alone("a sound server plays by the clock")
def test_a_servers_devices_are_listed_and_none_without_it(jack_server):
    assert ("system", 2, 2, RATE) in [(one.name, one.inputs, one.outputs, one.rate_hz) for one in list_devices()]
    jack_server.kill()
    assert "system" not in [device.name for device in list_devices()]


def test_after_a_stall_that_left_blocks_out_they_are_handed_over_again():
    """Nobody reads for 100 blocks of 8 channels of 2048, of which only few may wait; then all that came is answered."""
    ours, theirs = Pipe()
    exchange = AudioCallback(theirs, {"input": list(range(8)), "output": [0]}, False)
    exchange.begin(4096, 1, 2048, RATE)
    block, heard = np.ones((2048, 8), np.float32), np.zeros((2048, 1), np.float32)
    for _ in range(100):
        exchange.both_ways(block, heard, 2048, None, False)
    came = []
    for _ in range(3):
        while ours.poll(0):
            came.append(HEAD.unpack_from(ours.recv_bytes())[0])
            ours.send_bytes(HEAD.pack(came[-1], 0, 0) + heard.tobytes())
        exchange.both_ways(block, heard, 2048, None, False)
    assert came == [0, 1, 2, 101]


def test_a_driver_that_hangs_is_not_waited_for_once_nobody_wants_it():
    with pytest.raises(DeviceError, match="not waited for"):
        DriverProcess(silent, stop=lambda: True)


def test_a_file_that_heard_nothing_is_not_left_behind(tmp_path):
    FileOutput(tmp_path / "a.wav", 1, RATE).close()
    assert list(tmp_path.iterdir()) == []
