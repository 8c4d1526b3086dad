"""The worker thread: takes blocks from the ring, applies actions, processes the blocks, puts the output."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter

import numpy as np

from plugin_backend.processes import WORKER_PRIORITY, request_priority
from render.instrument.actions import RELEASE, SHED, Action
from render.live.block_ring import BlockRing, WakeUp
from render.live.instrument import Instrument
from render.live.level_meter import SMOOTHED_BLOCKS
from render.live.recording.control_log import Line

LOAD_S = 0.25
"""The load is averaged over this many seconds of sound."""

SUSTAINABLE = 0.8
"""Share of a block's time. When the machine is overloaded, held textures are ended until the load is this low."""


class AudioWorker:
    """Processes blocks one after another.

    Args:
        instrument: processes the blocks.
        ring: where blocks come from and output goes.
        block_samples: of every block.
        log: receives lines for the recording's log.
        fetch: called when takes will be needed that are not decoded yet.
        on_failure: receives the error message; after it, no block is processed any more.

    Attributes:
        actions: actions to apply; any thread may put them.
        restarts, share, shed: see :class:`render.live.level_meter.LevelMeter`.
        next: number of the first block that is not processed.
        remark: why the thread has no real-time priority, if it was requested and refused.
    """

    def __init__(
        self,
        instrument: Instrument,
        ring: BlockRing,
        block_samples: int,
        log: Callable[[Line], None],
        fetch: Callable[[], None],
        on_failure: Callable[[str], None],
    ):
        self._instrument, self._ring, self._block = instrument, ring, block_samples
        self._log, self._fetch, self._on_failure = log, fetch, on_failure
        self._input = np.zeros((instrument.channels, block_samples), np.float32)
        self.actions: SimpleQueue[Action] = SimpleQueue()
        self.restarts, self.share, self.shed, self.next, self.remark = 0, 0.0, 0, 0, ""
        self._recent: deque[float] = deque(maxlen=max(4, round(LOAD_S * instrument.sample_rate / block_samples)))
        self._wakeup, self._closing, self._realtime = WakeUp(), False, False
        self._thread: threading.Thread | None = None
        self.notify = self._wakeup.notify

    def start(self, realtime: bool) -> None:
        """Start the thread, at real-time priority if ``realtime`` and allowed."""
        self._realtime = realtime
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._realtime:
            self.remark = request_priority(WORKER_PRIORITY)
        try:
            while not self._closing:
                self._wakeup.wait()
                while not self._closing and self.work():
                    pass
        except BaseException as problem:  # noqa: BLE001 - the meter shows every error; the dry input goes on
            self._log(Line(failed=self.next * self._block))
            self._on_failure(f"{type(problem).__name__}: {problem}")

    def work(self) -> bool:
        """Process one block, if one waits; return whether one did."""
        instrument, block = self._instrument, self._block
        if self.next > self._ring.newest:
            return False
        began, tag = perf_counter(), self._ring.take(self.next, self._input)
        if tag != self.next:
            self._log(Line(restart=(self.next * block, tag * block)))
            instrument.skip((tag - self.next) * block)
            self.restarts, self.next = self.restarts + 1, tag
            self._shed()
        while not self.actions.empty():  # no other thread takes from it
            instrument.act(self._immediate(self.actions.get()))
        output = instrument.push(self._input)
        for action in instrument.applied:
            self._log(Line(action=action))
        instrument.applied.clear()
        if tag * block >= instrument.valid_from:
            self._ring.put_output(tag, output)
        self.next = tag + 1
        if instrument.missing_takes():
            self._fetch()
        share = (perf_counter() - began) * instrument.sample_rate / block
        self.share += (share - self.share) / SMOOTHED_BLOCKS
        self._recent.append(share)
        return True

    def _immediate(self, action: Action) -> Action:
        """Return a due release at the worker's own position, so that it does not wait; other actions unchanged."""
        newest = self._ring.newest
        later = action.at_samples >= (newest + 2) * self._block  # than the block that is being recorded
        if action.control != RELEASE or newest - self.next <= 1 or later:
            return action
        return Action(self._instrument.position, RELEASE, action.value, action.text)

    def _shed(self) -> None:
        """End held textures if blocks take too long: nearly all of the recent blocks, not only one."""
        held, recent = self._instrument.held, self._recent
        load = (sum(recent) - max(recent, default=0)) / max(1, len(recent) - 1)
        if held and len(recent) == recent.maxlen and load > 1:
            count = math.ceil(held * (1 - SUSTAINABLE / load))
            self._instrument.act(Action(self._instrument.position, SHED, count))
            self.shed += count
            recent.clear()

    def close(self) -> None:
        """End the thread. Call it after the last block was put."""
        self._closing = True
        self._wakeup.notify()
        if self._thread is not None:
            self._thread.join()
