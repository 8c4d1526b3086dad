"""The words and the sound that a preset is known by."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from plugin_backend.codecs.base import Codec
from presets.decoded_takes import decoded_takes
from presets.preset import Preset

CAPITAL, NOT_WORD, WORD = re.compile(r"(?<=[a-z])(?=[A-Z])"), re.compile(r"\W+"), re.compile(r"([^\W\d]{2,})\d*")
LONGEST_SAMPLES = 3 * 48_000
"""Samples of a preset's first take that stand for its sound."""


def words_of(preset: Preset) -> str:
    """Return the words of a preset: description, name, material and tags.

    Its name is read as words: ``step-gravel`` is ``step gravel``.
    """
    header = preset.header
    words = (header.description, words_of_name(preset.name), " ".join([header.material, *header.tags]))
    return ", ".join(filter(None, map(str.strip, words)))


def words_of_name(name: str) -> str:
    """Return the words of a file's or preset's name, without numbers and what holds digits in its middle.

    Examples:
        >>> words_of_name("Boots_Gravel-03 b477f1 doorSlam2")
        'Boots Gravel door Slam'
    """
    parts = CAPITAL.sub(" ", name.replace("_", " "))
    return " ".join(word[1] for part in NOT_WORD.split(parts) if (word := WORD.fullmatch(part)))


def words_of_file(file: str) -> str:
    """Return the words of a sound's path: its folders and its name, without the ending.

    Examples:
        >>> words_of_file("footsteps/gravel/boots_03.wav")
        'footsteps gravel boots'
    """
    return words_of_name(str(Path(file).with_suffix("")))


def sound_of(preset: Preset, codec: Codec) -> np.ndarray:
    """Return the first take of a preset, decoded without variation, ``[samples]`` at the codec's sample rate."""
    take = preset.header.takes[0]
    return decoded_takes(preset, codec, 0)[take.skip_samples :][: min(take.length_samples, LONGEST_SAMPLES)]
