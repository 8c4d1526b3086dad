"""Join sounds into clips without long silence. ViSQOL saturates on single steps.

A clip has sounds of one source and one label. One-shots are trimmed, brought to one peak and joined with 50 ms
between them. Long sounds are cut into parts of a clip's length. Material that does not fill its last clip is repeated
in another order. The same sounds always give the same clips.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from plugin_backend.corpus.sound import Sound

CLIP_S, GAP_S, FADE_S, PEAK = 5.0, 0.05, 0.005, 0.5
CLIPS_PER_LABEL = 4
TEXTURES = frozenset(("electric", "engine", "fire", "machine", "rain", "scifi", "thunder", "water", "wind"))
"""Classes of continuous sounds, not hits."""

SPARSE_SHARE = 0.25
"""If a last clip has less new material than this share, it is left out, unless it is the only one."""

QUIET = 10 ** (-50 / 20)
"""Level, relative to the peak, below which the start and end of a sound are cut."""


@dataclass(frozen=True)
class DenseClip:
    """A clip of ``CLIP_S`` seconds, peak 0.5. ``name`` has source, label and number."""

    label: str
    source: str
    name: str
    audio: np.ndarray


def class_of(label: str) -> str:
    """Return the class of a label: its first part."""
    return label.split("/")[0]


def group_of(label: str) -> str:
    """Return the group under which a label is scored: footsteps by material, all else by class."""
    return "/".join(label.split("/")[: 2 if class_of(label) == "footsteps" else 1])


def is_texture(label: str) -> bool:
    """Return whether a label names continuous sounds and not hits."""
    return class_of(label) in TEXTURES


def dense_clips(sounds: list[Sound], sample_rate: int, clips_per_label: int = CLIPS_PER_LABEL) -> list[DenseClip]:
    """Return at most ``clips_per_label`` clips of each label, in turn from its sources. Silent sounds are left out.

    Args:
        sounds: to join.
        sample_rate: in Hz.
        clips_per_label: most clips of a label.
    """
    members: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for sound in sorted(sounds, key=lambda sound: sound.file):
        members[group_of(sound.label)][sound.source] += pieces(sound.audio, sample_rate)
    return [
        clip
        for label, sources in sorted(members.items())
        for clip in _in_turn(label, sources, sample_rate)[:clips_per_label]
    ]


def _in_turn(label: str, sources: dict[str, list[np.ndarray]], sample_rate: int) -> list[DenseClip]:
    """Return the first clip of every source, then the second of every source, and so on."""
    clips = [
        [
            DenseClip(label, source, f"{source} {label} {number}", audio)
            for number, audio in enumerate(joined(of_it, sample_rate))
        ]
        for source, of_it in sorted(sources.items())
    ]
    return [clip for row in zip_longest(*clips) for clip in row if clip is not None]


def pieces(audio: np.ndarray, sample_rate: int) -> list[np.ndarray]:
    """Return the trimmed sound at peak 0.5, in parts of at most ``CLIP_S`` seconds; none if it is silent."""
    sound, longest = trimmed(audio), round(CLIP_S * sample_rate)
    parts = (sound[start : start + longest] for start in range(0, sound.size, longest))
    return [part * np.float32(PEAK / np.abs(part).max()) for part in parts if np.abs(part).max() > 0]


def trimmed(audio: np.ndarray) -> np.ndarray:
    """Return the sound without its quiet start and end; empty if it is silent."""
    audible = np.flatnonzero(np.abs(audio) > QUIET * np.abs(audio).max(initial=0.0))
    return audio[audible[0] : audible[-1] + 1] if audible.size else audio[:0]


def joined(material: list[np.ndarray], sample_rate: int) -> list[np.ndarray]:
    """Join ``material`` with 50 ms between, as clips of ``CLIP_S`` seconds; none without material."""
    if not material:
        return []
    rng = np.random.default_rng(0)
    clips: list[np.ndarray] = []
    length, gap, fade = (round(seconds * sample_rate) for seconds in (CLIP_S, GAP_S, FADE_S))
    waiting, fresh = list(material), sum(piece.size + gap for piece in material)
    while not clips or fresh > SPARSE_SHARE * length:
        clip, begin = np.zeros(length, np.float32), 0
        while begin < length:
            waiting = waiting or [material[index] for index in rng.permutation(len(material))]
            piece = waiting.pop(0)[: length - begin].copy()
            tail = min(fade, piece.size)
            piece[piece.size - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
            clip[begin : begin + piece.size] = piece
            begin += piece.size + gap
        clips.append(clip)
        fresh -= begin
    return clips
