"""Wakes a thread from one that must not wait."""

from __future__ import annotations

import threading


class Bell:
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
