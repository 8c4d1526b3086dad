"""Clips of fixed length for vector models. The same seed and step always give the same clips."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from plugin_backend.corpus.notes.layout import Note
from plugin_backend.corpus.sampling_weights import sampling_weights
from plugin_backend.corpus.sound import Sound, sounds_digest
from plugin_backend.dsp.pitch_detection import detect_pitch, octaves_above_middle
from plugin_backend.training.crop_sampler import CropSampler

FADE_IN_S, FADE_OUT_S = 0.002, 0.02
"""Fades at the ends that are cut inside a sound."""

WHOLE_SHARE = 0.5
"""Of a sound longer than a clip, this share of its clips begins where the sound does."""


@dataclass(frozen=True)
class Clip:
    """A sound to learn from.

    Attributes:
        file: its file.
        label: what it is; all labels are drawn equally often.
        source: what was recorded together.
        read: returns its samples, ``[samples]`` float32 at the model's rate.
    """

    file: str
    label: str
    source: str
    read: Callable[[], np.ndarray]


def clips_of(sounds: Sequence[Sound]) -> list[Clip]:
    """Return the sounds of a corpus as clips."""
    return [Clip(sound.file, sound.label, sound.source, partial(_samples, sound)) for sound in sounds]


def clips_of_notes(notes: Sequence[Note], rate_hz: int) -> list[Clip]:
    """Return notes as clips: a label for each family of instruments, a source for each instrument.

    Args:
        notes: from :func:`~plugin_backend.corpus.notes.layout.read_notes`.
        rate_hz: the model's rate.
    """
    return [
        Clip(note.path.name, note.row.instrument_family_str, note.row.instrument_str, partial(note.read, rate_hz))
        for note in notes
    ]


def _samples(sound: Sound) -> np.ndarray:
    return sound.audio


class ClipSampler:
    """A source of clips that begin where their sounds do.

    Args:
        clips: the sounds.
        clip_samples: length of a clip.
        sample_rate: in Hz.
        pitched: whether pitches are detected.
    """

    def __init__(self, clips: Sequence[Clip], clip_samples: int, sample_rate: int, pitched: bool):
        self.clips, self.clip_samples, self.sample_rate, self.pitched = clips, clip_samples, sample_rate, pitched
        _, label, counts = np.unique([clip.label for clip in clips], return_inverse=True, return_counts=True)
        self._probabilities = 1 / (counts[label] * len(counts))
        self._pitch_at_start = cache(self._detected)

    def digest(self) -> str:
        """Return 40 hexadecimal digits that change when the clips or their order do."""
        rows = [(clip.file, clip.label, clip.source) for clip in self.clips]
        return hashlib.sha1(json.dumps([self.clip_samples, rows]).encode(), usedforsecurity=False).hexdigest()

    def batch(self, size: int, seed: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the clips of one step, ``[size, clip_samples]``, and their pitches.

        A pitch is in octaves above MIDI note 60; it is NaN for a sound that has none.

        Args:
            size: number of clips.
            seed: of the run.
            step: of the run.
        """
        rng = np.random.default_rng((seed, step))
        rows = [self._draw(rng) for _ in range(size)]
        return np.stack([audio for audio, _ in rows]), np.asarray([pitch for _, pitch in rows], np.float32)

    def every(self, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return ``count`` batches of ``size`` clips, evenly spread over all sounds, for validation.

        Args:
            size: clips in a batch.
            count: batches.
        """
        chosen = np.linspace(0, len(self.clips) - 1, size * count).round().astype(int)
        rows = [(self._cut(self.clips[index].read(), 0), self._pitch_at_start(int(index))) for index in chosen]
        audio, pitch = np.stack([row[0] for row in rows]), np.asarray([row[1] for row in rows], np.float32)
        return [(audio[at : at + size], pitch[at : at + size]) for at in range(0, len(rows), size)]

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        index = int(rng.choice(len(self.clips), p=self._probabilities))
        audio = self.clips[index].read()
        place, whole = rng.random(), rng.random() < WHOLE_SHARE
        start = 0 if whole else int(place * max(1, audio.size - self.clip_samples))
        clip = self._cut(audio, start)
        return clip, self._pitch_at_start(index) if start == 0 else self._pitch(clip)

    def _cut(self, audio: np.ndarray, start: int) -> np.ndarray:
        part = np.array(audio[start : start + self.clip_samples], np.float32)
        if start:
            _fade(part, round(FADE_IN_S * self.sample_rate))
        if start + part.size < audio.size:
            _fade(part[::-1], round(FADE_OUT_S * self.sample_rate))
        return np.pad(part, (0, self.clip_samples - part.size))

    def _detected(self, index: int) -> float:
        return self._pitch(self._cut(self.clips[index].read(), 0))

    def _pitch(self, clip: np.ndarray) -> float:
        found = detect_pitch(clip, self.sample_rate) if self.pitched else None
        return np.nan if found is None else octaves_above_middle(found.note)


class GapSampler:
    """A source of clips that are cut anywhere, with gaps and effects, as for models of frames.

    Args:
        sounds: the sounds.
        clip_samples: length of a clip.
        sample_rate: in Hz.
        range_set: see :class:`~plugin_backend.training.crop_sampler.CropSampler`.
    """

    def __init__(self, sounds: list[Sound], clip_samples: int, sample_rate: int, range_set: str | None):
        self._crops = CropSampler(sounds, sampling_weights(sounds), clip_samples, sample_rate, range_set)

    def digest(self) -> str:
        """See :meth:`ClipSampler.digest`."""
        return sounds_digest(self._crops.sounds)

    def batch(self, size: int, seed: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return clips without pitches; see :meth:`ClipSampler.batch`.

        Args:
            size: number of clips.
            seed: of the run.
            step: of the run.
        """
        return self._crops.batch(size, seed, step), np.full(size, np.nan, np.float32)

    def every(self, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return ``count`` batches for validation, always the same.

        Args:
            size: clips in a batch.
            count: batches.
        """
        return [self.batch(size, 0, index) for index in range(count)]


def _fade(start: np.ndarray, samples: int) -> None:
    """Fade a part in from its first sample, in place."""
    length = min(samples, start.size)
    start[:length] *= np.linspace(0, 1, length, dtype=np.float32)
