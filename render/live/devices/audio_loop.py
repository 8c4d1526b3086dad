"""Keeps the sound going: devices' blocks through the player, files at either end, and lost devices opened again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from plugin_backend.errors import DeviceError, PisadaError, RenderError
from plugin_backend.processes import AUDIO_PRIORITY, request_priority
from render.live.devices.audio_process import StreamInfo, StreamRequest
from render.live.devices.audio_stream import ClockStream, DeviceStream
from render.live.devices.rate_adapter import RateAdapter

RETRY_S = 1.0


class AudioLoop:
    """Plays from :meth:`start` until :meth:`stop`, on a thread of its own.

    Args:
        play: ``play(into, out)`` of the player, both ``[channels, block_samples]``.
        latency_samples: the player's, at the wish's rate.
        wish: the devices; with neither, the clock gives the pace.
        source: blocks ``[channels, block_samples]`` that stand for the input device; playing ends with them.
        sink: takes each block played, where a file stands for the output device.
        paced: off: files at both ends need not wait for the clock.

    Attributes:
        problem: why there is no sound now ("": there is).
        opened: the devices as last opened.
        reopened: how often they were opened again.
        troubles, missed: blocks the device lost or repeated, and those whose answer came too late for it.
        ended: nothing more will be played.
        failure: what ended it against the performer's will.
    """

    def __init__(
        self,
        play: Callable[[np.ndarray, np.ndarray], None],
        latency_samples: int,
        wish: StreamRequest,
        source: Iterator[np.ndarray] | None = None,
        sink: Callable[[np.ndarray], None] | None = None,
        paced: bool = True,
    ):
        self._play, self._wish, self._paced = play, replace(wish, no_input=source is not None), paced
        self._wish = replace(self._wish, no_output=sink is not None)
        self._source, self._sink, self._player_latency = source, sink, latency_samples
        self._stopping, self._thread = threading.Event(), None
        self.problem, self.ended, self.failure, self.reopened = "", threading.Event(), None, 0
        self._before = (0, 0)
        self._link, self._cable = self._open()
        opened = self.opened
        self._wish = replace(self._wish, input=_named(opened.input, opened), output=_named(opened.output, opened))

    @property
    def opened(self) -> StreamInfo:
        return self._link.opened

    @property
    def rate_hz(self) -> int:
        """The player's."""
        return self._wish.rate_hz

    @property
    def name(self) -> str:
        """Of the devices, or files for them."""
        ends = (self.opened.input, self._source, "file"), (self.opened.output, self._sink, "file")
        return " → ".join(file if given is not None else name for name, given, file in ends)

    @property
    def back(self) -> str:
        """That it is there again, in a line."""
        return f"{self.name}: it is back, at {self.opened.rate_hz} Hz"

    @property
    def resampled(self) -> bool:
        return self.opened.rate_hz != self._wish.rate_hz

    @property
    def troubles(self) -> int:
        return self._before[0] + self._link.troubles

    @property
    def missed(self) -> int:
        return self._before[1] + self._link.missed

    @property
    def latency_ms(self) -> float:
        """From the input's plug to the output's: devices, link, resampling and player."""
        return 1000 * (self.opened.latency_s + self._own_latency_s)

    @property
    def _own_latency_s(self) -> float:
        link = (self._link.latency_samples + self._cable.latency_samples) / self.opened.rate_hz
        return link + self._player_latency / self._wish.rate_hz

    def _open(self) -> tuple[DeviceStream | ClockStream, RateAdapter]:
        wish = self._wish
        if wish.no_input and wish.no_output:
            link = ClockStream(wish.rate_hz, wish.block_samples, self._paced)
        else:
            link = DeviceStream(wish, self._stopping.is_set)
        opened = link.opened
        rates = wish.rate_hz, opened.rate_hz
        outputs = opened.output_channels
        return link, RateAdapter(self._step, wish.channels, wish.block_samples, *rates, opened.block_samples, outputs)

    def _step(self, into: np.ndarray) -> np.ndarray:
        """One block of the player's."""
        if self._source is not None:
            into = next(self._source, None)
            if into is None:
                self._stopping.set()
                into = np.zeros((self._wish.channels, self._wish.block_samples), np.float32)
        out = np.empty_like(into)
        self._play(into, out)
        if self._sink is not None:
            self._sink(out)
        return out

    def start(self) -> None:
        """Begin to play."""
        self._thread = threading.Thread(target=self._run, name="pisada-audio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Play no more, and let the devices go."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._link.close()

    def _run(self) -> None:
        if self._wish.realtime:
            request_priority(AUDIO_PRIORITY)
        try:
            while True:
                try:
                    self._stream()
                    return
                except DeviceError as gone:
                    self.problem, self._before = str(gone), (self.troubles, self.missed)
                    self._link.troubles = self._link.missed = 0
                if not self._again():
                    return
        except PisadaError as problem:
            self.failure = problem
        except Exception as problem:  # noqa: BLE001 - told when playing ends, whatever it is
            self.failure = RenderError(f"{type(problem).__name__}: {problem}")
        finally:
            self.ended.set()

    def _again(self) -> bool:
        """Open the lost devices again; tries until it is done or nobody wants it any more."""
        while not self._stopping.wait(RETRY_S):
            try:
                self._link, self._cable = self._open()
            except DeviceError as problem:
                self.problem = str(problem)
                continue
            self.problem, self.reopened = "", self.reopened + 1
            return True
        return False

    def _stream(self) -> None:
        link, due = self._link, 0
        try:
            link.begin(round(self._own_latency_s * link.opened.rate_hz))
            for number, sound in link.blocks(self._stopping.is_set):
                for _ in range(number - due):  # what never came: time goes on
                    self._cable.pass_on(np.zeros_like(sound))
                link.answer(number, self._cable.pass_on(sound))
                due = number + 1
        finally:
            link.close()


def _named(name: str, opened: StreamInfo) -> str | None:
    """The same device, and no other, when it comes back."""
    return f"{name} ({opened.host})" if name else None
