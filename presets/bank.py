"""A bank: folders of presets, looked up by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from plugin_backend.errors import PresetError
from plugin_backend.similar_names import did_you_mean
from presets.preset import NAME, NAME_RULE, Preset
from presets.store import SUFFIX, load_preset

FACTORY_BANK = Path(__file__).parent / "factory"

FACTORY = "factory"
"""The shipped bank's name where a folder is asked for; a folder of that name is ``./factory``."""

BankNames = str | os.PathLike | Sequence[str | os.PathLike] | None
"""Banks as users name them: folders or :data:`FACTORY`, one or several; ``None`` or nothing is the factory's."""


class Bank:
    """The presets of one folder or several; each file is read once, when first asked for.

    Args:
        named: of a name that several folders have the first one's preset is meant.

    Attributes:
        folders: in order.
        names: of all presets, in the alphabet's.

    Raises:
        PresetError: a folder is missing or holds no preset.
    """

    def __init__(self, named: BankNames = None):
        self.folders = folders_of(named)
        files: dict[str, Path] = {}
        for folder in self.folders:
            here = sorted(folder.glob(f"*{SUFFIX}"))
            if not here:
                raise PresetError(f"{folder}: not a bank, it holds no *{SUFFIX} file")
            for path in here:
                name = path.name.removesuffix(SUFFIX)
                if not NAME.fullmatch(name):
                    raise PresetError(f"{path}: {NAME_RULE}")
                files.setdefault(name, path)
        self._files, self.names = files, sorted(files)
        self._read: dict[str, Preset] = {}

    @property
    def told(self) -> str:
        """Its folders, for messages."""
        return ", ".join(map(str, self.folders))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[Preset]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Preset:
        """The preset of that name, or of that file.

        Raises:
            PresetError: there is none, or its file cannot be used.
        """
        if name not in self._read:
            self._read[name] = load_preset(self.file_of(name))
        return self._read[name]

    def file_of(self, name: str) -> Path:
        """Where the preset of that name is; a name that ends as presets' files do is a file's.

        Raises:
            PresetError: no folder has it.
        """
        if is_file_name(name):
            return Path(name)
        if name not in self._files:
            hint = did_you_mean(name, self.names)
            raise PresetError(f"no preset '{name}' in {self.told} ({len(self.names)} presets){hint}")
        return self._files[name]

    def programs(self) -> dict[int, str]:
        """MIDI program number → preset name, for presets that claim one; of several folders' the first one's.

        Raises:
            PresetError: two presets of one folder claim the same number.
        """
        programs: dict[int, str] = {}
        for folder in self.folders:
            own: dict[int, str] = {}
            for name in self.names:
                number = self[name].header.program if self._files[name].parent == folder else None
                if number in own:
                    raise PresetError(f"{folder}: '{own[number]}' and '{name}' both claim program {number}")
                if number is not None:
                    own[number] = name
            programs = own | programs
        return programs


def is_file_name(name: str) -> bool:
    """Whether a preset is named by its file, and not by its name in a bank."""
    return name.endswith(SUFFIX)


def folders_of(named: BankNames) -> tuple[Path, ...]:
    """The folders that are meant, each once; :data:`FACTORY_BANK` where none is named."""
    each = [named] if isinstance(named, (str, os.PathLike)) else list(named or [FACTORY])
    return tuple(dict.fromkeys(FACTORY_BANK if str(one) == FACTORY else Path(one) for one in each))


def absolute_preset_name(name: str, folder: Path) -> str:
    """A preset's name as it is, its file as seen from ``folder``."""
    return os.path.normpath(os.path.join(folder, name)) if is_file_name(name) else name


def absolute_bank_names(named: BankNames, folder: Path) -> list[str]:
    """Banks as seen from ``folder``; the word for the factory's stays."""
    each = [named] if isinstance(named, (str, os.PathLike)) else list(named or [])
    return [FACTORY if str(one) == FACTORY else str(Path(folder) / one) for one in each]
