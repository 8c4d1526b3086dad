"""What the numbers in the slots ``a`` and ``b`` stand for, made ready in a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from plugin_backend.errors import PisadaError
from presets.preset import Preset
from render.plugin.shelf import Shelf

SLOTS = {"a": "preset", "b": "preset_b"}
"""Slot → the parameter whose number chooses what is in it."""


class Chosen:
    """Presets by number, and the session's as number 0, each made into what plays.

    Args:
        presets: by number from 1 on.
        make: what is slow; raises PisadaError where a preset cannot be used, and then none is chosen.
        problems: gets a line of each that cannot.
    """

    def __init__(self, presets: Shelf, make: Callable[[Preset], Any], problems: list[str]):
        self._presets, self._make, self._problems = presets, make, problems
        self._session: dict[str, tuple[tuple[str, int], Preset | None]] = {slot: ((slot, 0), None) for slot in SLOTS}
        self._made: dict[int | tuple[str, int], Any] = {}
        self._last: dict[str, Any] = dict.fromkeys(SLOTS)
        self._asked: set = set()
        self._lock, self._queue = threading.Lock(), SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="presets", daemon=True)
        self._thread.start()

    def session(self, slot: str, preset: Preset | None) -> None:
        """Let number 0 be this one; from any thread."""
        before, _ = self._session[slot]
        key = slot, before[1] + 1
        self._session[slot] = key, preset
        self._made.pop(before, None)
        if preset is not None:
            self._queue.put((key, preset))

    def of(self, slot: str, number: int, wait: bool) -> Any:
        """What was made of the preset of that number; ``None`` of none, or of one that cannot be used.

        Not waiting, what was there stays until it is ready.
        """
        key, preset = (number, None) if number else self._session[slot]
        if key not in self._made and not (number or preset):
            self._made[key] = None
        if key not in self._made and wait:
            self._prepare(key, preset)
        if key in self._made:
            self._last[slot] = self._made[key]
        elif key not in self._asked:
            self._asked.add(key)
            self._queue.put((key, preset))
        return self._last[slot]

    def ready(self, slot: str, number: int) -> bool:
        """Whether what a number stands for is there, or is known not to be."""
        return (number or self._session[slot][0]) in self._made

    def _prepare(self, key, preset: Preset | None) -> None:
        with self._lock:
            if key in self._made:
                return
            try:
                self._made[key] = self._make(self._presets[key] if preset is None else preset)
            except PisadaError as problem:
                self._problems.append(str(problem))
                self._made[key] = None

    def _run(self) -> None:
        if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # whoever started it plays
        while (asked := self._queue.get()) is not None:
            self._prepare(*asked)

    def close(self) -> None:
        """Make what is being made, and no more."""
        while not self._queue.empty():
            self._queue.get()
        self._queue.put(None)
        self._thread.join()
