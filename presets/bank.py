"""A bank: a folder of presets, looked up by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from plugin_backend.errors import PresetError
from presets.preset import NAME, NAME_RULE, Preset
from presets.store import SUFFIX, load_preset

FACTORY_BANK = Path(__file__).parent / "factory"


class Bank:
    """The presets of one folder; each file is read once, when first asked for.

    Raises:
        PresetError: the folder is missing or holds no preset.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.names = sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))
        if not self.names:
            raise PresetError(f"{self.folder}: not a bank, it holds no *{SUFFIX} file")
        for name in self.names:
            if not NAME.fullmatch(name):
                raise PresetError(f"{self.folder / name}{SUFFIX}: {NAME_RULE}")
        self._read: dict[str, Preset] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Preset]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Preset:
        if name not in self._read:
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, n=3)
                hint = f"; near it: {', '.join(near)}" if near else ""
                raise PresetError(f"no preset '{name}' in {self.folder} ({len(self.names)} presets){hint}")
            self._read[name] = load_preset(self.folder / f"{name}{SUFFIX}")
        return self._read[name]

    def programs(self) -> dict[int, str]:
        """MIDI program number → preset name, for presets that claim one.

        Raises:
            PresetError: two presets claim the same number.
        """
        programs: dict[int, str] = {}
        for preset in self:
            number = preset.header.program
            if number is None:
                continue
            if number in programs:
                raise PresetError(
                    f"{self.folder}: '{programs[number]}' and '{preset.name}' both claim program {number}"
                )
            programs[number] = preset.name
        return programs
