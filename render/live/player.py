"""The player stands between the audio callback and the instrument: it plays numbered blocks through a worker thread.

The callback puts each input block into a ring and takes the output of the block ``ahead_blocks`` before it. It never
waits: an output block that is not there is late, and the aligned dry input is played instead. Output blocks carry
numbers, so a late one never shifts another.
"""

from __future__ import annotations

import gc
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.processes import SWITCH_INTERVAL_S
from render.instrument.actions import PRESETS, STRIKES, Action
from render.live.audio_worker import AudioWorker
from render.live.block_ring import BlockRing
from render.live.dropout_concealment import DropoutConcealment
from render.live.instrument import Instrument
from render.live.level_meter import LevelMeter, Peaks
from render.live.preset_loader import PresetLoader
from render.live.recording.control_log import Line
from render.live.rig import ahead_of

if TYPE_CHECKING:
    from render.live.recording.recorder import Recorder

MOST_BEHIND_S = 0.25
"""A worker that is further behind skips the blocks it has not processed."""


class Player:
    """Plays an instrument in real time.

    Args:
        instrument: what plays; nothing else may push it from now on.
        block_samples: of every block, the rig's.
        ahead_blocks: how many blocks of time the worker has for each block; 0: as many as hold 512 samples.
        recorder: a :class:`render.live.recording.recorder.Recorder`; the player begins and closes it.
        threaded: ``False`` for virtual time: the caller of :meth:`play` also calls :meth:`work` for the worker.
        realtime: request real-time priority for the threads; the meter shows a refusal.

    Attributes:
        latency_samples: from input to output.
        threaded: as given.
    """

    def __init__(
        self,
        instrument: Instrument,
        block_samples: int,
        ahead_blocks: int = 1,
        recorder: Recorder | None = None,
        threaded: bool = True,
        realtime: bool = False,
    ):
        self._instrument, self._block, self._rate = instrument, block_samples, instrument.sample_rate
        self._ahead, self.threaded = ahead_of(block_samples, ahead_blocks), threaded
        shape = instrument.channels, block_samples
        self._ring = BlockRing(shape, max(4, round(MOST_BEHIND_S * self._rate / block_samples)), self._ahead)
        self._silence, self._clock = np.zeros(shape, np.float32), (0, 0.0)
        self.latency_samples = self._ahead * block_samples + instrument.latency_samples
        self._concealment = DropoutConcealment(*shape, self.latency_samples, self._rate)
        self._late, self._problem = 0, ""
        self._peaks_in, self._peaks_out = Peaks(instrument.channels), Peaks(instrument.channels)
        self._recorder, self._closed = recorder, False
        self._loader: PresetLoader | None = None
        self._worker = AudioWorker(instrument, self._ring, block_samples, self._log, self._fetch, self._fail)
        if threaded:
            instrument.fetch()
        if recorder is not None:  # the last step that may fail
            recorder.begin(block_samples, self._ahead, realtime)
        if threaded:
            self._switch_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            gc.collect()
            gc.freeze()  # the collector need not look at existing objects while sound runs
            self._loader = PresetLoader(instrument, self._worker.actions.put, self._fail, realtime)
            self._worker.start(realtime)

    def play(self, into: np.ndarray, out: np.ndarray) -> None:
        """Play one block. The audio callback calls this.

        Args:
            into: the input, ``[channels, block_samples]`` float32.
            out: is filled with the output, of the same shape.

        Raises:
            ValueError: another shape.
        """
        if into.shape != self._silence.shape or out.shape != into.shape:
            raise ValueError(f"blocks of {into.shape} and {out.shape}; {self._silence.shape} is played here")
        block = self._ring.put(sanitize(into)[0])
        tag = self._ring.newest
        self._clock = (tag + 1) * self._block, perf_counter()
        self._worker.notify()
        output = self._ring.output_of(tag - self._ahead) if tag >= self._ahead else self._silence
        self._concealment.mix(block, output, out)
        self._late += output is None
        self._peaks_in.add(block)
        self._peaks_out.add(out)
        if self._recorder is not None:
            if not self.threaded:
                self._recorder.wait_for_room()
            self._recorder.put(block, out, output is None)

    def control(self, control: str, value: float = 0.0, text: str = "", at_samples: int | None = None) -> None:
        """Apply an action, now or at a future input sample. Any thread may call this.

        An action that needs a preset which is not ready takes effect when the preset is ready.

        Args:
            control, value, text: see :class:`render.instrument.actions.Action`.
            at_samples: the input sample; ``None``: now.

        Raises:
            ProjectError, PresetError: the action is not possible; see :meth:`Instrument.resolve`.
        """
        at = self._now() if at_samples is None else at_samples
        action = self._instrument.resolve(Action(at, control, value, text))
        if self._loader is None:
            self._instrument.prepare(action)
        elif control in PRESETS or (control in STRIKES and not self._instrument.ready(action)):
            self._loader.load(action)  # presets in the order of the requests
            return
        if not self._problem:
            self._worker.actions.put(action)

    def _now(self) -> int:
        """Return the input sample that the microphone is recording now."""
        first, since = self._clock
        if not self.threaded:
            return first
        return first + min(self._block - 1, int((perf_counter() - since) * self._rate))

    def work(self) -> bool:
        """Process one block in virtual time, if one waits; return whether one did."""
        return self._worker.work()

    @property
    def idle(self) -> bool:
        """Whether every block is processed, or none will be any more."""
        return self._worker.next > self._ring.newest or bool(self._problem)

    def _log(self, line: Line) -> None:
        if self._recorder is not None:
            self._recorder.log(line)

    def _fetch(self) -> None:
        if self._loader is not None:
            self._loader.fetch()

    def _fail(self, problem: str) -> None:
        self._problem = self._problem or problem

    def meter(self) -> LevelMeter:
        """Return the current reading; the peaks start over."""
        return LevelMeter(
            blocks=self._ring.newest + 1,
            late_blocks=self._late,
            restarts=self._worker.restarts,
            input_peak_db=self._peaks_in.take_db(),
            output_peak_db=self._peaks_out.take_db(),
            latency_samples=self.latency_samples,
            worker_share=self._worker.share,
            remark=self._worker.remark,
            shed=self._worker.shed,
            problem=self._problem or getattr(self._recorder, "problem", ""),
        )

    def close(self) -> None:
        """End the threads and close the recording. Call it after the last callback."""
        if self._closed:
            return
        self._closed = True
        self._worker.close()
        if self._loader is not None:
            self._loader.close()
            sys.setswitchinterval(self._switch_s)
            gc.unfreeze()
        if self._recorder is not None:
            self._recorder.close()
