"""A folder of recordings, prepared once and then mapped into memory.

The cache is a folder. ``audio-KEY.npy`` holds all pieces end to end (mono float32). ``index.json`` lists which samples
belong to which file, and holds the report. ``report.json`` is the report alone. ``KEY`` follows from the files' names,
sizes and modification times, their labels and the settings. The three files are published together, the index last, so
a cache is always complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time
from tokenize import TokenError
from typing import Annotated

import msgspec
import numpy as np

from plugin_backend.corpus.ingest import ingest_files
from plugin_backend.corpus.report import make_report
from plugin_backend.corpus.scan import CACHE_NAME, ScanResult, escape_name, scan_folder
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError, OutputError
from plugin_backend.output_files import cannot_write
from plugin_backend.staged_files import StagedFiles, stage_files
from plugin_backend.text import in_one_line

SCHEMA = 1
SETTINGS = 2
"""Increase this when the same files are prepared in another way, so that old caches are rebuilt."""

STALE_S = 3600.0
"""Incomplete files that an earlier version of Pisada left are removed at this age."""

NonNegative = Annotated[int, msgspec.Meta(ge=0)]


class Piece(msgspec.Struct, frozen=True):
    """A row of the index. ``start_samples`` counts in the file, ``offset_samples`` in the flat array."""

    file: str
    label: str
    source: str
    edge_hz: float
    start_samples: NonNegative
    offset_samples: NonNegative
    length_samples: Annotated[int, msgspec.Meta(gt=0)]


class Index(msgspec.Struct, frozen=True):
    """The content of ``index.json``."""

    schema: int
    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
    sample_rate: Annotated[int, msgspec.Meta(gt=0)]
    pieces: Annotated[list[Piece], msgspec.Meta(min_length=1)]
    report: dict


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its cache folder, rate in Hz, sounds (views of the mapped file) and report."""

    cache: Path
    sample_rate: int
    sounds: list[Sound]
    report: dict


def open_corpus(cache: Path) -> Corpus:
    """Open a corpus that was prepared earlier.

    Raises:
        AudioFileError: there is no cache, or it is damaged, or another version wrote it.
    """
    index = _read_index(cache)
    if index is None:
        raise AudioFileError(f"{cache}: no prepared corpus (no index.json)")
    path = cache / _audio_name(index.key)
    try:
        audio = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TokenError) as problem:  # a header is read as Python's text
        raise AudioFileError(f"{path}: the prepared corpus is damaged ({in_one_line(problem)})") from problem
    last = max(piece.offset_samples + piece.length_samples for piece in index.pieces)
    if audio.dtype != np.dtype("<f4") or audio.ndim != 1 or last > audio.size:
        raise AudioFileError(f"{path}: the prepared corpus is damaged (index and audio disagree)")
    flat = np.asarray(audio)
    sounds = [
        Sound(p.file, p.label, p.source, p.edge_hz, flat[p.offset_samples :][: p.length_samples], p.start_samples)
        for p in index.pieces
    ]
    return Corpus(cache, index.sample_rate, sounds, index.report)


def prepare_corpus(
    folder: Path,
    cache: Path | None = None,
    sample_rate: int = 48_000,
    say: Callable[[str], None] = lambda _: None,
    option: str = "--out",
) -> Corpus:
    """Return the recordings below ``folder``, from ``cache`` if nothing has changed.

    An interrupted run leaves nothing behind.

    Args:
        folder: a folder of recordings.
        cache: the cache folder; by default ``folder/.pisada-corpus``.
        sample_rate: of the corpus, in Hz.
        say: receives progress messages.
        option: the command-line option for ``cache``, named in an error message.

    Returns:
        The corpus.

    Raises:
        AudioFileError: there is no usable sound, or the manifest is wrong.
        OutputError: the cache cannot be written, or is a folder that holds something else.
    """
    scanned = scan_folder(folder)
    key, cache_folder = _key(scanned, sample_rate), cache or folder / CACHE_NAME
    corpus = _current(cache_folder, key, say)
    if corpus:
        say(f"{cache_folder}: nothing has changed since it was prepared")
        return corpus
    hint = "" if cache else f"; name another folder for the prepared corpus with {option}"
    try:
        is_new = not cache_folder.is_dir()
        cache_folder.mkdir(parents=True, exist_ok=True)
        try:
            _sweep(cache_folder)
            with stage_files(cache_folder, "corpus") as stage:
                _build(folder, scanned, sample_rate, key, stage, say)
            for old in cache_folder.glob("audio-*.npy"):
                if old.name != _audio_name(key):
                    old.unlink(missing_ok=True)
        finally:
            if is_new:
                with suppress(OSError):
                    cache_folder.rmdir()
    except OSError as problem:
        raise OutputError(f"{cannot_write(cache_folder, problem.strerror)}{hint}") from problem
    return open_corpus(cache_folder)


def _build(
    folder: Path, scanned: ScanResult, sample_rate: int, key: str, stage: StagedFiles, say: Callable[[str], None]
) -> None:
    ingested = ingest_files(folder, scanned, sample_rate, stage.replacing(_audio_name(key)), say)
    pieces = [piece for file in sorted(ingested.pieces) for piece in ingested.pieces[file]]
    if not pieces:
        example = min(ingested.dropped, default=None)
        example_text = f", for example {escape_name(example[0])}: {escape_name(example[1])}" if example else ""
        raise AudioFileError(f"{folder}: no usable sound in {len(scanned.files)} audio files{example_text}")
    remarks = list(ingested.remarks.items())
    report = make_report(pieces, sample_rate, ingested.dropped, remarks, scanned.ignored, ingested.copies)
    index = {"schema": SCHEMA, "key": key, "sample_rate": sample_rate, "pieces": pieces, "report": report}
    for name, content in (("report.json", report), ("index.json", index)):
        stage.replacing(name).write_text(json.dumps(content, indent=1), encoding="ascii")


def _key(scanned: ScanResult, sample_rate: int) -> str:
    """Return a key that differs whenever the cache would differ."""
    files = [(f.file, f.label, f.source, f.size, f.mtime_ns) for f in scanned.files]
    settings = [SCHEMA, SETTINGS, sample_rate, files, sorted(scanned.dropped)]
    return hashlib.sha1(json.dumps(settings).encode(), usedforsecurity=False).hexdigest()


def _audio_name(key: str) -> str:
    return f"audio-{key}.npy"


def _read_index(cache: Path) -> Index | None:
    path = cache / "index.json"
    if not path.exists():
        return None
    try:
        index = msgspec.convert(json.loads(path.read_text(encoding="ascii")), Index)
    except (OSError, ValueError, RecursionError) as problem:
        raise AudioFileError(f"{path}: not the index of a prepared corpus ({in_one_line(problem)})") from problem
    if index.schema != SCHEMA:
        raise AudioFileError(f"{path}: schema {index.schema}; this version reads schema {SCHEMA}")
    return index


def _current(cache: Path, key: str, say: Callable[[str], None]) -> Corpus | None:
    """Return the corpus in the cache if its key is ``key``. Refuse a folder whose index is not ours."""
    try:
        index = _read_index(cache)
        return open_corpus(cache) if index and index.key == key else None
    except AudioFileError as problem:
        if not any(cache.glob("audio-*.npy")):
            raise OutputError(f"{problem}; name a folder of its own for the prepared corpus") from problem
        say(f"{problem}; prepared again")
        return None


def _sweep(cache: Path) -> None:
    for part in cache.glob(".*.part"):
        with suppress(OSError):
            if part.is_file() and time() - part.stat().st_mtime > STALE_S:
                part.unlink()
