"""A queue of slow work, so that many tabs cannot starve the one that plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from plugin_backend.errors import BusyError

Result = TypeVar("Result")


class WorkQueue:
    """Runs slow work, in the order of the requests: one piece that a person waits for, and one that can wait.

    Args:
        most_waiting: how many pieces may wait; more are refused.
    """

    def __init__(self, most_waiting: int):
        self._most, self._waiting = most_waiting, 0
        self._threads = {later: ThreadPoolExecutor(1, "studio-later" if later else "studio-now") for later in (0, 1)}

    async def run(self, work: Callable[[], Result], later: bool = False) -> Result:
        """Run a piece of work in a thread, and return its result.

        Args:
            work: what is run.
            later: whether it can wait, such as drawings; other work does not wait for it.

        Raises:
            BusyError: too much work waits.
        """
        if self._waiting >= self._most:
            raise BusyError(f"{self._waiting} requests wait already; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads[later], work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads; waiting work is dropped."""
        for thread in self._threads.values():
            thread.shutdown(wait=False, cancel_futures=True)
