"""Split sounds into training and validation data. Whole sources are held out.

A source is what was recorded together, so no validation sound was recorded together with a training sound.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from plugin_backend.errors import AudioFileError


class Sourced(Protocol):
    """A sound, or a clip of one: its file, and what was recorded together."""

    @property
    def file(self) -> str: ...

    @property
    def source(self) -> str: ...


Kind = TypeVar("Kind", bound=Sourced)

FACTORY_HELD_OUT = frozenset({"minetest-data", "openarena-data", "scratch"})
"""Sources held out from the factory models. Together they hold steps on ten surfaces, doors and water."""

FEWEST_SOURCES = 3
"""With fewer sources, files are held out instead of whole sources."""

FEWEST_FILES = 3
"""At least this number of files is held out, as long as it is not more than half of all."""


def split_sounds(
    sounds: Sequence[Kind], held_out_sources: Collection[str] | None = None, share: float = 0.1, seed: int = 0
) -> tuple[list[Kind], list[Kind]]:
    """Return the sounds for training and those held out, each in their order. The pieces of a file stay together.

    Held out are the named sources, or about ``share`` of all sources. If there are fewer than three sources, about
    ``share`` of all files is held out. A hash of ``seed`` and the name decides, so files added later move no other
    file, except where there are few: at least three files are held out, at most half of them, and one of two.

    Args:
        sounds: all sounds.
        held_out_sources: names of the sources to hold out; ``None`` to choose by hash.
        share: 0 … 1.
        seed: of the hash.

    Raises:
        AudioFileError: none of the named sources exists, or nothing else exists.
    """
    if held_out_sources is not None:
        chosen, key = set(held_out_sources), "source"
    else:
        key = "source" if len({sound.source for sound in sounds}) >= FEWEST_SOURCES else "file"
        files = {(getattr(sound, key), sound.file) for sound in sounds}
        chosen = _choose(Counter(name for name, _ in files), share, seed)
    train = [sound for sound in sounds if getattr(sound, key) not in chosen]
    held_out = [sound for sound in sounds if getattr(sound, key) in chosen]
    if held_out_sources is not None and not (train and held_out):
        existing = ", ".join(sorted({sound.source for sound in sounds}))
        raise AudioFileError(f"holding out {', '.join(sorted(chosen))} leaves one side empty; sources here: {existing}")
    return train, held_out


def _choose(files: Counter[str], share: float, seed: int) -> set[str]:
    """Choose names, given with the number of their files: those whose hash is below ``share``, or the lowest of all."""
    if share <= 0:
        return set()
    ranked = sorted(files, key=lambda name: (_hash(name, seed), name))[: max(1, len(files) - 1)]
    chosen: set[str] = set()
    count = 0
    for name in ranked:
        enough = count >= FEWEST_FILES or (count and count + files[name] > files.total() / 2)
        if enough and _hash(name, seed) >= share:
            break
        chosen.add(name)
        count += files[name]
    return chosen if len(files) > 1 else set()


def _hash(name: str, seed: int) -> float:
    """Return a number from 0 to 1 that depends on name and seed only."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
