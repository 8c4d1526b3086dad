"""The thread that computes: takes blocks from the ring, does what was asked, pushes, puts answers."""

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
"""Of sound, that a burden is measured over."""

SUSTAINABLE = 0.8
"""Of a block's time: what held textures are shed down to where more cannot be carried."""


class AudioWorker:
    """Answers blocks one after another.

    Args:
        note: gets lines for the log.
        fetch: called when takes will be wanted that are not decoded.
        failed: gets what went wrong; nothing is answered any more.

    Attributes:
        actions: what was asked, put by any thread.
        restarts, share, shed: see :class:`render.live.level_meter.LevelMeter`.
        next: number of the first block not answered.
        remark: why it has no real-time priority, where it asked.
    """

    def __init__(
        self,
        instrument: Instrument,
        ring: BlockRing,
        block_samples: int,
        note: Callable[[Line], None],
        fetch: Callable[[], None],
        failed: Callable[[str], None],
    ):
        self._instrument, self._ring, self._block = instrument, ring, block_samples
        self._note, self._fetch, self._failed = note, fetch, failed
        self._heard = np.zeros((instrument.channels, block_samples), np.float32)
        self.actions: SimpleQueue[Action] = SimpleQueue()
        self.restarts, self.share, self.shed, self.next, self.remark = 0, 0.0, 0, 0, ""
        self._recent: deque[float] = deque(maxlen=max(4, round(LOAD_S * instrument.sample_rate / block_samples)))
        self._bell, self._closing, self._thread = WakeUp(), False, None
        self.ring_bell = self._bell.ring

    def start(self, realtime: bool) -> None:
        """Answer in a thread, from now on."""
        self._realtime = realtime
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._realtime:
            self.remark = request_priority(WORKER_PRIORITY)
        try:
            while not self._closing:
                self._bell.wait()
                while not self._closing and self.work():
                    pass
        except Exception as problem:  # noqa: BLE001 - told in the meter, whatever it is; the dry input goes on
            self._note(Line(failed=self.next * self._block))
            self._failed(f"{type(problem).__name__}: {problem}")

    def work(self) -> bool:
        """Answer one block, if one waits."""
        instrument, block = self._instrument, self._block
        if self.next > self._ring.newest:
            return False
        began, tag = perf_counter(), self._ring.take(self.next, self._heard)
        if tag != self.next:
            self._note(Line(restart=(self.next * block, tag * block)))
            instrument.skip((tag - self.next) * block)
            self.restarts, self.next = self.restarts + 1, tag
            self._shed()
        while not self.actions.empty():  # no other thread takes from it
            instrument.act(self._soonest(self.actions.get()))
        answer = instrument.push(self._heard)
        if not np.isfinite(answer).all():
            raise FloatingPointError("an effect made samples that are not finite")
        for action in instrument.taken:
            self._note(Line(action=action))
        instrument.taken.clear()
        if tag * block >= instrument.valid_from:
            self._ring.answer(tag, answer)
        self.next = tag + 1
        if instrument.wanted():
            self._fetch()
        share = (perf_counter() - began) * instrument.sample_rate / block
        self.share += (share - self.share) / SMOOTHED_BLOCKS
        self._recent.append(share)
        return True

    def _soonest(self, action: Action) -> Action:
        """What lets sounds go now does not wait for the blocks that the worker is behind by."""
        newest = self._ring.newest
        later = action.at_samples >= (newest + 2) * self._block  # than the block that is being recorded
        if action.control != RELEASE or newest - self.next <= 1 or later:
            return action
        return Action(self._instrument.position, RELEASE, action.value, action.text)

    def _shed(self) -> None:
        """Let held textures go where input was left out because blocks take too long: not one, but nearly all."""
        held, recent = self._instrument.held, self._recent
        burden = (sum(recent) - max(recent, default=0)) / max(1, len(recent) - 1)
        if held and len(recent) == recent.maxlen and burden > 1:
            count = math.ceil(held * (1 - SUSTAINABLE / burden))
            self._instrument.act(Action(self._instrument.position, SHED, count))
            self.shed += count
            recent.clear()

    def close(self) -> None:
        """End the thread; after the last block was put."""
        self._closing = True
        self._bell.ring()
        if self._thread is not None:
            self._thread.join()
