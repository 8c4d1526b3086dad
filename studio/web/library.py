"""The banks and models that a studio may use, and presets by their key ``BANK/NAME``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.errors import CheckpointError, PresetError
from plugin_backend.models.registry import describe_codec, factory_names, load_codec
from presets.axes import Axes
from presets.bank import FACTORY_BANK, Bank, folders_of
from presets.preset import Preset
from presets.store import SUFFIX

OWN = "own"
"""Label of the session's own bank."""


@dataclass(frozen=True)
class OpenBank:
    """A folder of presets with a label.

    Attributes:
        label: its short name, in keys of presets.
        folder: the folder.
        writable: whether presets may be saved there.
    """

    label: str
    folder: Path
    writable: bool


class Models:
    """Models by fingerprint. Each is loaded when it first decodes, once for all sessions.

    Args:
        names: of the models; those of the installation are added.
    """

    def __init__(self, names: Sequence[str]):
        self._names: dict[str, str] = {}
        self._specs: dict[str, CodecSpec] = {}
        self._codecs: dict[str, Codec] = {}
        self._lock = threading.Lock()
        for name in dict.fromkeys([*names, *factory_names()]):
            spec = describe_codec(name)
            self._names.setdefault(spec.fingerprint, name)
            self._specs.setdefault(spec.fingerprint, spec)

    def spec(self, fingerprint: str) -> CodecSpec | None:
        """Return the numbers of a model; ``None`` if it is not there."""
        return self._specs.get(fingerprint)

    def loaded(self, fingerprint: str) -> bool:
        """Return whether a model is in memory."""
        return fingerprint in self._codecs

    def load_first(self) -> None:
        """Load the first model that was named.

        Raises:
            CheckpointError: it cannot be used.
        """
        fingerprint = next(iter(self._names))
        self._load(fingerprint).decode(self._codecs[fingerprint].silence(2))  # the first call is slow

    def _load(self, fingerprint: str) -> Codec:
        with self._lock:
            if fingerprint not in self._codecs:
                self._codecs[fingerprint] = load_codec(self._names[fingerprint])
            return self._codecs[fingerprint]

    def codec(self, preset: Preset) -> Codec:
        """Return the codec that made a preset.

        Raises:
            CheckpointError: the studio does not have it.
        """
        header = preset.header
        if header.fingerprint not in self._names:
            raise CheckpointError(
                f"preset '{preset.name}' is of model '{header.codec}' ({header.fingerprint}), which this studio does "
                "not have; name the model in the project, or migrate the preset (pisada preset migrate)"
            )
        return self._load(header.fingerprint)


class Library:
    """The banks of one session: its own, and those that the studio was opened with.

    Args:
        banks: folders, or the word ``factory``.
        own: the folder of the session's own presets; it need not exist.
        models: of all sessions.

    Attributes:
        open_banks: the banks by label.
        models: of all sessions.

    Raises:
        PresetError: a bank is missing or empty.
    """

    def __init__(self, banks: Sequence[str], own: Path, models: Models):
        self.models = models
        self.open_banks: dict[str, OpenBank] = {OWN: OpenBank(OWN, own, True)}
        for folder in folders_of(banks):
            label = stem = "factory" if folder == FACTORY_BANK else folder.resolve().name or "bank"
            number = 2
            while label in self.open_banks:
                label, number = f"{stem} {number}", number + 1
            self.open_banks[label] = OpenBank(label, folder, folder != FACTORY_BANK)
        self._banks = {label: Bank(open_bank.folder) for label, open_bank in self.open_banks.items() if label != OWN}
        self.reload(OWN)

    @property
    def banks(self) -> dict[str, Bank]:
        """The banks that hold presets, by label."""
        return {label: self._banks[label] for label in self.open_banks if label in self._banks}

    def reload(self, label: str) -> None:
        """Read a bank again, after a preset was saved in it."""
        folder = self.open_banks[label].folder
        if any(folder.glob(f"*{SUFFIX}")):
            self._banks[label] = Bank(folder)
        else:
            self._banks.pop(label, None)

    def preset_keys(self) -> Iterator[str]:
        """Yield the keys of all presets: the session's own first, then bank by bank."""
        for label in self.open_banks:
            if label in self._banks:
                yield from (f"{label}/{name}" for name in self._banks[label].names)

    def preset(self, key: str) -> Preset:
        """Return a preset.

        Raises:
            PresetError: there is no such preset, or its file cannot be used.
        """
        bank, (label, _, name) = self.bank_of(key), key.partition("/")
        if name not in bank:
            raise PresetError(f"no preset '{name[:64]}' in bank '{label}'")
        return bank[name]

    def bank_of(self, key: str) -> Bank:
        """Return the bank of a preset.

        Raises:
            PresetError: there is no such bank.
        """
        label = key.partition("/")[0]
        if label not in self._banks:
            raise PresetError(f"no bank '{label[:64]}'; there are {', '.join(self._banks)}")
        return self._banks[label]

    def writable_bank(self, label: str) -> OpenBank:
        """Return a bank that presets may be saved in.

        Raises:
            PresetError: there is none of that label, or it is read only.
        """
        open_bank = self.open_banks.get(label)
        if open_bank is None or not open_bank.writable:
            allowed = ", ".join(each.label for each in self.open_banks.values() if each.writable)
            raise PresetError(f"bank '{label[:64]}' cannot be written; {allowed} can")
        return open_bank

    def axes(self, fingerprint: str) -> Axes | None:
        """Return the axes of a model from the first bank that has them; ``None`` if none has."""
        return Bank([open_bank.folder for label, open_bank in self.open_banks.items() if label in self._banks]).axes(
            fingerprint
        )
