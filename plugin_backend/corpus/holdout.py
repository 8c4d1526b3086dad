"""What a model may not see: whole sources are held out, so that no judge was recorded beside a lesson."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError

FACTORY_HELD_OUT = frozenset({"minetest-data", "openarena-data", "scratch"})
"""Sources kept from the factory models; between them they hold steps on ten surfaces, doors and water."""

FEWEST_SOURCES = 3
"""With fewer, whole sources cannot be spared and files are held out instead."""

FEWEST_FILES = 3
"""At least so many files are held out, as long as not more than half of all are."""


def split_sounds(
    sounds: Sequence[Sound], held_out_sources: Collection[str] | None = None, share: float = 0.1, seed: int = 0
) -> tuple[list[Sound], list[Sound]]:
    """The sounds to train on and those held out, each in their order; a file's pieces stay together.

    Either the sources named, or about ``share`` (0–1) of all sources, or, of fewer than three sources,
    of all files. Each falls to its side by a hash of ``seed`` and its own name, so files added later
    move no other, but where there are few: at least three files are held out, not more than half of them, and one if
    there are two.

    Raises:
        AudioFileError: none of the named sources is there, or nothing else is.
    """
    if held_out_sources is not None:
        chosen, key = set(held_out_sources), "source"
    else:
        key = "source" if len({sound.source for sound in sounds}) >= FEWEST_SOURCES else "file"
        files = {(getattr(sound, key), sound.file) for sound in sounds}
        chosen = _chosen(Counter(name for name, _ in files), share, seed)
    train = [sound for sound in sounds if getattr(sound, key) not in chosen]
    held_out = [sound for sound in sounds if getattr(sound, key) in chosen]
    if held_out_sources is not None and not (train and held_out):
        there = ", ".join(sorted({sound.source for sound in sounds}))
        raise AudioFileError(f"holding out {', '.join(sorted(chosen))} leaves one side empty; sources here: {there}")
    return train, held_out


def _chosen(files: Counter[str], share: float, seed: int) -> set[str]:
    """Of names with the number of their files: those whose hash falls below ``share``, or the lowest of them all."""
    if share <= 0:
        return set()
    ranked = sorted(files, key=lambda name: (_hash(name, seed), name))[: max(1, len(files) - 1)]
    chosen: set[str] = set()
    held = 0
    for name in ranked:
        enough = held >= FEWEST_FILES or (held and held + files[name] > files.total() / 2)
        if enough and _hash(name, seed) >= share:
            break
        chosen.add(name)
        held += files[name]
    return chosen if len(files) > 1 else set()


def _hash(name: str, seed: int) -> float:
    """A number from 0 to 1 that only name and seed decide."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
