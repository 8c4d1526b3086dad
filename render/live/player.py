"""Between the audio callback and the instrument: tagged blocks, a worker, and aligned dry where an answer is late.

The callback leaves each block in a ring under its number and takes the answer of the block ``ahead_blocks`` before. It
waits for nothing: what is not there is late, and stays so. Answers carry numbers, so a late one never moves another.
"""

from __future__ import annotations

import gc
import sys
from time import perf_counter

import numpy as np

from plugin_backend.dsp.sanitize import sanitize
from render.instrument.actions import PRESETS, STRIKE, Action
from render.live.audio_worker import AudioWorker
from render.live.block_ring import BlockRing
from render.live.dropout_concealment import DropoutConcealment
from render.live.instrument import Instrument
from render.live.level_meter import LevelMeter, Peaks
from render.live.preset_loader import PresetLoader
from render.live.recording.control_log import Line
from render.live.rig import ahead_of

MOST_BEHIND_S = 0.25
"""A worker further behind leaves out what it has not come to."""

SWITCH_S = 5e-4
"""How soon a thread that computes in Python lets the audio callback in."""


class Player:
    """Plays an instrument in real time.

    Args:
        instrument: what plays; nothing else pushes it from now on.
        block_samples: of every block, the rig's.
        ahead_blocks: how many blocks' time an answer has; 0 takes as many as hold 512 samples.
        recorder: a :class:`render.live.recording.recorder.Recorder`; the player begins and closes it.
        threaded: ``False`` for virtual time: whoever plays calls :meth:`work` for the worker.
        realtime: ask for real-time priority for the threads; a refusal is told in the meter.

    Attributes:
        latency_samples: from input to output.
        threaded: see there.
    """

    def __init__(
        self,
        instrument: Instrument,
        block_samples: int,
        ahead_blocks: int = 1,
        recorder=None,
        threaded: bool = True,
        realtime: bool = False,
    ):
        self._instrument, self._block, self._rate = instrument, block_samples, instrument.sample_rate
        self._ahead, self.threaded, shape = (
            ahead_of(block_samples, ahead_blocks),
            threaded,
            (instrument.channels, block_samples),
        )
        self._ring = BlockRing(shape, max(4, round(MOST_BEHIND_S * self._rate / block_samples)), self._ahead)
        self._silence, self._clock = np.zeros(shape, np.float32), (0, 0.0)
        self.latency_samples = self._ahead * block_samples + instrument.latency_samples
        self._fallback = DropoutConcealment(*shape, self.latency_samples, self._rate)
        self._late, self._problem = 0, ""
        self._peaks_in, self._peaks_out = Peaks(instrument.channels), Peaks(instrument.channels)
        self._recorder, self._loader, self._closed = recorder, None, False
        self._worker = AudioWorker(instrument, self._ring, block_samples, self._note, self._fetch, self._failed)
        if threaded:
            instrument.fetch()
        if recorder is not None:  # the last that may fail
            recorder.begin(block_samples, self._ahead, realtime)
        if threaded:
            self._switch_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)
            gc.collect()
            gc.freeze()  # what is there by now needs no looking through while sound runs
            self._loader = PresetLoader(instrument, self._worker.actions.put, self._failed, realtime)
            self._worker.start(realtime)

    def play(self, into: np.ndarray, out: np.ndarray) -> None:
        """A block in, a block out, ``[channels, block_samples]`` float32 each; from the audio callback.

        Raises:
            ValueError: of another shape.
        """
        if into.shape != self._silence.shape or out.shape != into.shape:
            raise ValueError(f"blocks of {into.shape} and {out.shape}; {self._silence.shape} is played here")
        block = self._ring.put(sanitize(into)[0])
        tag = self._ring.newest
        self._clock = (tag + 1) * self._block, perf_counter()
        self._worker.ring_bell()
        answer = self._ring.answer_to(tag - self._ahead) if tag >= self._ahead else self._silence
        self._fallback.mix(block, answer, out)
        self._late += answer is None
        self._peaks_in.add(block)
        self._peaks_out.add(out)
        if self._recorder is not None:
            if not self.threaded:
                self._recorder.wait_for_room()
            self._recorder.put(block, out, answer is None)

    def control(self, control: str, value: float = 0.0, text: str = "", at_samples: int | None = None) -> None:
        """Do something, from any thread: now, or at an input sample still to come. See :class:`Action`.

        What needs a preset that is not ready takes effect once it is.

        Raises:
            ProjectError, PresetError: it cannot be done; see :meth:`Instrument.validate`.
        """
        at = self._now() if at_samples is None else at_samples
        action = self._instrument.validate(Action(at, control, value, text))
        if self._loader is None:
            self._instrument.prepare(action)
        elif control in PRESETS or (control == STRIKE and not self._instrument.ready(action)):
            self._loader.load(action)  # presets in the order they were asked for
            return
        if not self._problem:
            self._worker.actions.put(action)

    def _now(self) -> int:
        """The input sample being heard by the microphone."""
        first, since = self._clock
        if not self.threaded:
            return first
        return first + min(self._block - 1, int((perf_counter() - since) * self._rate))

    def work(self) -> bool:
        """In virtual time: answer one block, if one waits."""
        return self._worker.work()

    @property
    def idle(self) -> bool:
        """Whether every block has its answer, or none will come."""
        return self._worker.next > self._ring.newest or bool(self._problem)

    def _note(self, line: Line) -> None:
        if self._recorder is not None:
            self._recorder.note(line)

    def _fetch(self) -> None:
        if self._loader is not None:
            self._loader.fetch()

    def _failed(self, problem: str) -> None:
        self._problem = self._problem or problem

    def meter(self) -> LevelMeter:
        """How playing goes; peaks begin anew."""
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
        """End the threads, after the last callback, and close the recording."""
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
