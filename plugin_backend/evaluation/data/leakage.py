"""Held-out sounds that a model may have met all the same: the same recording under another source's name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from plugin_backend.corpus.duplicates import Fingerprint, KnownRecordings, make_fingerprint
from plugin_backend.corpus.sound import Sound
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.evaluation.data.dense_clips import trimmed


def seen_in_training(judged: list[Sound], lessons: list[Sound], sample_rate: int) -> dict[str, str]:
    """File of a judged sound → file of the lesson that is the same recording; silent sounds are like none."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, KnownRecordings(Path(folder)) as known:
        for lesson in lessons:
            if (mark := _mark(lesson, sample_rate, Path(folder))) is not None:
                known.add(lesson.file, mark)
        for sound in judged:
            mark = _mark(sound, sample_rate, Path(folder))
            same = known.same_as(mark) if mark is not None else None
            if same is not None:
                found[sound.file] = same[0]
    return found


def _mark(sound: Sound, sample_rate: int, folder: Path) -> Fingerprint | None:
    heard = trimmed(sound.audio)
    if not heard.size:
        return None
    with TempAudio(folder) as scratch:
        scratch.append(heard)
        return make_fingerprint(scratch, 0, heard.size, sample_rate)
