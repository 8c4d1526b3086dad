"""The audio loop: passes blocks of devices or files through the player, and opens lost devices again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from plugin_backend.errors import DeviceError, PisadaError, RenderError
from plugin_backend.processes import AUDIO_PRIORITY, request_priority
from render.live.devices.audio_process import StreamInfo, StreamRequest
from render.live.devices.audio_stream import ClockStream, DeviceStream
from render.live.devices.rate_adapter import RateAdapter, RateAdapterEnd

RETRY_S = 1.0


class AudioLoop:
    """Plays from :meth:`start` until :meth:`stop`, on a separate thread.

    Args:
        play: ``play(into, out)`` of the player, both ``[channels, block_samples]``.
        latency_samples: the player's, at the requested rate.
        request: the devices; if there are none, the clock sets the pace.
        source: blocks ``[channels, block_samples]`` in place of the input device; playing ends with them.
        sink: receives each played block in place of the output device.
        paced: if false, files at both ends do not wait for the clock.

    Attributes:
        problem: why there is no sound now; "" if there is.
        opened: the devices as last opened.
        reopened: how often devices were opened again.
        device_errors: blocks the device lost or repeated.
        missed: blocks whose output came too late for the device.
        ended: set when nothing more will be played.
        failure: the error that ended playing.
    """

    def __init__(
        self,
        play: Callable[[np.ndarray, np.ndarray], None],
        latency_samples: int,
        request: StreamRequest,
        source: Iterator[np.ndarray] | None = None,
        sink: Callable[[np.ndarray], None] | None = None,
        paced: bool = True,
    ):
        self._play, self._request, self._paced = play, replace(request, no_input=source is not None), paced
        self._request = replace(self._request, no_output=sink is not None)
        self._source, self._sink, self._player_latency = source, sink, latency_samples
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem, self.ended, self.reopened = "", threading.Event(), 0
        self.failure: PisadaError | None = None
        self._before = (0, 0)
        self._stream, self._adapter = self._open()
        opened = self.opened
        self._request = replace(self._request, input=_named(opened.input, opened), output=_named(opened.output, opened))

    @property
    def opened(self) -> StreamInfo:
        return self._stream.opened

    @property
    def rate_hz(self) -> int:
        """The player's."""
        return self._request.rate_hz

    @property
    def name(self) -> str:
        """The names of the devices, or "file"."""
        ends = (self.opened.input, self._source, "file"), (self.opened.output, self._sink, "file")
        return " → ".join(file if replacement is not None else name for name, replacement, file in ends)

    @property
    def recovery_message(self) -> str:
        """A line for the performer: the devices are back."""
        return f"{self.name}: it is back, at {self.opened.rate_hz} Hz"

    @property
    def resampled(self) -> bool:
        """Whether the devices run at another rate than the player."""
        return self.opened.rate_hz != self._request.rate_hz

    @property
    def device_errors(self) -> int:
        return self._before[0] + self._stream.device_errors

    @property
    def missed(self) -> int:
        return self._before[1] + self._stream.missed

    @property
    def latency_ms(self) -> float:
        """From the input connector to the output connector: devices, stream, resampling and player."""
        return 1000 * (self.opened.latency_s + self._latency_s)

    @property
    def _latency_s(self) -> float:
        stream = (self._stream.latency_samples + self._adapter.latency_samples) / self.opened.rate_hz
        return stream + self._player_latency / self._request.rate_hz

    def _open(self) -> tuple[DeviceStream | ClockStream, RateAdapter]:
        request = self._request
        if request.no_input and request.no_output:
            stream: DeviceStream | ClockStream = ClockStream(request.rate_hz, request.block_samples, self._paced)
        else:
            stream = DeviceStream(request, self._stopping.is_set)
        opened = stream.opened
        player = RateAdapterEnd(request.channels, request.block_samples, request.rate_hz)
        device = RateAdapterEnd(opened.output_channels, opened.block_samples, opened.rate_hz)
        return stream, RateAdapter(self._play_block, player, device)

    def _play_block(self, into: np.ndarray) -> np.ndarray:
        """Play one block of the player's size."""
        if self._source is not None:
            block = next(self._source, None)
            if block is not None:
                into = block
            else:
                self._stopping.set()
                into = np.zeros((self._request.channels, self._request.block_samples), np.float32)
        out = np.empty_like(into)
        self._play(into, out)
        if self._sink is not None:
            self._sink(out)
        return out

    def start(self) -> None:
        """Start playing."""
        self._thread = threading.Thread(target=self._run, name="pisada-audio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing and close the devices."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._stream.close()

    def _run(self) -> None:
        if self._request.realtime:
            request_priority(AUDIO_PRIORITY)
        try:
            while True:
                try:
                    self._run_stream()
                    return
                except DeviceError as gone:
                    self.problem, self._before = str(gone), (self.device_errors, self.missed)
                    self._stream.device_errors = self._stream.missed = 0
                if not self._reopen():
                    return
        except PisadaError as problem:
            self.failure = problem
        except BaseException as problem:  # noqa: BLE001 - reported when playing ends
            self.failure = RenderError(f"{type(problem).__name__}: {problem}")
        finally:
            self.ended.set()

    def _reopen(self) -> bool:
        """Open the lost devices again; try until it works or :meth:`stop` is called. Return whether they are open."""
        while not self._stopping.wait(RETRY_S):
            try:
                self._stream, self._adapter = self._open()
            except DeviceError as problem:
                self.problem = str(problem)
                continue
            self.problem, self.reopened = "", self.reopened + 1
            return True
        return False

    def _run_stream(self) -> None:
        stream, due = self._stream, 0
        try:
            stream.begin(round(self._latency_s * stream.opened.rate_hz))
            for number, audio in stream.blocks(self._stopping.is_set):
                for _ in range(number - due):  # blocks that never came: time goes on
                    self._adapter.process(np.zeros_like(audio))
                stream.send(number, self._adapter.process(audio))
                due = number + 1
        finally:
            stream.close()


def _named(name: str, opened: StreamInfo) -> str | None:
    """Return the full name of a device, so that only the same device is opened again."""
    return f"{name} ({opened.host})" if name else None
