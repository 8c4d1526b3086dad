"""What a model may not see: whole sources are held out, so that no judge was recorded beside a lesson."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError

FACTORY_HELD_OUT = frozenset({"minetest-data", "openarena-data", "scratch"})
"""Sources kept from the factory models; between them they hold steps on ten surfaces, doors and water."""

FEWEST_SOURCES = 3
"""With fewer, whole sources cannot be spared and files are held out instead."""


def split(
    sounds: Sequence[Sound], held_out_sources: Collection[str] | None = None, share: float = 0.1, seed: int = 0
) -> tuple[list[Sound], list[Sound]]:
    """The sounds to train on and those held out, each in their order; a file's pieces stay together.

    Either the sources named, or about ``share`` (0–1) of all sources, or, of fewer than three sources,
    of all files. Each falls to its side by a hash of ``seed`` and its own name, so files added later
    move no other; at least one is held out if there are two.

    Raises:
        AudioFileError: none of the named sources is there, or nothing else is.
    """
    if held_out_sources is not None:
        chosen, key = set(held_out_sources), "source"
    else:
        key = "source" if len({sound.source for sound in sounds}) >= FEWEST_SOURCES else "file"
        chosen = _chosen({getattr(sound, key) for sound in sounds}, share, seed)
    train = [sound for sound in sounds if getattr(sound, key) not in chosen]
    held_out = [sound for sound in sounds if getattr(sound, key) in chosen]
    if held_out_sources is not None and not (train and held_out):
        there = ", ".join(sorted({sound.source for sound in sounds}))
        raise AudioFileError(f"holding out {', '.join(sorted(chosen))} leaves one side empty; sources here: {there}")
    return train, held_out


def _chosen(names: set[str], share: float, seed: int) -> set[str]:
    """The names whose hash falls below ``share``; the lowest if none does, all but the highest if all do."""
    ranked = sorted(names, key=lambda name: (_hash(name, seed), name))
    count = sum(_hash(name, seed) < share for name in ranked)
    return set(ranked[: min(max(count, 1), len(ranked) - 1)]) if share > 0 else set()


def _hash(name: str, seed: int) -> float:
    """A number from 0 to 1 that only name and seed decide."""
    digest = hashlib.sha256(f"{seed}\0{name}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
