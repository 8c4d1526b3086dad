"""Numbered blocks on their way to the worker thread and back."""

from __future__ import annotations

import threading

import numpy as np


class WakeUp:
    """A binary semaphore: one thread notifies, another waits. Notifying never waits for a lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def notify(self) -> None:
        """Let the waiting thread go on, now or when it next waits. Only one thread may notify."""
        if self._lock.locked():
            self._lock.release()

    def wait(self, timeout_s: float = -1) -> None:
        """Wait for a notification, at most ``timeout_s`` seconds; −1 is no limit."""
        self._lock.acquire(timeout=timeout_s)


class BlockRing:
    """A ring of blocks that two threads share without a lock.

    One thread puts input blocks and reads output blocks; the other takes input and puts output.

    Args:
        shape: channels and samples of every block.
        most_behind: how many blocks may wait.
        ahead: how many blocks after its input an output block is due.

    Attributes:
        newest: number of the last block put; −1 before the first.
    """

    def __init__(self, shape: tuple[int, int], most_behind: int, ahead: int):
        self._slots, self._most_behind = most_behind + ahead + 4, most_behind
        self._inputs, self._outputs = np.zeros((2, self._slots, *shape), np.float32)
        self._output_tags, self.newest = np.full(self._slots, -1, np.int64), -1

    def put(self, block: np.ndarray) -> np.ndarray:
        """Put the next input block; return its copy in the ring."""
        copy = self._inputs[(self.newest + 1) % self._slots]
        np.copyto(copy, block)
        self.newest += 1
        return copy

    def take(self, tag: int, into: np.ndarray) -> int:
        """Copy input block ``tag``, or the newest if too many wait; return the number of the copied block."""
        while True:
            np.copyto(into, self._inputs[tag % self._slots])
            newest = self.newest  # after the copy: a block this new was not overwritten meanwhile
            if newest - tag <= self._most_behind:
                return tag
            tag = newest

    def put_output(self, tag: int, block: np.ndarray) -> None:
        """Put the output of input block ``tag``."""
        np.copyto(self._outputs[tag % self._slots], block)
        self._output_tags[tag % self._slots] = tag

    def output_of(self, tag: int) -> np.ndarray | None:
        """Return the output of input block ``tag``, or ``None`` if it is not there."""
        slot = tag % self._slots
        return self._outputs[slot] if self._output_tags[slot] == tag else None
