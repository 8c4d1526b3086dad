"""A listening test: what is compared, and in which order each rater hears it.

``mos``: one sound at a time, rated 1 (bad) to 5 (excellent), as in ITU-T P.800. ``mushra``: all versions of one item
beside an open reference, rated 0 to 100, with the reference and low-pass anchors hidden among them, as in
ITU-R BS.1534.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import soundfile
from msgspec import Meta

from plugin_backend.audio_files import inspect_mono_or_stereo, read_blocks
from plugin_backend.errors import InputError, ProjectError
from plugin_backend.hashing import digest
from plugin_backend.output_files import make_folder_atomically
from plugin_backend.text import in_one_line

REFERENCE = "reference"
"""Folder of the references, and the condition of the hidden reference."""
ANCHORS_HZ = {"anchor 3.5 kHz": 3_500.0, "anchor 7 kHz": 7_000.0}
SCALES = {"mos": (1, 5), "mushra": (0, 100)}
SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")
TEST_FILE = "listening_test.json"
NAME = re.compile(r"[^\W_][\w .-]{0,63}")
NAME_RULE = "1 to 64 letters, digits, spaces, '.', '-' or '_', the first a letter or digit"
MOST_ITEMS, MOST_CONDITIONS, LONGEST_S = 1000, 24, 60

Kind = Literal["mos", "mushra"]
Name = Annotated[str, Meta(pattern=rf"^{NAME.pattern}$")]


class Item(msgspec.Struct, frozen=True):
    """Versions of one sound.

    Attributes:
        name: of the sound.
        sounds: condition → file, relative to the test's folder.
        rate_hz: sample rate of all of them.
    """

    name: Name
    sounds: Annotated[dict[Name, str], Meta(min_length=1, max_length=MOST_CONDITIONS)]
    rate_hz: int


class ListeningTest(msgspec.Struct, frozen=True):
    """A test, as it is kept in its folder.

    Attributes:
        name: of the test.
        kind: ``mos`` or ``mushra``.
        seed: of the orders.
        items: what is rated.
        question: shown on every page.
    """

    name: Name
    kind: Kind
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    items: Annotated[list[Item], Meta(min_length=1, max_length=MOST_ITEMS)]
    question: Annotated[str, Meta(max_length=500)] = ""

    @property
    def conditions(self) -> list[str]:
        """All conditions, in the order of the items."""
        return list(dict.fromkeys(condition for item in self.items for condition in item.sounds))

    def item(self, name: str) -> Item:
        """Return an item by name."""
        return next(item for item in self.items if item.name == name)


class Page(msgspec.Struct, frozen=True):
    """What a rater hears at once.

    Attributes:
        item: name of the item.
        slots: its conditions in the order of the page; the rater sees only their letters.
        reference: whether the reference can be heard openly.
    """

    item: str
    slots: list[str]
    reference: bool


def pages_of(test: ListeningTest, rater: str) -> list[Page]:
    """Return the pages of a rater, in an order of their own. It is always the same for one test, seed and rater."""
    seed = int(digest({"test": test.name, "seed": test.seed, "rater": rater}), 16)
    rng = np.random.default_rng(seed)
    if test.kind == "mushra":
        pages = [
            Page(item.name, _shuffled(list(item.sounds), rng), REFERENCE in item.sounds)
            for item in _shuffled(test.items, rng)
        ]
        return pages
    each = [Page(item.name, [condition], False) for item in test.items for condition in item.sounds]
    return _shuffled(each, rng)


def _shuffled(values: Sequence, rng: np.random.Generator) -> list:
    return [values[index] for index in rng.permutation(len(values))]


def make_test(
    source: Path, folder: Path, name: str, kind: Kind, seed: int = 1, question: str = "", anchors: bool = True
) -> ListeningTest:
    """Make a test from a folder that holds a folder for each condition, with files of equal names.

    A folder ``reference`` holds the originals. A ``mushra`` test needs it, and gets low-pass anchors made from it.
    Sounds are copied, as 24-bit WAV, so that the test stays as it is.

    Args:
        source: the folder of the conditions.
        folder: the test's own folder; it does not exist yet.
        name: of the test.
        kind: ``mos`` or ``mushra``.
        seed: of the orders.
        question: shown on every page.
        anchors: whether ``mushra`` gets anchors.

    Returns:
        The test; it is in ``folder``.

    Raises:
        ProjectError: a name is not allowed, a folder or file is missing, or sounds of one item differ in rate.
        AudioFileError: a sound cannot be read, or has more than two channels.
    """
    if not NAME.fullmatch(name):
        raise ProjectError(f"{name!r} is no name of a test: {NAME_RULE}")
    if folder.exists():
        raise ProjectError(f"{folder}: is there already; give the test another name")
    found = _sounds_of(source)
    if kind == "mushra" and REFERENCE not in found:
        raise ProjectError(f"{source}: a mushra test needs the originals in a folder called {REFERENCE!r}")
    names = sorted(set.intersection(*(set(sounds) for sounds in found.values())))
    if not names:
        raise ProjectError(f"{source}: no sound is in all of {', '.join(found)}; equal names belong together")
    if len(names) > MOST_ITEMS:
        raise ProjectError(f"{source}: {len(names)} sounds; a test has at most {MOST_ITEMS}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with make_folder_atomically(folder) as part:
        items = [
            _copied(item, {condition: sounds[item] for condition, sounds in found.items()}, part, kind, anchors)
            for item in names
        ]
        test = ListeningTest(name, kind, seed, items, question)
        (part / TEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(test)))
    return test


def read_test(folder: Path) -> ListeningTest:
    """Read a test from its folder.

    Raises:
        ProjectError: there is none, or it is damaged.
    """
    path = folder / TEST_FILE
    try:
        test = msgspec.json.decode(path.read_bytes(), type=ListeningTest)
    except OSError as problem:
        raise ProjectError(f"{path}: no listening test ({problem.strerror})") from problem
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProjectError(f"{path}: {in_one_line(problem)}") from problem
    for item in test.items:
        for file in item.sounds.values():
            if not (folder / file).resolve().is_relative_to(folder.resolve()):
                raise ProjectError(f"{path}: {file} is outside the test's folder")
    return test


def _sounds_of(source: Path) -> dict[str, dict[str, Path]]:
    """Return condition → name → file."""
    folders = sorted(path for path in source.iterdir() if path.is_dir()) if source.is_dir() else []
    found = {
        folder.name: {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}
        for folder in folders
        if not folder.name.startswith(".")
    }
    found = {condition: sounds for condition, sounds in found.items() if sounds}
    if not found:
        raise ProjectError(f"{source}: it holds no folders with sounds; make one folder for each version")
    if len(found) > MOST_CONDITIONS - len(ANCHORS_HZ):
        raise ProjectError(f"{source}: {len(found)} versions; at most {MOST_CONDITIONS - len(ANCHORS_HZ)} can be used")
    for name in (*found, *(name for sounds in found.values() for name in sounds)):
        if not NAME.fullmatch(name):
            raise ProjectError(f"{source}: {name!r} cannot be used: {NAME_RULE}")
    return found


def _copied(name: str, sounds: dict[str, Path], folder: Path, kind: Kind, anchors: bool) -> Item:
    audio = {condition: _read(path) for condition, path in sounds.items()}
    rates = {rate_hz for _, rate_hz in audio.values()}
    if len(rates) > 1:
        raise ProjectError(f"{name}: its versions have different sample rates ({', '.join(map(str, sorted(rates)))})")
    rate_hz = rates.pop()
    whole = {condition: samples for condition, (samples, _) in audio.items()}
    if kind == "mushra" and anchors:
        whole |= _anchors(whole[REFERENCE], rate_hz)
    longest = max(len(samples) for samples in whole.values())
    files = {}
    for condition, samples in whole.items():
        file = folder / condition / f"{name}.wav"
        file.parent.mkdir(exist_ok=True)
        padded = np.pad(samples, ((0, longest - len(samples)), (0, 0)))
        soundfile.write(file, padded, rate_hz, "PCM_24")
        files[condition] = file.relative_to(folder).as_posix()
    return Item(name, files, rate_hz)


def _read(path: Path) -> tuple[np.ndarray, int]:
    info = inspect_mono_or_stereo(path)
    if info.length_samples > LONGEST_S * info.rate_hz:
        raise InputError(f"{path}: longer than {LONGEST_S} s; a listening test compares short sounds")
    return np.concatenate([block for block, _ in read_blocks(path)]), info.rate_hz


def _anchors(reference: np.ndarray, rate_hz: int) -> dict[str, np.ndarray]:
    from plugin_backend.evaluation.metrics.anchors import low_pass

    return {
        name: np.stack([low_pass(channel, rate_hz, edge_hz) for channel in reference.T], axis=1)
        for name, edge_hz in ANCHORS_HZ.items()
        if 9 / 7 * edge_hz < rate_hz / 2
    }
