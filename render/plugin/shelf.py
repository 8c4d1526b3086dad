"""The bank's presets as a host chooses them, by number; and what is made of presets, once for all instances."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from plugin_backend.errors import PresetError
from presets.bank import Bank
from presets.digest import sound_digest
from presets.preset import Preset

MOST_KEPT = 512


class Shelf:
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
        held meanwhile: ``make`` may give way to another task of the same thread (:mod:`plugin_backend.together`), which
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
