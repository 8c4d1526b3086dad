"""The parent's end of a device's stream; and a stream that follows the clock where there is no device."""

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
    """The stream of a device, opened in a driver process.

    Args:
        request: what to open.
        stop: while it opens, ends the attempt when it returns true.

    Attributes:
        opened: the open stream's properties.
        device_errors: blocks that the device says were lost or repeated.
        missed: blocks whose output came too late, so that the dry input was played.
        latency_samples: of the connection, at the device's rate, without the device's own latency.

    Raises:
        DeviceError: the device cannot be opened.
    """

    def __init__(self, request: StreamRequest, stop: Callable[[], bool] = lambda: False):
        require_live_extra("sounddevice", "pisada live with a sound device")
        self._driver = DriverProcess(host, request, stop=stop)
        self.opened: StreamInfo = self._driver.ready
        self.device_errors = self.missed = 0
        self.latency_samples = BEHIND_BLOCKS * self.opened.block_samples

    def begin(self, latency_samples: int) -> None:
        """Start the blocks.

        Args:
            latency_samples: of the output, at the device's rate.

        Raises:
            DeviceError: the device is gone.
        """
        try:
            self._driver.pipe.send(latency_samples)
        except OSError as closed:
            raise DeviceError(f"{self.name}: it is gone") from closed

    def blocks(self, stop: Callable[[], bool]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield number and audio ``[n, channels]`` of each block; numbers may skip.

        Raises:
            DeviceError: the device is gone.
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
                message = pipe.recv_bytes()
            except (EOFError, OSError) as closed:
                raise DeviceError(f"{self.name}: it is gone") from closed
            quiet = 0.0
            number, self.device_errors, self.missed = HEAD.unpack_from(message)
            audio = np.frombuffer(message, np.float32, offset=HEAD.size)
            yield number, audio.reshape(size, self.opened.input_channels)

    def send(self, number: int, audio: np.ndarray) -> None:
        """Send the output of block ``number``, ``[n, channels]``.

        Raises:
            DeviceError: the device is gone.
        """
        try:
            self._driver.pipe.send_bytes(HEAD.pack(number, 0, 0) + np.ascontiguousarray(audio, np.float32).tobytes())
        except OSError as closed:
            raise DeviceError(f"{self.name}: it is gone") from closed

    @property
    def name(self) -> str:
        """The names of the devices."""
        return " → ".join(dict.fromkeys(name for name in (self.opened.input, self.opened.output) if name))

    def close(self) -> None:
        """Close the device."""
        self._driver.close()


class ClockStream:
    """Empty blocks at the pace of the clock, for files at both ends. If ``paced`` is false, it never waits."""

    def __init__(self, rate_hz: int, block_samples: int, paced: bool = True):
        self.opened = StreamInfo("clock", "clock", "", rate_hz, block_samples, 0, 0, 0.0)
        self.device_errors = self.missed = self.latency_samples = 0
        self.name, self._paced = "clock", paced

    def begin(self, latency_samples: int) -> None:
        """Do nothing."""

    def blocks(self, stop: Callable[[], bool]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield number and an empty block, each when it is due."""
        rate_hz, size = self.opened.rate_hz, self.opened.block_samples
        begin, number, nothing = time.monotonic(), 0, np.zeros((size, 0), np.float32)
        while not stop():
            left = begin + number * size / rate_hz - time.monotonic()
            if self._paced and left > 0:
                time.sleep(left)
            yield number, nothing
            number += 1

    def send(self, number: int, audio: np.ndarray) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
