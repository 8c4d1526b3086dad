"""The listening tests of a studio. They belong to the project, not to a tab: several people rate on one machine."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_audio, read_blocks
from plugin_backend.dsp.resample import Resampler
from plugin_backend.errors import InputError
from plugin_backend.evaluation.listening.answers import Ratings
from plugin_backend.evaluation.listening.listening_test import NAME, NAME_RULE, REFERENCE, TEST_FILE
from studio.web.settings import Settings

FOLDER = "listening"
PLAYED_HZ = 48_000

_OPEN: dict[Path, Ratings] = {}
_LOCK = threading.Lock()


def tests_folder(settings: Settings) -> Path:
    """Return the folder of the tests; it need not exist."""
    return settings.work / FOLDER


def test_names(settings: Settings) -> list[str]:
    """Return the names of all tests."""
    folder = tests_folder(settings)
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name) and (path / TEST_FILE).is_file())


def test_folder(settings: Settings, name: str) -> Path:
    """Return the folder of a test, which need not exist.

    Raises:
        InputError: no allowed name.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"{name[:64]!r} is no name of a test: {NAME_RULE}")
    return tests_folder(settings) / name


def ratings_of(settings: Settings, name: str) -> Ratings:
    """Return an open test; it stays open for as long as the server runs.

    Raises:
        InputError: there is no such test.
        ProjectError, OutputError: it is damaged, or another studio has it open.
    """
    folder = test_folder(settings, name)
    with _LOCK:
        if folder not in _OPEN:
            if name not in test_names(settings):
                raise InputError(f"there is no listening test {name!r}")
            _OPEN[folder] = Ratings(folder)
        return _OPEN[folder]


def sources_of(settings: Settings) -> dict[str, Path]:
    """Return the folders of the project's folder that hold folders of sounds: name → path."""
    file = settings.project_file
    if file is None:
        return {}
    found = {}
    for path in sorted(file.resolve().parent.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path != settings.work.resolve():
            inner = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
            if len(inner) >= 2:
                found[path.name] = path
    return found


def sound_of(ratings: Ratings, rater: str, page: int, slot: int) -> np.ndarray:
    """Return a sound of a rater's page, ``[n, 2]`` float32 at 48 kHz.

    Args:
        ratings: the test.
        rater: who listens.
        page: number of the page.
        slot: number of the sound on it; −1 for the open reference.

    Raises:
        InputError: there is no such sound.
    """
    pages = ratings.pages(rater)
    if not 0 <= page < len(pages) or not (-1 if pages[page].reference else 0) <= slot < len(pages[page].slots):
        raise InputError("there is no such sound on this page")
    shown = pages[page]
    condition = REFERENCE if slot < 0 else shown.slots[slot]
    path = ratings.folder / ratings.test.item(shown.item).sounds[condition]
    rate_hz = inspect_audio(path).rate_hz
    audio = np.concatenate([block for block, _ in read_blocks(path)])
    if rate_hz != PLAYED_HZ:
        audio = Resampler(rate_hz, PLAYED_HZ, audio.shape[1], "VHQ").push(audio.T, True).T
    return np.repeat(audio, 2, axis=1) if audio.shape[1] == 1 else audio


def close_ratings() -> None:
    """Close all tests, at the end of the server."""
    with _LOCK:
        for ratings in _OPEN.values():
            ratings.close()
        _OPEN.clear()
