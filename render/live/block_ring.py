"""Blocks on their way to the worker and back, each under its number."""

from __future__ import annotations

import threading

import numpy as np


class WakeUp:
    """A binary semaphore that one thread rings and another waits for. Ringing takes no lock that anyone holds."""

    def __init__(self):
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Let the waiting thread go on, now or when next it waits. One thread only may ring."""
        if self._lock.locked():
            self._lock.release()

    def wait(self, timeout_s: float = -1) -> None:
        """Until it rings, or so long."""
        self._lock.acquire(timeout=timeout_s)


class BlockRing:
    """Two threads share it without a lock: one puts blocks and takes answers, the other takes blocks and puts answers.

    Args:
        shape: channels and samples of every block.
        most_behind: how many blocks may wait.
        ahead: how many blocks later an answer is due.

    Attributes:
        newest: number of the last block put; −1 before the first.
    """

    def __init__(self, shape: tuple[int, int], most_behind: int, ahead: int):
        self._slots, self._most_behind = most_behind + ahead + 4, most_behind
        self._blocks, self._answers = np.zeros((2, self._slots, *shape), np.float32)
        self._answered, self.newest = np.full(self._slots, -1, np.int64), -1

    def put(self, block: np.ndarray) -> np.ndarray:
        """The next block; answers its copy in the ring."""
        kept = self._blocks[(self.newest + 1) % self._slots]
        np.copyto(kept, block)
        self.newest += 1
        return kept

    def take(self, tag: int, into: np.ndarray) -> int:
        """Copy block ``tag``, or the newest if too many wait; answers the number of what was copied."""
        while True:
            np.copyto(into, self._blocks[tag % self._slots])
            newest = self.newest  # after the copy: what it is now was not overwritten meanwhile
            if newest - tag <= self._most_behind:
                return tag
            tag = newest

    def answer(self, tag: int, answer: np.ndarray) -> None:
        """Put what block ``tag`` became."""
        np.copyto(self._answers[tag % self._slots], answer)
        self._answered[tag % self._slots] = tag

    def answer_to(self, tag: int) -> np.ndarray | None:
        """What block ``tag`` became, if that is known."""
        slot = tag % self._slots
        return self._answers[slot] if self._answered[slot] == tag else None
