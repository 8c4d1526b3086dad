"""Find presets or sounds by a picture, by words or by a sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.joint_spaces.base import JointSpace, open_space
from plugin_backend.hashing import digest
from presets.bank import Bank
from presets.find.ranking import COSINE, Found
from presets.find.sound_index import SUFFIX, SoundIndex, load_index, save_index, update_index
from presets.find.sources import BankSource, Source


@dataclass
class Finder:
    """Sounds that can be searched; :func:`open_finder` makes it.

    Attributes:
        space: in which things are compared.
        index: vectors of the sounds.
        source: of the sounds.
        distance: one of :data:`presets.find.ranking.DISTANCES`.
        remarks: what could not be used, one line each.
    """

    space: JointSpace
    index: SoundIndex
    source: Source
    distance: str = COSINE
    remarks: list[str] = field(default_factory=list)

    def by_picture(self, frames: Sequence[np.ndarray], count: int = 5) -> list[list[Found]]:
        """Return for each RGB picture ``[height, width, 3]`` uint8 the ``count`` nearest sounds, nearest first."""
        if not frames:
            return []
        seen = ["the picture"] * len(frames)
        if (image_words := getattr(self.space, "image_words", None)) is not None:
            seen = [_shares(words) for words in image_words(frames, 2)]
        return self.by_vectors(self.space.embed_image(frames), count, seen)

    def by_words(self, texts: Sequence[str], count: int = 5) -> list[list[Found]]:
        """Return for each text the ``count`` nearest sounds, nearest first."""
        return self.by_vectors(self.space.embed_text(texts), count, [f"'{text}'" for text in texts]) if texts else []

    def by_sound(self, sounds: Sequence[np.ndarray], count: int = 5) -> list[list[Found]]:
        """Return for each sound ``[samples]`` at the space's rate the ``count`` nearest sounds, nearest first."""
        return self.by_vectors(self.space.embed_audio(sounds), count, ["the sound"] * len(sounds)) if sounds else []

    def by_vectors(self, questions: np.ndarray, count: int, asked: Sequence[str]) -> list[list[Found]]:
        """Return for each vector the nearest sounds.

        Args:
            questions: vectors of the same space, ``[questions, dims]``.
            count: number of sounds for each.
            asked: what each vector stands for, for the reasons.
        """
        best, table = self.index.search(questions, count, self.distance)
        return [
            [self._found(self.index.names[index], float(score), what) for index, score in zip(row, near, strict=True)]
            for row, near, what in zip(best, table, asked, strict=True)
        ]

    def _found(self, name: str, score: float, asked: str) -> Found:
        reason = f"{asked} is near '{self.source.words(name)}' ({self.space.space}, {self.distance} {score:.2f})"
        return Found(name, score, reason)


def open_finder(
    source: Source, space: JointSpace | None = None, distance: str = COSINE, kept: Path | None = None
) -> Finder:
    """Return a finder. Vectors that an index on disk holds are not computed again.

    Args:
        source: what to search.
        space: by default the offline space, ``words``.
        distance: one of :data:`presets.find.ranking.DISTANCES`.
        kept: file of the index. It is read if it is there, and written if something changed. ``None`` keeps none.

    Raises:
        PisadaError: a preset cannot be used, the index cannot be written, or an optional part is not installed.
    """
    space, remarks, old = space or open_space(), [], None
    if kept is not None and kept.exists():
        try:
            old = load_index(kept)
        except ProjectError as problem:
            remarks.append(f"{problem}: it is made anew")
    index = update_index(old, space.space, source.stamps(), lambda names: source.embed(space, names))
    if kept is not None and index is not old:
        save_index(index, kept)
    return Finder(space, index, source, distance, [*remarks, *source.remarks])


def index_file(source: Source, space: JointSpace) -> Path:
    """Return the file in the cache that keeps the index of a source."""
    return cache_home() / "sounds" / f"{digest([source.identity, space.space])}{SUFFIX}"


def rank_presets(
    frames: Sequence[np.ndarray | str], bank: Bank, count: int = 5, space: JointSpace | None = None
) -> list[list[Found]]:
    """Rank the presets of a bank for each frame of a picture, or for words that describe it.

    Each call computes the vectors of the bank again, which takes about a second with the factory bank. For many calls
    keep ``open_finder(BankSource(bank))`` and use its ``by_picture`` and ``by_words``.

    Args:
        frames: RGB pictures ``[height, width, 3]`` uint8, or texts. Both may stand in one list.
        bank: the presets to choose from.
        count: number of presets for each frame.
        space: by default the offline space, ``words``.

    Returns:
        For each frame its nearest presets (``name``, ``score``, ``reason``), nearest first.

    Raises:
        PresetError: a preset cannot be read.
        MissingExtraError: an optional part is not installed.

    Examples:
        >>> rank_presets(["walking through snow"], Bank(), count=2)[0][0].name  # doctest: +SKIP
        'step-snow'
    """
    finder = open_finder(BankSource(bank), space)
    pictures = {index: frame for index, frame in enumerate(frames) if not isinstance(frame, str)}
    texts = {index: frame for index, frame in enumerate(frames) if isinstance(frame, str)}
    ranked = [*finder.by_picture(list(pictures.values()), count), *finder.by_words(list(texts.values()), count)]
    by_frame = dict(zip([*pictures, *texts], ranked, strict=True))
    return [by_frame[index] for index in range(len(frames))]


def _shares(words: Sequence[tuple[str, float]]) -> str:
    return "picture of " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in words)
