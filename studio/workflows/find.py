"""Find presets or sounds, and print what was found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from plugin_backend.corpus.scan import escape_name
from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.joint_spaces.base import open_space
from plugin_backend.evaluation.joint_spaces.images import read_image
from plugin_backend.text import escape_unprintable
from presets.bank import Bank
from presets.find.finder import Finder, index_file, open_finder
from presets.find.ranking import Found
from presets.find.sources import BankSource, FolderSource, Source, read_question
from studio.terminal.tables import print_table

MOST_CHARACTERS = 2000


@dataclass(frozen=True)
class Question:
    """What is searched for: words, a recording, or a picture. One of them is given."""

    words: str
    like: Path | None
    image: Path | None


@dataclass(frozen=True)
class Where:
    """What is searched, and how.

    Attributes:
        banks: folders of presets; none is the factory bank.
        sounds: folder of sounds, in place of presets.
        space: name of the space.
        weights: folder of its weights.
        download: fetch weights that are not there.
    """

    banks: tuple[Path, ...]
    sounds: Path | None
    space: str
    weights: Path | None
    download: bool

    def finder(self, distance: str) -> Finder:
        """Return the finder, and print the licence of weights that the user named."""
        source: Source = FolderSource(self.sounds) if self.sounds is not None else BankSource(Bank(self.banks))
        space = open_space(self.space, self.weights, self.download)
        if self.weights is not None:
            click.echo(f"note: weights {self.weights}: licence {escape_unprintable(space.licence)}", err=True)
        return open_finder(source, space, distance, index_file(source, space))


def print_found(question: Question, where: Where, count: int, distance: str, as_json: bool) -> None:
    """Search, and print the results as a table or as JSON.

    Raises:
        ProjectError: the words are too long, or the picture cannot be read.
        AudioFileError: a sound cannot be read.
        PresetError: a preset cannot be read.
    """
    picture = None if question.image is None else read_image(question.image)
    if len(question.words) > MOST_CHARACTERS:
        raise ProjectError(f"{len(question.words)} characters to search for; at most {MOST_CHARACTERS} are allowed")
    finder = where.finder(distance)
    if picture is not None:
        (found,) = finder.by_picture([picture], count)
    elif question.like is not None:
        (found,) = finder.by_sound([read_question(question.like, finder.space.rate_hz)], count)
    else:
        (found,) = finder.by_words([question.words], count)
    for remark in finder.remarks:
        click.echo(f"note: {escape_name(remark)}", err=True)
    _print(found, as_json)


def _print(found: list[Found], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    rows = [(escape_name(one.name), f"{np.round(one.score, 3):.3f}", escape_name(one.reason)) for one in found]
    print_table(("name", "score", "why"), rows)
