"""Choose a preset for each event: by words of the event's kind, then by what the picture shows."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

import numpy as np

from plugin_backend.errors import PresetError
from presets.bank import Bank
from presets.preset import Preset
from render.spotting.video.events import Event

WORDS = {
    "step": (("step", "footstep"), ("stone", "concrete", "shoes")),
    "door opens": (("door",), ("open", "opens")),
    "door closes": (("door",), ("close", "closes", "slam")),
    "drop": (("prop", "impact"), ("glass",)),
}
"""Kind of an event → words of which the preset needs one, and words that make it fit better."""
GROUND = (
    ("white", ("snow",)),
    ("green", ("grass",)),
    ("yellow", ("sand",)),
    ("brown", ("wood", "boards")),
    ("grey", ("stone", "concrete")),
)
"""Colour of the ground → materials that it may be."""


class RankedPreset(NamedTuple):
    """A preset, how well it fits (higher is better), and why."""

    preset: str
    score: float
    reason: str


class PresetRanker(Protocol):
    """What ranks the presets of a bank for a picture."""

    def rank(self, picture: np.ndarray, bank: Bank) -> list[RankedPreset]:
        """Return presets of a bank that fit a picture, best first; presets that are left out fit least.

        Args:
            picture: RGB ``[height, width, 3]`` uint8.
            bank: the presets.
        """
        ...


def words_of(preset: Preset) -> set[str]:
    """Return the words of a preset's name, tags, material and description, in lower case."""
    header = preset.header
    text = " ".join([preset.name, *header.tags, header.material, header.description])
    return set(re.findall(r"[a-z]+", text.lower()))


class PresetChooser:
    """Choose presets of a bank.

    Args:
        bank: the presets.
        ranker: what ranks them for a picture; None: only words and the colour of the ground.

    Raises:
        PresetError: a preset cannot be used.
    """

    def __init__(self, bank: Bank, ranker: PresetRanker | None = None):
        self._bank, self._ranker = bank, ranker
        self._words = {preset.name: words_of(preset) for preset in bank}

    def choose(self, event: Event, picture: np.ndarray | None) -> list[RankedPreset]:
        """Return the presets that fit an event, best first.

        Args:
            event: the event.
            picture: RGB ``[height, width, 3]`` uint8 of about its time; None if there is none.

        Raises:
            PresetError: the bank has no preset for events of this kind.
        """
        needed, better = WORDS[event.kind]
        fitting = {name: words for name, words in self._words.items() if words & set(needed)}
        if not fitting:
            raise PresetError(
                f"{self._bank.folder_list}: no preset for '{event.kind}': none has a word of {', '.join(needed)} "
                "in its name, tags or description; use another bank too: --bank factory"
            )
        colour = ""
        materials: tuple[str, ...] = ()
        if event.kind == "step" and picture is not None:
            colour = ground_colour(picture, event.x, event.y)
            materials = dict(GROUND)[colour]
        ranks = self._ranks(picture)
        scored = []
        for name, words in fitting.items():
            material = next((word for word in materials if word in words), "")
            place = ranks.get(name, 0)
            fits = 1 - (place - 1) / len(ranks) if place else 0.0
            score = 2.0 * bool(material) + sum(word in words for word in better) / len(better) + fits
            common = ", ".join(sorted(words & {*needed, *better}))
            why = f"the ground is {colour}" if material else f"words {common}"
            scored.append(RankedPreset(name, score, why + (f", number {place} for the picture" if place else "")))
        return sorted(scored, key=lambda one: (-one.score, one.preset))

    def _ranks(self, picture: np.ndarray | None) -> dict[str, int]:
        """Return preset → its place among those that the ranker returns, from 1."""
        if self._ranker is None or picture is None:
            return {}
        return {one.preset: place for place, one in enumerate(self._ranker.rank(picture, self._bank), 1)}


def ground_colour(picture: np.ndarray, x: float, y: float) -> str:
    """Return the colour of the ground under a foot, a name of ``GROUND``.

    Args:
        picture: RGB ``[height, width, 3]`` uint8.
        x: of the foot, from 0 (left) to 1.
        y: of the foot, from 0 (top) to 1.
    """
    height, width = picture.shape[:2]
    row, column, reach = round(y * height), round(x * width), max(2, height // 30)
    below = picture[min(row + reach // 2, height - 2) :, :][
        : 2 * reach, max(0, column - 3 * reach) : column + 3 * reach + 1
    ]
    red, green, blue = np.median(below.reshape(-1, 3), axis=0) / 255
    brightest, span = max(red, green, blue), max(red, green, blue) - min(red, green, blue)
    if span < 0.12 * max(brightest, 0.3):
        return "white" if brightest > 0.85 else "grey"
    if green >= red and green > blue:
        return "green"
    if red > blue and green > blue:
        return "yellow" if brightest > 0.75 and green > 0.8 * red else "brown"
    return "brown" if red > blue else "grey"
