"""The presets in the slots ``a`` and ``b``, prepared on a separate thread."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from plugin_backend.errors import PisadaError, PresetError
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from presets.axes import Axes
from presets.bank import Bank
from presets.preset import Preset, sound_digest

MOST_KEPT = 512


class PresetPool:
    """The bank's presets by number, from 1 on, in the order of their names. Each is read when it is first needed.

    Any thread may use it. What engines compute from a preset is cached by the digest of its sound.
    """

    def __init__(self, bank: Bank):
        self._bank, self._lock = bank, threading.Lock()
        self._programs: dict[int, int] | None = None
        self._cache: OrderedDict[tuple, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bank.names)

    def __getitem__(self, number: int) -> Preset:
        """Return a preset by its number.

        Raises:
            PresetError: there is no such number, or the file cannot be used.
        """
        if not 1 <= number <= len(self):
            raise PresetError(f"no preset number {number}; the bank {self._bank.folder_list} has {len(self)}")
        return self._bank[self._bank.names[number - 1]]

    def programs(self) -> dict[int, int]:
        """Return MIDI program number → preset number; the first call reads the whole bank.

        Raises:
            PresetError: a preset cannot be used, or two presets have the same program.
        """
        if self._programs is None:
            numbers = {name: number for number, name in enumerate(self._bank.names, 1)}
            self._programs = {program: numbers[name] for program, name in self._bank.programs().items()}
        return self._programs

    def axes(self, fingerprint: str, problems: list[str]) -> Axes | None:
        """Return the axes of a model; see :meth:`presets.bank.Bank.axes`.

        Args:
            fingerprint: of the model.
            problems: receives a line if an axes file cannot be used.
        """
        try:
            return self._bank.axes(fingerprint)
        except PresetError as problem:
            problems.append(f"axes have no effect: {problem}")
            return None

    def computed(self, preset: Preset, fingerprint: str, compute: Callable[[Preset], Any]) -> Any:
        """Return ``compute(preset)``, cached for the model of that fingerprint.

        Threads that call it at the same time each compute their own result; all of them get the one that was ready
        first. The lock is not held meanwhile, because ``compute`` may switch to another task of the same thread
        (:mod:`plugin_backend.models.batched_codec`), which would then wait for the lock for ever.

        Args:
            preset: the argument of ``compute``.
            fingerprint: of the model.
            compute: the slow function.
        """
        key = sound_digest(preset), fingerprint
        with self._lock:
            if key in self._cache:
                return self._cache[key]
        result = compute(preset)
        with self._lock:
            result = self._cache.setdefault(key, result)
            if len(self._cache) > MOST_KEPT:
                self._cache.popitem(last=False)
        return result


SLOTS = {"a": "preset", "b": "preset_b"}
"""Slot → the parameter whose number selects its preset."""

_MISSING = object()


Key = int | tuple[str, int]
"""A preset of the bank by its number; or a session's preset by its slot and a version."""


class PresetSlots:
    """The presets of the two slots: by number from the bank, or the session's own preset as number 0.

    Args:
        presets: the bank's presets by number, from 1 on.
        compute: the slow function that turns a preset into what plays. It raises PisadaError if the preset cannot be
            used; then the slot is empty.
        problems: receives one line for each preset that cannot be used.
    """

    def __init__(self, presets: PresetPool, compute: Callable[[Preset], Any], problems: list[str]):
        self._presets, self._compute, self._problems = presets, compute, problems
        self._session: dict[str, tuple[tuple[str, int], Preset | None]] = {slot: ((slot, 0), None) for slot in SLOTS}
        self._results: dict[Key, Any] = {}
        self._last: dict[str, Any] = dict.fromkeys(SLOTS)
        self._requested: set[Key] = set()
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Key, Preset | None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="presets", daemon=True)
        self._thread.start()

    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """Set number 0 of a slot. Any thread may call it."""
        before, _ = self._session[slot]
        key = slot, before[1] + 1
        with self._lock:  # else the result of the preset before would be kept for ever
            self._session[slot] = key, preset
            self._results.pop(before, None)
            self._requested.discard(before)
        if preset is not None:
            self._queue.put((key, preset))

    def get(self, slot: str, number: int, wait: bool) -> Any:
        """Return what plays for a preset.

        Args:
            slot: ``a`` or ``b``.
            number: of the preset; 0 is the session's own.
            wait: whether to compute a missing result now. If not, the slot's last result stays until it is ready.

        Returns:
            The result of ``compute``; ``None`` if there is no preset, or it cannot be used.
        """
        key: Key
        key, preset = (number, None) if number else self._session[slot]
        if not (number or preset):
            self._last[slot] = None
            return None
        if wait and key not in self._results:
            self._prepare(key, preset)
        result = self._results.get(key, _MISSING)  # one step, because the session may change meanwhile
        if result is not _MISSING:
            self._last[slot] = result
        elif key not in self._requested:
            self._requested.add(key)
            self._queue.put((key, preset))
        return self._last[slot]

    def ready(self, slot: str, number: int) -> bool:
        """Return whether the result of a number is there, or is known to be missing."""
        key: Key
        key, preset = (number, None) if number else self._session[slot]
        return not (number or preset) or key in self._results

    def _prepare(self, key: Key, preset: Preset | None) -> None:
        """Compute a result if it is missing and still needed. No lock is held: see :meth:`PresetPool.computed`."""
        if not self._needed(key):
            return
        result = problem = None
        try:
            if preset is None:
                assert isinstance(key, int)
                preset = self._presets[key]
            result = self._compute(preset)
        except PisadaError as refused:
            problem = str(refused)
        with self._lock:
            if self._needed(key):
                self._results[key] = result
                if problem is not None:
                    self._problems.append(problem)

    def _needed(self, key: Key) -> bool:
        """Return whether a result is missing and its session preset was not replaced."""
        return key not in self._results and (isinstance(key, int) or key == self._session[key[0]][0])

    def _run(self) -> None:
        request_priority(BACKGROUND_PRIORITY)  # it shares Python's lock with the dispatcher, which reports a refusal
        while (request := self._queue.get()) is not None:
            self._prepare(*request)

    def close(self) -> None:
        """Finish the preset in work and end the thread; waiting presets are dropped."""
        with contextlib.suppress(Empty):
            while True:  # the thread takes from it too
                self._queue.get_nowait()
        self._queue.put(None)
        self._thread.join()
