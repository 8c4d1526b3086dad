"""What decides a cue's decoded sound: two cues of one recipe are one sound, whichever reel they are in."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from plugin_backend.codecs import describe_codec
from plugin_backend.errors import AudioFileError
from presets.bank import Bank
from presets.digest import sound_digest
from render.digest import digest
from render.events import Event, Plan

VERSION = 1
"""Raised whenever the same recipe would decode to other samples."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that the decoded sound of a cue depends on; its place, level, pan and fades come after.

    Attributes:
        codec: fingerprint of the model.
        preset: digest of the preset's sound; None without one.
        source: digest of the source file's bytes; None without one.
        seed: None for a source, which is encoded, not drawn.
        pitch_semitones, length_samples: as in the event.
    """

    codec: str
    preset: str | None
    source: str | None
    seed: int | None
    pitch_semitones: float
    length_samples: int
    version: int = VERSION

    @property
    def key(self) -> str:
        """Forty hex digits: the name of this sound in the cache."""
        return digest(asdict(self))


def recipes_of(plan: Plan) -> dict[str, Recipe]:
    """Cue id → recipe, of every event of a plan.

    Raises:
        AudioFileError: a source cannot be read.
    """
    recipes = Recipes(Bank(plan.bank))
    return {event.id: recipes.of(event) for event in plan.events}


class Recipes:
    """Recipes of events; each preset, source and codec is looked at once.

    Args:
        bank: where the presets are.
    """

    def __init__(self, bank: Bank):
        self._bank = bank
        self._presets: dict[str, str] = {}
        self._sources: dict[Path, str] = {}
        self._codecs: dict[str, str] = {}

    def of(self, event: Event) -> Recipe:
        """The event's recipe.

        Raises:
            AudioFileError: its source cannot be read.
        """
        return Recipe(
            codec=_once(self._codecs, event.codec, lambda name: describe_codec(name).fingerprint),
            preset=_once(self._presets, event.preset, lambda name: sound_digest(self._bank[name])),
            source=_once(self._sources, event.source, file_digest),
            seed=event.seed if event.source is None else None,
            pitch_semitones=event.pitch_semitones,
            length_samples=event.length_samples,
        )


def _once(known: dict, name, find):
    if name is not None and name not in known:
        known[name] = find(name)
    return known.get(name)


def file_digest(path: Path) -> str:
    """32 hex digits (BLAKE2b) of a file's bytes.

    Raises:
        AudioFileError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem.strerror})") from problem
