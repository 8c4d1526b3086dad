"""Banks: folders of presets, looked up by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from plugin_backend.errors import PresetError
from plugin_backend.similar_names import did_you_mean
from presets.axes import Axes, find_axes_file
from presets.performance.latent_statistics import SUFFIX as STATISTICS_SUFFIX
from presets.performance.latent_statistics import LatentStatistics, load_statistics
from presets.preset import NAME, NAME_RULE, Preset
from presets.store import SUFFIX, load_preset

FACTORY_BANK = Path(__file__).parent / "factory"
NOTE_BANK = Path(__file__).parent / "factory_notes"

FACTORY, FACTORY_NOTES = "factory", "factory-notes"
"""Names of the shipped banks wherever a folder is given. A folder of such a name must be written ``./factory``."""

SHIPPED = {FACTORY: FACTORY_BANK, FACTORY_NOTES: NOTE_BANK}

BankNames = str | os.PathLike | Sequence[str | os.PathLike] | None
"""Banks as users give them: one or several folders or :data:`FACTORY`. ``None`` or none is the factory bank."""


class Bank:
    """The presets of one or several folders. Each file is read once, when it is first used.

    Args:
        banks: folders. If several folders have a preset of the same name, the first folder's preset is used.

    Attributes:
        folders: in order.
        names: of all presets, sorted.

    Raises:
        PresetError: a folder is missing or holds no preset.

    Examples:
        >>> "step-gravel" in Bank()
        True
    """

    def __init__(self, banks: BankNames = None):
        self.folders = folders_of(banks)
        files: dict[str, Path] = {}
        for folder in self.folders:
            paths = sorted(folder.glob(f"*{SUFFIX}"))
            if not paths:
                raise PresetError(f"{folder}: not a bank, it holds no *{SUFFIX} file")
            for path in paths:
                name = path.name.removesuffix(SUFFIX)
                if not NAME.fullmatch(name):
                    raise PresetError(f"{path}: {NAME_RULE}")
                files.setdefault(name, path)
        self._files, self.names = files, sorted(files)
        self._read: dict[str, Preset] = {}

    @property
    def folder_list(self) -> str:
        """Its folders as text, for messages."""
        return ", ".join(map(str, self.folders))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[Preset]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Preset:
        """Return the preset of a name, or of a file.

        Raises:
            PresetError: there is no such preset, or its file cannot be used.
        """
        if name not in self._read:
            preset = load_preset(self.file_of(name))
            self._read[name] = replace(preset, statistics=self._statistics.get(preset.header.fingerprint))
        return self._read[name]

    @cached_property
    def _statistics(self) -> dict[str, LatentStatistics]:
        """Fingerprint → statistics of that model's latents. The factory's are always known; earlier folders win."""
        known: dict[str, LatentStatistics] = {}
        for folder in (*self.folders, FACTORY_BANK):
            for path in sorted(folder.glob(f"*{STATISTICS_SUFFIX}")):
                statistics = load_statistics(path)
                known.setdefault(statistics.fingerprint, statistics)
        return known

    def file_of(self, name: str) -> Path:
        """Return the file of a preset. A name that ends like a preset file is already a file.

        Raises:
            PresetError: no folder has it.
        """
        if is_file_name(name):
            return Path(name)
        if name not in self._files:
            hint = did_you_mean(name, self.names)
            raise PresetError(f"no preset '{name}' in {self.folder_list} ({len(self.names)} presets){hint}")
        return self._files[name]

    def axes(self, fingerprint: str) -> Axes | None:
        """Return the axes of a model: those of the first folder that has some, or of the factory bank.

        Args:
            fingerprint: of the model.

        Returns:
            ``None`` if no folder has axes of the model.

        Raises:
            PresetError: an axes file cannot be used.
        """
        return find_axes_file((*self.folders, FACTORY_BANK), fingerprint)

    def programs(self) -> dict[int, str]:
        """Return MIDI program number → preset name, for presets that have a number. Earlier folders take precedence.

        Raises:
            PresetError: two presets of one folder have the same number.
        """
        programs: dict[int, str] = {}
        for folder in self.folders:
            of_folder: dict[int, str] = {}
            for name in self.names:
                number = self[name].header.program if self._files[name].parent == folder else None
                if number in of_folder:
                    raise PresetError(f"{folder}: '{of_folder[number]}' and '{name}' both claim program {number}")
                if number is not None:
                    of_folder[number] = name
            programs = of_folder | programs
        return programs


def is_file_name(name: str) -> bool:
    """Return whether a preset is given by its file, not by its name in a bank."""
    return name.endswith(SUFFIX)


def folders_of(banks: BankNames) -> tuple[Path, ...]:
    """Return the folders of banks, each once; :data:`FACTORY_BANK` if none is given. Shipped banks have words."""
    names = [banks] if isinstance(banks, (str, os.PathLike)) else list(banks or [FACTORY])
    return tuple(dict.fromkeys(SHIPPED.get(str(name)) or Path(name) for name in names))


def absolute_preset_name(name: str, folder: Path) -> str:
    """Return a preset's file as seen from ``folder``. A preset's name is returned as it is."""
    return os.path.normpath(os.path.join(folder, name)) if is_file_name(name) else name


def absolute_bank_names(banks: BankNames, folder: Path) -> list[str]:
    """Return banks as seen from ``folder``. The name of the factory bank is returned as it is."""
    names = [banks] if isinstance(banks, (str, os.PathLike)) else list(banks or [])
    return [str(name) if str(name) in SHIPPED else str(Path(folder) / name) for name in names]
