"""Our side of a stream of a device's blocks, and of a clock's where no device is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from plugin_backend.errors import DeviceError
from render.live.devices.audio_callback import BEHIND_BLOCKS, HEAD
from render.live.devices.audio_process import QUIET_S, StreamInfo, StreamRequest, host
from render.live.devices.device_list import require_live_extra
from render.live.devices.driver_process import DriverProcess

WAKE_S = 0.1


class DeviceStream:
    """Blocks of a device that is opened now, unless ``stop`` says meanwhile that nobody wants it any more.

    Attributes:
        opened: what is.
        troubles: blocks that the device says were lost or repeated.
        missed: blocks whose answer came too late, and were dry.
        latency_samples: of the link, at the device's rate; the device's own come on top.

    Raises:
        DeviceError: it cannot be opened.
    """

    def __init__(self, wish: StreamRequest, stop: Callable[[], bool] = lambda: False):
        require_live_extra("sounddevice", "pisada live with a sound device")
        self._driver = DriverProcess(host, wish, stop=stop)
        self.opened: StreamInfo = self._driver.ready
        self.troubles = self.missed = 0
        self.latency_samples = BEHIND_BLOCKS * self.opened.block_samples

    def begin(self, latency_samples: int) -> None:
        """Let blocks come; answers are so late, at the device's rate.

        Raises:
            DeviceError: it is gone.
        """
        try:
            self._driver.pipe.send(latency_samples)
        except OSError as closed:
            raise DeviceError(f"{self.name}: it is gone") from closed

    def blocks(self, stop: Callable[[], bool]) -> Iterator[tuple[int, np.ndarray]]:
        """Number and ``[n, channels]`` of each block that comes; numbers may skip.

        Raises:
            DeviceError: it is gone.
        """
        pipe, size = self._driver.pipe, self.opened.block_samples
        quiet = 0.0
        while not stop():
            try:
                if not pipe.poll(WAKE_S):
                    quiet += WAKE_S
                    if quiet > 2 * QUIET_S:
                        raise DeviceError(f"{self.name}: it stands still")
                    continue
                told = pipe.recv_bytes()
            except (EOFError, OSError) as closed:
                raise DeviceError(f"{self.name}: it is gone") from closed
            quiet = 0.0
            number, self.troubles, self.missed = HEAD.unpack_from(told)
            yield number, np.frombuffer(told, np.float32, offset=HEAD.size).reshape(size, self.opened.input_channels)

    def answer(self, number: int, sound: np.ndarray) -> None:
        """What block ``number`` became, ``[n, channels]``.

        Raises:
            DeviceError: it is gone.
        """
        try:
            self._driver.pipe.send_bytes(HEAD.pack(number, 0, 0) + np.ascontiguousarray(sound, np.float32).tobytes())
        except OSError as closed:
            raise DeviceError(f"{self.name}: it is gone") from closed

    @property
    def name(self) -> str:
        """Of both devices."""
        return " → ".join(dict.fromkeys(name for name in (self.opened.input, self.opened.output) if name))

    def close(self) -> None:
        """Let the device go."""
        self._driver.close()


class ClockStream:
    """Blocks at the pace of the clock, for files at both ends: no sound, no latency. ``paced`` off: it never waits."""

    def __init__(self, rate_hz: int, block_samples: int, paced: bool = True):
        self.opened = StreamInfo("clock", "clock", "", rate_hz, block_samples, 0, 0, 0.0)
        self.troubles = self.missed = self.latency_samples = 0
        self.name, self._paced = "clock", paced

    def begin(self, latency_samples: int) -> None:
        """Nothing to make ready."""

    def blocks(self, stop: Callable[[], bool]) -> Iterator[tuple[int, np.ndarray]]:
        """Number and nothing, each when due."""
        rate_hz, size = self.opened.rate_hz, self.opened.block_samples
        begin, number, nothing = time.monotonic(), 0, np.zeros((size, 0), np.float32)
        while not stop():
            left = begin + number * size / rate_hz - time.monotonic()
            if self._paced and left > 0:
                time.sleep(left)
            yield number, nothing
            number += 1

    def answer(self, number: int, sound: np.ndarray) -> None:
        """Nobody hears."""

    def close(self) -> None:
        """Nothing to let go."""
