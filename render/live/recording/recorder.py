"""What is played, kept: the input, the output, and the log from which the one becomes the other again.

The audio callback only copies into a ring; a thread writes. Each round writes the log first, then the sound it speaks
of, then the files' headers: a process that is killed leaves what can be read and rendered again.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from time import sleep

import msgspec
import numpy as np
import soundfile

from plugin_backend.errors import OutputError
from plugin_backend.output_files import disk_error, make_folder
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from render.live.instrument import Instrument
from render.live.recording.control_log import CONTROL, INPUT, OUTPUT, Header, Line, as_line
from render.live.rig import Rig
from render.wav.float_wav import float_file

RING_S, ROUND_S = 4.0, 0.05
UPDATE_HEADER = 0x1060
"""A libsndfile command that soundfile reaches only through its private handle."""


class Recorder:
    """Writes ``input.wav``, ``output.wav`` (float, RF64 where they must be) and ``control.jsonl``.

    A :class:`render.live.player.Player` begins, feeds and closes it.

    Args:
        folder: made if need be; it holds no recording yet.
        rig, instrument: what is played.

    Attributes:
        problem: why it stopped; playing goes on.

    Raises:
        OutputError: the folder holds a recording.
    """

    def __init__(self, folder: Path, rig: Rig, instrument: Instrument):
        for name in (INPUT, OUTPUT, CONTROL):
            if (folder / name).exists():
                raise OutputError(f"{folder / name}: is there already; record into another folder")
        self.folder, self._rig, self._instrument = folder, rig, instrument
        self.problem, self._notes, self._ended = "", SimpleQueue(), threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, block_samples: int, ahead_blocks: int, realtime: bool = False) -> None:
        """Open the files and start the thread; ``realtime`` as the loader's.

        Raises:
            OutputError, DiskFullError: they cannot be written.
        """
        player, rig = self._instrument, self._rig
        header = Header(
            rig=rig,
            fingerprint=player.fingerprint,
            presets={name: player.digest(name) for name in sorted(rig.named)},
            sample_rate=player.sample_rate,
            block_samples=block_samples,
            ahead_blocks=ahead_blocks,
            latency_samples=ahead_blocks * block_samples + player.latency_samples,
        )
        with ExitStack() as undone:
            undone.enter_context(make_folder(self.folder))
            try:
                self._log = undone.enter_context(open(self.folder / CONTROL, "xb", buffering=0))
                undone.callback((self.folder / CONTROL).unlink)
                self._log.write(as_line(header))
            except OSError as problem:
                raise disk_error(problem, self.folder) from problem
            self._files = []
            for name in (INPUT, OUTPUT):
                self._files.append(undone.enter_context(self._opened(name)))
                undone.callback((self.folder / name).unlink)
            self._undone = undone.pop_all()  # all are there: the thread closes them
        self._slots = max(16, round(RING_S * player.sample_rate / block_samples))
        shape = self._slots, 2, player.channels, block_samples
        self._ring, self._lates = np.zeros(shape, np.float32), np.zeros(self._slots, bool)
        self._put, self._written, self._realtime = 0, 0, realtime
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _opened(self, name: str) -> soundfile.SoundFile:
        try:
            return float_file(self.folder / name, self._instrument.sample_rate, self._instrument.channels)
        except soundfile.LibsndfileError as problem:
            raise OutputError(f"{self.folder}: cannot write here ({problem.error_string})") from problem

    def put(self, into: np.ndarray, out: np.ndarray, late: bool) -> None:
        """Keep a block of input and output; from the audio callback. It waits for nothing."""
        if self.problem:
            return
        if self._put - self._written >= self._slots:
            self._stop(f"{self.folder}: the disk is too slow")
            return
        slot = self._put % self._slots
        np.copyto(self._ring[slot, 0], into)
        np.copyto(self._ring[slot, 1], out)
        self._lates[slot] = late
        self._put += 1

    def wait_for_room(self) -> None:
        """Until :meth:`put` finds room; for who plays without a deadline."""
        while self._put - self._written >= self._slots and not self.problem:
            sleep(ROUND_S / 10)

    def note(self, line: Line) -> None:
        """Keep a line of the log; from any thread."""
        if not self.problem:
            self._notes.put(line)

    def _stop(self, problem: str) -> None:
        seconds = self._written * self._ring.shape[3] / self._instrument.sample_rate
        self.problem = self.problem or f"{problem}: recording stopped after {seconds:.1f} s"

    def _run(self) -> None:
        if self._realtime:
            request_priority(BACKGROUND_PRIORITY)  # the worker tells of a refusal
        try:
            while not self._ended.wait(ROUND_S) and not self.problem:
                self._round()
            if not self.problem:
                self._round()
                self._log.write(as_line(Line(end=self._written * self._ring.shape[3])))
        except OSError as problem:
            self._stop(str(disk_error(problem, self.folder)))
        except (AssertionError, soundfile.LibsndfileError):  # soundfile asserts that all was written
            self._stop(f"{self.folder}: the disk is full or gone")
        finally:
            self._finish()

    def _round(self) -> None:
        end = self._put  # before the notes: those of what was put by now are there
        lines = []
        while not self._notes.empty():
            lines.append(self._told(self._notes.get()))
        late = [tag for tag in range(self._written, end) if self._lates[tag % self._slots]]
        lines += [Line(late=span) for span in spans(late)]
        if lines:
            self._log.write(b"".join(map(as_line, lines)))
        while self._written < end:
            slot = self._written % self._slots
            count = min(end - self._written, self._slots - slot)
            for which, file in enumerate(self._files):
                sound = self._ring[slot : slot + count, which].transpose(0, 2, 1)
                file.write(sound.reshape(-1, self._ring.shape[2]))
            self._written += count
        for file in self._files:
            soundfile._snd.sf_command(file._file, UPDATE_HEADER, soundfile._ffi.NULL, 0)

    def _told(self, line: Line) -> Line:
        action = line.action
        if action is None or not action.text or action.control == "release":
            return line
        return msgspec.structs.replace(line, digest=self._instrument.digest(action.text))

    def _finish(self) -> None:
        for file in self._files:
            try:
                file.close()
            except soundfile.LibsndfileError as problem:
                self._stop(f"{self.folder}: {problem.error_string}")
        self._log.close()
        if not self._put:
            self._undone.close()

    def close(self) -> None:
        """Write what is left; after the last block was put. Where none was, no file stays."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()


def spans(tags: list[int]) -> list[tuple[int, int]]:
    """First and number of each run of consecutive numbers."""
    found: list[tuple[int, int]] = []
    for tag in tags:
        if found and tag == sum(found[-1]):
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((tag, 1))
    return found
