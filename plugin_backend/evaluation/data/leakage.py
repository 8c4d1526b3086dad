"""Find held-out sounds that a model may have been trained on: the same recording under another source's name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from plugin_backend.corpus.duplicates import Fingerprint, KnownRecordings, make_fingerprint
from plugin_backend.corpus.sound import Sound
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.evaluation.data.dense_clips import trimmed


def seen_in_training(held_out: list[Sound], training: list[Sound], sample_rate: int) -> dict[str, str]:
    """Return, by file of a held-out sound, the training file that is the same recording.

    Args:
        held_out: the held-out sounds. Silent ones match none.
        training: the training sounds.
        sample_rate: in Hz.
    """
    matches = {}
    with tempfile.TemporaryDirectory() as folder, KnownRecordings(Path(folder)) as known:
        for sound in training:
            if (mark := _mark(sound, sample_rate, Path(folder))) is not None:
                known.add(sound.file, mark)
        for sound in held_out:
            mark = _mark(sound, sample_rate, Path(folder))
            same = known.same_as(mark) if mark is not None else None
            if same is not None:
                matches[sound.file] = same[0]
    return matches


def _mark(sound: Sound, sample_rate: int, folder: Path) -> Fingerprint | None:
    audible = trimmed(sound.audio)
    if not audible.size:
        return None
    with TempAudio(folder) as scratch:
        scratch.append(audible)
        return make_fingerprint(scratch, 0, audible.size, sample_rate)
