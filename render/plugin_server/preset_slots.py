"""What the numbers in the slots ``a`` and ``b`` stand for, made ready in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from plugin_backend.errors import PisadaError, PresetError
from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from presets.bank import Bank
from presets.preset import Preset, sound_digest

MOST_KEPT = 512


class PresetPool:
    """Presets by number from 1 on, in the order of the bank's names; each is read when first asked for.

    Any thread may ask. What is made of a preset is kept, by how it sounds.
    """

    def __init__(self, bank: Bank):
        self._bank, self._lock = bank, threading.Lock()
        self._programs: dict[int, int] | None = None
        self._kept: OrderedDict[tuple, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bank.names)

    def __getitem__(self, number: int) -> Preset:
        """Raises PresetError: no such number, or its file cannot be used."""
        if not 1 <= number <= len(self):
            raise PresetError(f"no preset number {number}; the bank {self._bank.told} has {len(self)}")
        return self._bank[self._bank.names[number - 1]]

    def programs(self) -> dict[int, int]:
        """MIDI program number → preset's number; reads the whole bank the first time.

        Raises:
            PresetError: a preset cannot be used, or two claim the same program.
        """
        if self._programs is None:
            numbers = {name: number for number, name in enumerate(self._bank.names, 1)}
            self._programs = {program: numbers[name] for program, name in self._bank.programs().items()}
        return self._programs

    def made(self, preset: Preset, fingerprint: str, make: Callable[[Preset], Any]) -> Any:
        """What ``make`` makes of a preset for the model of that fingerprint.

        Those who ask while it is made make their own, and all of them get the one that was first ready. The lock is not
        held meanwhile: ``make`` may give way to another task of the same thread
        (:mod:`plugin_backend.models.batched_codec`), which
        would then wait for the lock for ever.
        """
        key = sound_digest(preset), fingerprint
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        made = make(preset)
        with self._lock:
            made = self._kept.setdefault(key, made)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made


SLOTS = {"a": "preset", "b": "preset_b"}
"""Slot → the parameter whose number chooses what is in it."""

_MISSING = object()


class PresetSlots:
    """Presets by number, and the session's as number 0, each made into what plays.

    Args:
        presets: by number from 1 on.
        make: what is slow; raises PisadaError where a preset cannot be used, and then none is chosen.
        problems: gets a line of each that cannot.
    """

    def __init__(self, presets: PresetPool, make: Callable[[Preset], Any], problems: list[str]):
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
        with self._lock:  # else what is being made of the one before would be kept for ever
            self._session[slot] = key, preset
            self._made.pop(before, None)
            self._asked.discard(before)
        if preset is not None:
            self._queue.put((key, preset))

    def of(self, slot: str, number: int, wait: bool) -> Any:
        """What was made of the preset of that number; ``None`` of none, or of one that cannot be used.

        Not waiting, what was there stays until it is ready.
        """
        key, preset = (number, None) if number else self._session[slot]
        if not (number or preset):
            self._last[slot] = None
            return None
        if wait and key not in self._made:
            self._prepare(key, preset)
        made = self._made.get(key, _MISSING)  # in one step: a session may come meanwhile
        if made is not _MISSING:
            self._last[slot] = made
        elif key not in self._asked:
            self._asked.add(key)
            self._queue.put((key, preset))
        return self._last[slot]

    def ready(self, slot: str, number: int) -> bool:
        """Whether what a number stands for is there, or is known not to be."""
        key, preset = (number, None) if number else self._session[slot]
        return not (number or preset) or key in self._made

    def _prepare(self, key, preset: Preset | None) -> None:
        """Make it, if it is not there and still wanted. No lock is held meanwhile: see :meth:`Shelf.made`."""
        if not self._open(key, preset):
            return
        made = problem = None
        try:
            made = self._make(self._presets[key] if preset is None else preset)
        except PisadaError as refused:
            problem = str(refused)
        with self._lock:
            if self._open(key, preset):
                self._made[key] = made
                if problem is not None:
                    self._problems.append(problem)

    def _open(self, key, preset: Preset | None) -> bool:
        """Whether nothing was made of it, and its session was not replaced."""
        return key not in self._made and (preset is None or key == self._session[key[0]][0])

    def _run(self) -> None:
        request_priority(BACKGROUND_PRIORITY)  # it shares Python's lock with who plays; that one tells of a refusal
        while (asked := self._queue.get()) is not None:
            self._prepare(*asked)

    def close(self) -> None:
        """Make what is being made, and no more."""
        with contextlib.suppress(Empty):
            while True:  # the thread takes from it too
                self._queue.get_nowait()
        self._queue.put(None)
        self._thread.join()
