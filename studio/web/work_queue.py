"""A queue of slow work, so that many tabs cannot starve the one that plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from plugin_backend.errors import BusyError

Result = TypeVar("Result")


class WorkQueue:
    """Runs slow work one piece at a time, in the order of the requests.

    Args:
        most_waiting: how many pieces may wait; more are refused.
    """

    def __init__(self, most_waiting: int):
        self._most, self._waiting = most_waiting, 0
        self._thread = ThreadPoolExecutor(1, "studio-work")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run a piece of work in the thread, and return its result.

        Raises:
            BusyError: too much work waits.
        """
        if self._waiting >= self._most:
            raise BusyError(f"{self._waiting} requests wait already; try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread; waiting work is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
