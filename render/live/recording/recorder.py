"""The recorder keeps the input, the output, and the log from which the input can be rendered to the same output.

The audio callback only copies into a ring; a thread writes. Each round writes the log first, then the audio that it
describes, then the headers of the files. So a process that is killed leaves files that can be read and rendered again.
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
from plugin_backend.output_files import cannot_write, disk_error, make_folder
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from render.live.instrument import Instrument
from render.live.recording.control_log import CONTROL, INPUT, OUTPUT, Header, Line, as_line
from render.live.rig import Rig
from render.wav.float_wav import float_file

RING_S, ROUND_S = 4.0, 0.05
UPDATE_HEADER = 0x1060
"""libsndfile's command SFC_UPDATE_HEADER_NOW. soundfile offers it only through its private handle."""


class Recorder:
    """Writes ``input.wav``, ``output.wav`` (float; RF64 if they are long) and ``control.jsonl``.

    A :class:`render.live.player.Player` begins, feeds and closes it.

    Args:
        folder: made if it is absent; it must not hold a recording.
        rig, instrument: what is played.

    Attributes:
        problem: why recording stopped; playing goes on.

    Raises:
        OutputError: the folder holds a recording.
    """

    def __init__(self, folder: Path, rig: Rig, instrument: Instrument):
        for name in (INPUT, OUTPUT, CONTROL):
            if (folder / name).exists():
                raise OutputError(f"{folder / name}: is there already; record into another folder")
        self.folder, self._rig, self._instrument = folder, rig, instrument
        self.problem, self._ended = "", threading.Event()
        self._lines: SimpleQueue[Line] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, block_samples: int, ahead_blocks: int, realtime: bool = False) -> None:
        """Open the files and start the thread.

        Args:
            block_samples: of every block.
            ahead_blocks: the player's.
            realtime: request real-time priority, below the worker's.

        Raises:
            OutputError, DiskFullError: the files cannot be written.
        """
        instrument, rig = self._instrument, self._rig
        header = Header(
            rig=rig,
            fingerprint=instrument.fingerprint,
            presets={name: instrument.digest(name) for name in sorted(rig.named)},
            axes=instrument.axes.digest if instrument.axes else "",
            sample_rate=instrument.sample_rate,
            block_samples=block_samples,
            ahead_blocks=ahead_blocks,
            latency_samples=ahead_blocks * block_samples + instrument.latency_samples,
        )
        with ExitStack() as cleanup:
            cleanup.enter_context(make_folder(self.folder))
            try:
                self._log = cleanup.enter_context(open(self.folder / CONTROL, "xb", buffering=0))
                cleanup.callback((self.folder / CONTROL).unlink)
                self._log.write(as_line(header))
            except OSError as problem:
                raise disk_error(problem, self.folder) from problem
            self._files = []
            for name in (INPUT, OUTPUT):
                self._files.append(cleanup.enter_context(self._open(name)))
                cleanup.callback((self.folder / name).unlink)
            self._cleanup = cleanup.pop_all()  # all files are open: the thread closes them
        self._slots = max(16, round(RING_S * instrument.sample_rate / block_samples))
        shape = self._slots, 2, instrument.channels, block_samples
        self._ring, self._late = np.zeros(shape, np.float32), np.zeros(self._slots, bool)
        self._put, self._written, self._realtime = 0, 0, realtime
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _open(self, name: str) -> soundfile.SoundFile:
        try:
            return float_file(self.folder / name, self._instrument.sample_rate, self._instrument.channels)
        except soundfile.LibsndfileError as problem:
            raise cannot_write(self.folder, problem.error_string) from problem

    def put(self, into: np.ndarray, out: np.ndarray, late: bool) -> None:
        """Record a block of input and output. The audio callback calls this; it never waits.

        Args:
            into, out: ``[channels, block_samples]``.
            late: whether the output was late, so that the dry input was played.
        """
        if self.problem:
            return
        if self._put - self._written >= self._slots:
            self._stop(f"{self.folder}: the disk is too slow")
            return
        slot = self._put % self._slots
        np.copyto(self._ring[slot, 0], into)
        np.copyto(self._ring[slot, 1], out)
        self._late[slot] = late
        self._put += 1

    def wait_for_room(self) -> None:
        """Wait until :meth:`put` has room. For playing without a deadline."""
        while self._put - self._written >= self._slots and not self.problem:
            sleep(ROUND_S / 10)

    def log(self, line: Line) -> None:
        """Add a line to the log. Any thread may call it."""
        if not self.problem:
            self._lines.put(line)

    def _stop(self, problem: str) -> None:
        seconds = self._written * self._ring.shape[3] / self._instrument.sample_rate
        self.problem = self.problem or f"{problem}: recording stopped after {seconds:.1f} s"

    def _run(self) -> None:
        if self._realtime:
            request_priority(BACKGROUND_PRIORITY)  # the worker reports a refusal
        try:
            while not self._ended.wait(ROUND_S) and not self.problem:
                self._write_round()
            if not self.problem:
                self._write_round()
                self._log.write(as_line(Line(end=self._written * self._ring.shape[3])))
        except OSError as problem:
            self._stop(str(disk_error(problem, self.folder)))
        except (AssertionError, soundfile.LibsndfileError):  # soundfile asserts that everything was written
            self._stop(f"{self.folder}: the disk is full or gone")
        finally:
            self._finish()

    def _write_round(self) -> None:
        end = self._put  # read it before the lines: the lines of these blocks are there
        lines = []
        while not self._lines.empty():
            lines.append(self._with_digest(self._lines.get()))
        late = [tag for tag in range(self._written, end) if self._late[tag % self._slots]]
        lines += [Line(late=span) for span in spans(late)]
        if lines:
            self._log.write(b"".join(map(as_line, lines)))
        while self._written < end:
            slot = self._written % self._slots
            count = min(end - self._written, self._slots - slot)
            for number, file in enumerate(self._files):
                audio = self._ring[slot : slot + count, number].transpose(0, 2, 1)
                file.write(audio.reshape(-1, self._ring.shape[2]))
            self._written += count
        for file in self._files:
            soundfile._snd.sf_command(file._file, UPDATE_HEADER, soundfile._ffi.NULL, 0)

    def _with_digest(self, line: Line) -> Line:
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
            self._cleanup.close()

    def close(self) -> None:
        """Write the rest and close the files. Call it after the last block. If there was no block, no file stays."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()


def spans(tags: list[int]) -> list[tuple[int, int]]:
    """Return first number and length of each run of consecutive numbers."""
    runs: list[tuple[int, int]] = []
    for tag in tags:
        if runs and tag == sum(runs[-1]):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((tag, 1))
    return runs
