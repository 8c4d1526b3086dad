"""Find presets or sounds, and print what was found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from plugin_backend.corpus.scan import escape_name
from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.joint_spaces.base import open_space, unit
from plugin_backend.evaluation.joint_spaces.captions import Captioner
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
    """What is searched for: words, a recording, or a picture. One of them is given.

    Attributes:
        words, like, image: the three.
        captioner: folder of BLIP, to search by captions of the picture.
        prompt: words that guide what is found for the picture.
    """

    words: str
    like: Path | None
    image: Path | None
    captioner: Path | None = None
    prompt: str = ""


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
        found = _by_picture(finder, picture, question, where.download, count)
    elif question.like is not None:
        (found,) = finder.by_sound([read_question(question.like, finder.space.rate_hz)], count)
    else:
        (found,) = finder.by_words([question.words], count)
    for remark in finder.remarks:
        click.echo(f"note: {escape_name(remark)}", err=True)
    _print(found, as_json)


def _by_picture(finder: Finder, picture: np.ndarray, question: Question, download: bool, count: int) -> list[Found]:
    """Return the sounds nearest to a picture, to its captions, and to the words that guide, in equal parts."""
    if question.captioner is None and not question.prompt:
        return finder.by_picture([picture], count)[0]
    parts, said = [], []
    if question.captioner is None:
        parts.append(finder.space.embed_image([picture])[0])
        said.append("the picture")
    else:
        captioner = _captioner(question.captioner, download)
        captions = captioner.captions([picture])[0]
        if captions:
            parts.append(unit(finder.space.embed_text(captions).mean(axis=0)))
            said.append(f"'{captions[0]}' and {len(captions) - 1} more captions")
    if question.prompt:
        parts.append(finder.space.embed_text([question.prompt])[0])
        said.append(f"'{question.prompt}'")
    if not parts:
        raise ProjectError(f"{question.image}: the captioner has no words for this picture; guide it with --prompt")
    return finder.by_vectors(unit(np.sum(parts, axis=0))[None], count, [" with ".join(said)])[0]


def caption_of(image: Path, captioner: Path | None, prompt: str, download: bool) -> str:
    """Return the caption of a picture that is nearest to all its captions, after the words that guide.

    Args:
        image: file of the picture.
        captioner: folder of BLIP.
        prompt: words that guide, or empty.
        download: fetch BLIP if it is not there.

    Raises:
        ProjectError: the picture cannot be read, or no folder is named.
        CheckpointError: BLIP cannot be used.
    """
    captions = _captioner(captioner, download).captions([read_image(image)])[0]
    if not captions:
        raise ProjectError(f"{image}: the captioner has no words for this picture; give a PROMPT instead")
    vectors = open_space().embed_text(captions)
    middle = captions[int((vectors @ vectors.mean(axis=0)).argmax())]
    return f"{prompt}, {middle}" if prompt else middle


def _captioner(folder: Path | None, download: bool) -> Captioner:
    if folder is None:
        raise ProjectError("captions need the weights of BLIP: give their folder with --captioner")
    captioner = Captioner(folder, download)
    click.echo(f"note: weights {folder}: licence {escape_unprintable(captioner.licence)}", err=True)
    return captioner


def _print(found: list[Found], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    rows = [(escape_name(one.name), f"{np.round(one.score, 3):.3f}", escape_name(one.reason)) for one in found]
    print_table(("name", "score", "why"), rows)
